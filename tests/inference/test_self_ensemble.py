"""Mirror images: the mean of what a network says of each, by clip, by stream and by the command."""

import json
import pickle
from copy import deepcopy

import numpy as np
import pytest
import torch
from expecting_net import ExpectingNet
from recording_parts import depth_clip, rgb_clip, write_recording
from shaken_nets import shaken_net

from stdnet_arch.archs.checkpoints.adapters import save_checkpoint
from stdnet_arch.inference import open_stream
from stdnet_arch.inference.jobs.command import main
from stdnet_arch.inference.predictor import DepthSRPredictor
from stdnet_arch.inference.self_ensemble import SelfEnsemble, mirrored
from stdnet_arch.utils.depth_step import depth_step, takes_step

PLANES = {"type": "PlaneBlend", "num_feat": 8, "num_block": [1, 1, 1], "detail": 4}
DFLOW = {"type": "DFlowDepth", "num_feat": 8}
STDNET = {"type": "STDNet", "num_feat": 16, "head_feat": 16, "init": "balanced"}


def clip_of(t, h=5, w=7):
    """A clip of random depth around 2 m and random colours."""
    random = torch.Generator().manual_seed(t)
    lq = 2 + 0.5 * torch.rand(1, t, 1, h, w, generator=random)
    return lq, torch.rand(1, t, 3, 4 * h, 4 * w, generator=random)


@pytest.fixture(scope="module")
def planes():
    """A PlaneBlend with a memory that looks at RGB."""
    return shaken_net({**PLANES, "temporal": True})


def by_hand(net, lq, guide):
    """The mean over mirror images, turned in NumPy."""
    sums = {}
    for axes in ((), (4,), (3,), (3, 4)):
        turned = [torch.from_numpy(np.flip(x.numpy(), axes).copy()) for x in (lq, guide)]
        with torch.no_grad():
            made = net(*turned)
        for name in {"pred", "error"} & made.keys():
            sums[name] = sums.get(name, 0) + np.flip(made[name].numpy(), axes) / 4
    return sums


@pytest.mark.parametrize("options", [{**PLANES, "temporal": True}, STDNET])
def test_it_is_the_mean_over_mirror_images(options):
    net = shaken_net(options)
    lq, guide = clip_of(3)
    with torch.no_grad():
        plain, made = net(lq, guide), SelfEnsemble(net)(lq, guide)
    expected = by_hand(net, lq, guide)
    assert made.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(made[name], value, rtol=1e-5, atol=1e-6)
        assert not np.allclose(plain[name], value, rtol=1e-4, atol=1e-6)


def test_a_mirrored_clip_gives_the_mirrored_result(planes):
    lq, guide = clip_of(2)
    net = SelfEnsemble(planes)
    with torch.no_grad():
        made, mirrored = net(lq, guide)["pred"], net(lq.flip(-1), guide.flip(-1))["pred"]
    torch.testing.assert_close(mirrored.flip(-1), made, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("options", [{**PLANES, "temporal": True}, STDNET, DFLOW])
def test_a_stream_gives_what_the_clip_gives(options):
    net = SelfEnsemble(shaken_net(options))
    lq, guide = clip_of(9)
    with torch.no_grad():
        whole = net(lq, guide)
    stream = open_stream(net)
    frames = list(zip(lq[0], guide[0], strict=True))
    made = stream.push_outputs(frames[:4])
    stream.move("cpu")
    made += stream.push_outputs(frames[4:]) + stream.flush_outputs()
    assert {name for maps in made for name in maps} == whole.keys()
    for name, value in whole.items():
        stacked = torch.stack([maps[name] for maps in made])
        torch.testing.assert_close(stacked, value[0], rtol=1e-5, atol=1e-5)


def test_a_network_without_its_own_stream_runs_on_windows():
    net = SelfEnsemble(ExpectingNet())
    lq, guide = clip_of(5)
    stream = open_stream(net)
    made = [stream.push(*frame) for frame in zip(lq[0], guide[0], strict=True)]
    torch.testing.assert_close(torch.stack(sum(made, [])), net(lq, guide)["pred"][0])


def test_the_step_reaches_the_network():
    inner = ExpectingNet()
    net = SelfEnsemble(inner)
    assert takes_step(net)
    with depth_step(net, 0.5):
        net(*clip_of(1))
    assert inner.steps == [0.5] * 4
    assert inner.step == 0
    assert not takes_step(SelfEnsemble(shaken_net(STDNET)))


@pytest.fixture(scope="module")
def weights(planes, tmp_path_factory):
    """A checkpoint of the network of :func:`planes`."""
    path = tmp_path_factory.mktemp("weights") / "planes.safetensors"
    about = {"network_g": {**PLANES, "temporal": True, "scale": 4}, "depth_range_m": 1.0}
    save_checkpoint(planes, path, about=about)
    return path


def test_the_predictor_averages_what_plain_ones_say(weights):
    depth_m, rgb = depth_clip(3, 6, 9), rgb_clip(3, 24, 36)
    plain = DepthSRPredictor(weights, "cpu", step_m=0.0)
    mean = (
        sum(
            np.flip(plain.predict(np.flip(depth_m, axes), np.flip(rgb, axes)), axes)
            for axes in ((), (1,), (2,), (1, 2))
        )
        / 4
    )
    ours = DepthSRPredictor(weights, "cpu", step_m=0.0, self_ensemble=True)
    np.testing.assert_allclose(ours.predict(depth_m, rgb), mean, rtol=1e-5)
    assert "PlaneBlend, mean over 3 mirror images and itself, x4" in ours.describe()


def test_tiles_are_mirrored_too(weights):
    depth_m, rgb = depth_clip(2, 12, 20), rgb_clip(2, 48, 80)
    kwargs = {"self_ensemble": True, "step_m": 0.0}
    whole = DepthSRPredictor(weights, "cpu", **kwargs).predict(depth_m, rgb)
    cut = DepthSRPredictor(weights, "cpu", tile=12, compare=0, **kwargs).predict(depth_m, rgb)
    np.testing.assert_allclose(cut, whole, rtol=0.005)
    plain = DepthSRPredictor(weights, "cpu", tile=12, compare=0, step_m=0.0).predict(depth_m, rgb)
    assert not np.allclose(plain, whole, rtol=0.005)


def test_sensors_whose_mean_is_worse_are_warned_of(caplog):
    DepthSRPredictor("plane_blend_live_sensor_x4", "cpu", self_ensemble=True)
    assert "trained for phone and realsense: on scenes with such sensors" in caplog.text
    caplog.clear()
    DepthSRPredictor("plane_blend_live_x4", "cpu", self_ensemble=True)
    assert "trained for" not in caplog.text


@pytest.mark.parametrize("sensors", [None, 5, [["phone"]], "phone", {"phone": 1}])
def test_odd_sensors_of_a_checkpoint_are_no_reason_to_fail(planes, sensors, caplog):
    mirrored(planes, {"sensors": sensors}, "middle")
    assert not caplog.text


def test_depth_of_a_block_s_first_pixel_is_refused(weights):
    with pytest.raises(ValueError, match="looks alike in mirror images; got lq_origin first"):
        DepthSRPredictor(weights, "cpu", lq_origin="first", self_ensemble=True)


def test_a_copy_streams_with_its_own_weights(planes):
    net = SelfEnsemble(planes)
    copied = deepcopy(net)
    with torch.no_grad():
        for parameter in copied.net.parameters():
            parameter.zero_()
    lq, guide = clip_of(1)
    made = open_stream(copied).push(lq[0, 0], guide[0, 0])[0]
    with torch.no_grad():
        torch.testing.assert_close(made, copied(lq, guide)["pred"][0, 0])
        assert not torch.allclose(made, net(lq, guide)["pred"][0, 0], rtol=1e-4)
    assert isinstance(pickle.loads(pickle.dumps(net)), SelfEnsemble)  # noqa: S301  made here


def test_openvino_is_refused(weights):
    with pytest.raises(ValueError, match="self_ensemble and precision out"):
        DepthSRPredictor(weights, "cpu", runtime="openvino", self_ensemble=True)


def test_the_command_says_and_keeps_it(weights, tmp_path, capsys):
    write_recording(tmp_path, frames=2)
    words = ["--depth", tmp_path / "depth", "--rgb", tmp_path / "rgb", "-o", tmp_path / "out",
             "--weights", weights, "--device", "cpu"]  # fmt: skip
    words = [str(word) for word in words]
    assert main([*words, "--self-ensemble"]) == 0
    assert "mean over 3 mirror images" in capsys.readouterr().err
    assert json.loads((tmp_path / "out" / "infer.json").read_text())["mirror_images"] == 4
    assert main(words) == 1  # the same folder, another way
    assert "mirror_images" in capsys.readouterr().err
