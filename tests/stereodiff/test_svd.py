"""One step of Stable Video Diffusion: its folder, its noise, and the context of each frame."""

import json
import sys

import pytest
import torch
from tiny_svd import make_parts, write_folder

from stdnet_arch.stereodiff.svd import (
    Parts,
    SVDStep,
    check_folders,
    context_per_frame,
    fingerprint,
    load_parts,
)

pytest.importorskip("diffusers")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("svd"))


@pytest.fixture(scope="module")
def step():
    return SVDStep(Parts(*make_parts()), frames_at_once=2)


def latents(t=3, h=4, w=6):
    torch.manual_seed(1)
    return [torch.randn(t, 4, h, w) for _ in range(3)]


def test_the_step_is_the_published_one_from_sigma_2_27_to_almost_nothing(step):
    latent, rgb, noise = latents()
    context = torch.zeros(3, 1, 16)
    got = step.step(latent, rgb, context, noise)
    # SVD with 4 steps: Karras' levels between 700 and 0.002 (rho 7); time is log(sigma) / 4.
    ramp = torch.linspace(0, 1, 4, dtype=torch.float64)
    sigmas = (700 ** (1 / 7) + ramp * (0.002 ** (1 / 7) - 700 ** (1 / 7))) ** 7
    sigma, after = sigmas[2].item(), sigmas[3].item()
    assert sigma == pytest.approx(2.27, abs=0.01)
    noisy = latent + sigma * noise
    seen = torch.cat([noisy / (sigma**2 + 1) ** 0.5, rgb], 1)[None]
    time, ids = torch.tensor(0.25 * sigmas[2].log().item()), torch.tensor([[7, 127, 0.02]])
    with torch.no_grad():
        v = step.parts.unet(seen, time, context[:1], added_time_ids=ids).sample[0]
    clean = noisy / (sigma**2 + 1) - v * sigma / (sigma**2 + 1) ** 0.5
    expected = clean + (noisy - clean) / sigma * after
    torch.testing.assert_close(got, expected, atol=1e-4, rtol=1e-4)


def test_each_frame_has_its_own_context_and_one_for_all_is_the_librarys(step):
    unet, (x, rgb, _) = step.parts.unet, latents()
    x = torch.cat([x, rgb], 1)[None]
    same, own = torch.randn(1, 1, 16), torch.randn(3, 1, 16)
    ids = torch.zeros(1, 3)
    with torch.no_grad():
        library = unet(x, 1.0, same, ids).sample
        with context_per_frame(unet, same.expand(3, -1, -1)):
            torch.testing.assert_close(unet(x, 1.0, own[:1], ids).sample, library)
        with context_per_frame(unet, own):
            assert not torch.allclose(unet(x, 1.0, same, ids).sample, library)
        torch.testing.assert_close(unet(x, 1.0, same, ids).sample, library)


def test_a_window_comes_back_at_its_size_and_the_same_for_the_same_seed(step):
    disparity, rgb = torch.rand(3, 1, 64, 128), torch.zeros(3, 3, 64, 128, dtype=torch.uint8)
    one, again, other = (step.refine(disparity, rgb, seed) for seed in (4, 4, 5))
    assert one.shape == (3, 1, 64, 128)
    assert torch.equal(one, again)
    assert not torch.allclose(one, other)


def test_a_folder_gives_back_the_same_networks(folder, step):
    loaded = SVDStep(load_parts(folder, context="zeros"), frames_at_once=2)
    x, rgb, noise = latents()
    context = torch.zeros(3, 1, 16)
    got, expected = (s.step(x, rgb, context, noise) for s in (loaded, step))
    torch.testing.assert_close(got, expected)


def test_another_unet_wins_over_the_folders_and_has_another_fingerprint(folder, tmp_path):
    unet = make_parts()[0]
    torch.nn.init.zeros_(unet.conv_out.weight)
    unet.save_pretrained(tmp_path / "unet")
    parts = load_parts(folder, tmp_path / "unet", "zeros")
    assert not parts.unet.conv_out.weight.any()
    assert fingerprint(folder, tmp_path / "unet") != fingerprint(folder)


def test_weights_that_lack_a_layer_are_refused(tmp_path):
    folder = write_folder(tmp_path)
    path = folder / "unet" / "diffusion_pytorch_model.safetensors"
    safetensors = pytest.importorskip("safetensors.torch")
    state = safetensors.load_file(path)
    del state["conv_out.weight"]
    safetensors.save_file(state, path, metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"unet: the weights do not fit.*conv_out\.weight"):
        load_parts(folder, context="zeros")


MISSING = [
    ("unet/config.json", r"expected .*config\.json"),
    ("unet/diffusion_pytorch_model.safetensors", r"expected weights .*unet"),
    ("vae/diffusion_pytorch_model.safetensors", r"expected weights .*vae"),
    ("scheduler/scheduler_config.json", r"expected .*scheduler_config\.json"),
]


@pytest.mark.parametrize("look", [load_parts, check_folders])
@pytest.mark.parametrize(("missing", "message"), MISSING)
def test_a_part_that_is_missing_is_named_and_nothing_is_downloaded(
    tmp_path, look, missing, message
):
    (write_folder(tmp_path) / missing).unlink()
    with pytest.raises(FileNotFoundError, match=message):
        look(tmp_path, context="zeros")


def test_an_empty_file_is_no_weights(tmp_path):
    (write_folder(tmp_path) / "vae/diffusion_pytorch_model.safetensors").write_bytes(b"")
    with pytest.raises(FileNotFoundError, match=r"expected weights .*vae"):
        check_folders(tmp_path, context="zeros")


def test_a_missing_shard_is_named_before_anything_is_loaded(tmp_path):
    unet = write_folder(tmp_path) / "unet"
    weights = {"conv_in.weight": "diffusion_pytorch_model-00002-of-00002.safetensors"}
    index = unet / "diffusion_pytorch_model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": weights}))
    with pytest.raises(FileNotFoundError, match="00002-of-00002"):
        check_folders(tmp_path, context="zeros")


def test_a_whole_folder_passes(folder):
    check_folders(folder, context="zeros")
    with pytest.raises(FileNotFoundError, match="context: zeros does without"):
        check_folders(folder)


def test_without_an_image_encoder_zeros_must_be_asked_for(folder):
    with pytest.raises(FileNotFoundError, match="context: zeros does without"):
        load_parts(folder)


def test_clip_sees_each_frame(tmp_path):
    transformers = pytest.importorskip("transformers")
    config = transformers.CLIPVisionConfig(
        hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        image_size=28, patch_size=14, projection_dim=16,
    )  # fmt: skip
    folder = write_folder(tmp_path)
    encoder = transformers.CLIPVisionModelWithProjection(config).eval()
    encoder.save_pretrained(folder / "image_encoder")
    loaded = SVDStep(load_parts(folder), frames_at_once=2)
    colors = torch.rand(3, 3, 28, 28)
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(3, 1, 1)
    deviation = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(3, 1, 1)
    with torch.no_grad():
        expected = encoder((colors - mean) / deviation).image_embeds
        torch.testing.assert_close(loaded._context(colors)[:, 0], expected)


def test_without_the_library_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(ImportError, match=r"pip install 'stdnet_arch\[diffusion\]'"):
        load_parts(tmp_path)


@pytest.mark.parametrize("option", [{"start": 4}, {"start": -1}, {"frames_at_once": 0}])
def test_a_step_that_is_none_is_refused(option):
    with pytest.raises(ValueError, match="0 <= start < steps and frames_at_once >= 1"):
        SVDStep(Parts(*make_parts()), **option)


def test_an_unknown_context_is_refused(tmp_path):
    with pytest.raises(ValueError, match="one of clip, zeros; got 'text'"):
        load_parts(tmp_path, context="text")
