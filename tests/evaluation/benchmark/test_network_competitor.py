"""Networks as competitors: what they are, in metres, in chunks, from every kind of checkpoint."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from basicsr.archs import build_network

from stdnet_arch import option_file
from stdnet_arch.archs.checkpoints.adapters import save_checkpoint
from stdnet_arch.evaluation.benchmark.competitor import build_competitor

LQ_PAD, RGB_PAD = (0, 4, 0, 5, 0, 0), (0, 16, 0, 20, 0, 0)
STDNET = {"type": "STDNet", "scale": 4, "num_feat": 16, "head_feat": 16, "init": "balanced"}
EDSR = {
    "type": "ToolboxVSR",
    "scale": 4,
    "arch": "EDSR",
    "options": {"num_feat": 4, "num_block": 1},
}


PLANS = sorted((Path(__file__).parents[3] / "options/benchmark").glob("*.yml"))


def with_weights():
    """Networks of plans that name their weights, and the plans' scales."""
    plans = {path: option_file.read(path) for path in PLANS}
    return [
        pytest.param(entry, plan["scale"], id=f"{path.stem}, {name}")
        for path, plan in plans.items()
        for name, entry in (plan.get("models") or {}).items()
        if entry and entry.get("network_g") and entry.get("weights")
    ]


@pytest.fixture
def recording():
    return torch.rand(5, 3, 4) + 2, torch.rand(5, 12, 16, 3)


@pytest.fixture
def checkpoint(tmp_path):
    """A function that writes the weights of a network, as training does; returns it, too."""

    def write(network, about=None):
        net = build_network(network).eval()
        save_checkpoint(net, tmp_path / "net.pth", about=about)
        return net, tmp_path / "net.pth"

    return write


def ready(**options):
    competitor = build_competitor({"type": "Network", "device": "cpu", **options})
    competitor.load()
    return competitor


@pytest.mark.parametrize("network", [STDNET, EDSR])
def test_it_is_the_network_between_metres(network, recording, checkpoint):
    net, path = checkpoint(network)
    lq_m, rgb = recording
    with torch.no_grad():
        pred = net(lq_m[None, :, None] / 8, rgb.permute(0, 3, 1, 2)[None])["pred"]
    got = ready(network=network, weights=path, depth_range_m=8.0).infer(lq_m, rgb)
    np.testing.assert_allclose(got, 8 * pred[0, :, 0], atol=1e-5)


def test_a_checkpoint_that_says_what_it_is_is_enough(recording, checkpoint):
    _, path = checkpoint(EDSR, about={"network_g": EDSR, "depth_range_m": 8.0})
    alone = ready(weights=path)
    said = ready(network=EDSR, weights=path, depth_range_m=8.0)
    assert alone.scale == 4
    np.testing.assert_array_equal(alone.infer(*recording), said.infer(*recording))


def test_the_moving_average_is_judged(tmp_path, recording):
    raw, average = (build_network(EDSR).state_dict() for _ in range(2))
    torch.save({"params": raw, "params_ema": average}, tmp_path / "both.pth")
    torch.save({"params": average}, tmp_path / "average.pth")
    results = [
        ready(network=EDSR, weights=tmp_path / name, depth_range_m=8.0).infer(*recording)
        for name in ("both.pth", "average.pth")
    ]
    np.testing.assert_array_equal(*results)


def test_chunks_give_the_same(checkpoint):
    _, path = checkpoint(STDNET)
    lq_m, rgb = torch.rand(20, 2, 3) + 2, torch.rand(20, 8, 12, 3)
    given = {"network": STDNET, "weights": path, "depth_range_m": 8.0}
    whole = ready(**given).infer(lq_m, rgb)
    np.testing.assert_allclose(ready(**given, chunk_frames=2).infer(lq_m, rgb), whole, atol=1e-4)


def test_sides_that_do_not_fit_are_padded_and_cropped(recording):
    swin = {"arch": "SwinIR", "options": {"embed_dim": 12, "depths": [1], "num_heads": [2]}}
    network = {"type": "ToolboxVSR", "channels": 1, **swin}
    competitor = ready(network=network, scale=4, depth_range_m=8.0)
    got = competitor.infer(*recording)
    # SwinIR's windows are 8 x 8: rows and columns are repeated up to there.
    lq, guide = recording[0][None, :, None] / 8, recording[1].permute(0, 3, 1, 2)[None]
    lq, guide = (F.pad(x, pad, mode="replicate") for x, pad in ((lq, LQ_PAD), (guide, RGB_PAD)))
    with torch.no_grad():
        expected = 8 * competitor.net(lq, guide)["pred"][0, :, 0, :12, :16]
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_a_network_that_makes_frames_is_given_every_second_one(recording):
    network = {"type": "Interpolation", "scale": 4, "mode": "nearest", "time_scale": 2}
    got = ready(network=network, depth_range_m=8.0).infer(*recording)
    lq_m = recording[0].numpy()
    expected = np.stack((lq_m[2], (lq_m[2] + lq_m[4]) / 2, lq_m[4]))
    np.testing.assert_allclose(got[2:, 2::4, 2::4], expected, atol=1e-6)


def test_half_precision_is_close(recording, checkpoint):
    _, path = checkpoint(EDSR)
    given = {"network": EDSR, "weights": path, "depth_range_m": 8.0}
    exact, rough = (ready(**given, dtype=dtype).infer(*recording) for dtype in ("float32", "bf16"))
    assert 0 < abs(exact - rough).max() < 0.1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "needs its section .network., or weights"),
        ({"network": EDSR}, "depth_range_m must be given.*without weights"),
        ({"network": EDSR, "depth_range_m": -1.0}, "depth_range_m.*-1.0"),
        (
            {"network": EDSR, "depth_range_m": 8.0, "dtype": "int8"},
            "precision must be float32, bf16, fp16; got 'int8'",
        ),
        ({"network": {"type": "STDNett"}, "depth_range_m": 8.0}, "'STDNett', which is not"),
        ({"network": EDSR, "scale": 8, "depth_range_m": 8.0}, "x8 was asked for, got one of x4"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ready(**options)


def test_inference_before_loading_says_so(recording):
    with pytest.raises(RuntimeError, match="load.. must be called"):
        build_competitor({"type": "Network", "network": EDSR, "depth_range_m": 8.0}).infer(
            *recording
        )


@pytest.mark.parametrize(
    "options", [{"num_feat": 8, "num_block": 1}, {"num_feat": 4, "num_block": 2}]
)
def test_weights_of_another_network_are_named(checkpoint, options):
    _, path = checkpoint(EDSR)
    other = {**EDSR, "options": options}
    with pytest.raises(
        ValueError, match=r"(?s)net\.pth does not fit .*EDSR.*(missing|mismatch|Missing)"
    ):
        ready(network=other, weights=path, depth_range_m=8.0)


def test_a_network_that_asks_for_the_step_is_told_what_the_first_frame_shows(recording):
    steps = 2 + 0.1 * torch.arange(12.0).view(1, 3, 4).expand(5, 3, 4)
    competitor = ready(network={"type": "PlaneBlend", "scale": 4, "num_feat": 8}, depth_range_m=5.0)
    competitor.net.eval()
    got = competitor.infer(steps, recording[1])
    guide = recording[1].permute(0, 3, 1, 2)[None]
    with torch.no_grad():
        told = competitor.net(steps[None, :, None] / 5, guide, torch.tensor([0.02]))["pred"]
        untold = competitor.net(steps[None, :, None] / 5, guide)["pred"]
    np.testing.assert_allclose(got, 5 * told[0, :, 0], atol=1e-4)
    assert not torch.equal(told, untold)


@pytest.mark.parametrize(("entry", "scale"), with_weights())
def test_weights_that_a_plan_names_fit_its_network(entry, scale):
    path = PLANS[0].parents[2] / entry["weights"]
    network = {**entry["network_g"], "scale": scale}
    given = {"network": network, "weights": path, "depth_range_m": 20.0}
    competitor = build_competitor({"type": "Network", "device": "cpu", **given})
    competitor.load()
    depth_m = np.full((2, 5, 7), 3.0, np.float32)
    depth_m[:, :, 3:] = 9.0
    made_m = competitor.infer(depth_m, np.zeros((2, 5 * scale, 7 * scale, 3), np.uint8))
    expected = np.broadcast_to([3.0, 9.0], (5 * scale, 2))
    np.testing.assert_allclose(made_m[0, :, [0, -1]].T, expected, 0.02)
