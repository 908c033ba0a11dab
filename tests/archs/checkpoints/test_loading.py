"""A checkpoint becomes a ready network; what it does not say, or says otherwise, is named."""

import copy
import json
import re
import runpy
import sys
from pathlib import Path

import pytest
import torch
from basicsr.archs import build_network

from stdnet_arch.archs.checkpoints.adapters import read_about, save_checkpoint
from stdnet_arch.archs.checkpoints.loading import load_network

SMALL = {"type": "STDNet", "scale": 8, "num_feat": 16, "head_feat": 16}
ABOUT = {"network_g": SMALL, "depth_range_m": 20.0, "lq": "dtof_peak"}


@pytest.fixture(scope="module")
def net():
    return build_network(dict(SMALL))


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_checkpoint_says_how_to_use_it(tmp_path, net, suffix):
    path = tmp_path / f"small{suffix}"
    if suffix == ".safetensors":
        pytest.importorskip("safetensors")
    save_checkpoint(net, path, about=ABOUT)
    loaded = load_network(path)
    assert (loaded.scale, loaded.depth_range_m) == (8, 20.0)
    assert loaded.about == read_about(path) == ABOUT
    assert not loaded.net.training
    for name, value in net.state_dict().items():
        assert torch.equal(loaded.net.state_dict()[name], value)


def test_nothing_is_left_of_a_failed_save(tmp_path, net):
    with pytest.raises(TypeError):
        save_checkpoint(net, tmp_path / "x.pth", about=3)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, "scale, num_feat, depth_range_m"),
        ({"scale": 8}, "num_feat, depth_range_m"),
        ({"scale": 8, "num_feat": 16}, "depth_range_m"),
    ],
)
def test_a_silent_checkpoint_needs_arguments(tmp_path, net, given, missing):
    save_checkpoint(net, tmp_path / "silent.pth")
    with pytest.raises(ValueError, match=f"give {missing}$"):
        load_network(tmp_path / "silent.pth", **given)


def test_a_silent_checkpoint_loads_with_arguments(tmp_path):
    net = build_network({"type": "STDNet", "scale": 4, "num_feat": 16})
    save_checkpoint(net, tmp_path / "silent.pth")
    loaded = load_network(tmp_path / "silent.pth", scale=4, num_feat=16, depth_range_m=30)
    assert (loaded.scale, loaded.depth_range_m) == (4, 30.0)


def test_the_range_can_be_chosen_anew(tmp_path, net):
    save_checkpoint(net, tmp_path / "x.pth", about=ABOUT)
    assert load_network(tmp_path / "x.pth", depth_range_m=5).depth_range_m == 5.0


@pytest.mark.parametrize(
    ("about", "given", "message"),
    [
        (ABOUT, {"scale": 4}, "holds a network of scale 8; scale 4 was asked for"),
        (ABOUT, {"num_feat": 64}, "num_feat 16; num_feat 64"),
        (ABOUT, {"depth_range_m": -1.0}, "must be a number > 0; got -1.0"),
        ({**ABOUT, "network_g": {"type": "Gone", "scale": 4}}, {}, "'Gone', which is not"),
        ({**ABOUT, "network_g": {**SMALL, "num_feat": 32}}, {}, "does not fit .*'num_feat': 32"),
        ({**ABOUT, "network_g": {**SMALL, "size": 1}}, {}, "cannot be built from"),
        ({"depth_range_m": 3.0, "network_g": {"type": "STDNet"}}, {}, "give scale$"),
    ],
)
def test_contradictions_name_both_sides(tmp_path, net, about, given, message):
    save_checkpoint(net, tmp_path / "x.pth", about=about)
    with pytest.raises(ValueError, match=message):
        load_network(tmp_path / "x.pth", **given)


@pytest.mark.parametrize("name", ["x.pth", "x.safetensors"])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path, name):
    if name.endswith("safetensors"):
        pytest.importorskip("safetensors")
    (tmp_path / name).write_text(json.dumps({"a": 1}))
    with pytest.raises(ValueError, match=re.escape(str(tmp_path / name))):
        load_network(tmp_path / name)


def test_the_conversion_script_writes_what_the_network_is(tmp_path, net, monkeypatch):
    save_checkpoint(net, tmp_path / "in.pth")
    script = Path(__file__).parents[3] / "scripts/convert_weights.py"
    sizes = ["--scale", "8", "--num_feat", "16", "--head_feat", "16"]
    options = [*sizes, "--depth_range", "30"]
    files = ["--input", str(tmp_path / "in.pth"), "--output", str(tmp_path / "out.pth")]
    monkeypatch.setattr(sys, "argv", [script.name, *files, *options])
    runpy.run_path(str(script), run_name="__main__")
    assert load_network(tmp_path / "out.pth").about == {**ABOUT, "depth_range_m": 30.0}


def test_files_that_a_training_started_from_are_not_needed(tmp_path):
    options = {"type": "DVSR", "scale": 4, "num_feat": 8, "head_feat": 8, "num_block": 1}
    net = build_network(dict(options))
    said = {**options, "flow_weights": "gone/spynet.pth"}
    save_checkpoint(net, tmp_path / "dvsr.pth", about={"network_g": said, "depth_range_m": 10.0})
    loaded = load_network(tmp_path / "dvsr.pth").net.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in net.state_dict().items())


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(net, tmp_path, value):
    net = copy.deepcopy(net)
    first = next(iter(net.parameters()))
    first.data.view(-1)[3] = value
    save_checkpoint(net, tmp_path / "x.pth", about=ABOUT)
    with pytest.raises(ValueError, match=r"x.pth: expected finite weights; .* holds NaN or inf"):
        load_network(tmp_path / "x.pth")


@pytest.mark.parametrize("options", [{"num_feat": 4096}, {"num_feat": 2**40}, {"head_feat": 10**5}])
def test_a_small_file_cannot_ask_for_a_large_network(net, tmp_path, options):
    about = {**ABOUT, "network_g": {**ABOUT["network_g"], **options}}
    save_checkpoint(net, tmp_path / "x.pth", about=about)
    with pytest.raises(ValueError, match="larger than the parameters|cannot be built"):
        load_network(tmp_path / "x.pth")


@pytest.mark.parametrize("scale", [0, -4, 10**6, "4", 4.5, True])
def test_an_odd_scale_is_refused(net, tmp_path, scale):
    about = {**ABOUT, "network_g": {**ABOUT["network_g"], "scale": scale}}
    save_checkpoint(net, tmp_path / "x.pth", about=about)
    with pytest.raises(ValueError, match="scale must be a whole number"):
        load_network(tmp_path / "x.pth")
