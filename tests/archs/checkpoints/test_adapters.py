"""Official checkpoints load in every wrapping; whatever does not fit is named."""

import runpy
import sys
from pathlib import Path

import pytest
import torch
from basicsr.archs import build_network
from golden_rule import official_state, stdan_state

from stdnet_arch.archs.checkpoints.adapters import (
    load_any,
    load_official,
    read_about,
    read_checkpoint,
)
from stdnet_arch.archs.checkpoints.official_names import OFFICIAL

SCRIPT = Path(__file__).parents[3] / "scripts/convert_weights.py"


@pytest.fixture(scope="module")
def official():
    return official_state()


@pytest.fixture(scope="module")
def net():
    return build_network({"type": "STDNet", "scale": 4, "num_feat": 64})


def inference_only(state):
    return {k.removeprefix("Video_Rec."): v for k, v in state.items() if k.startswith("Video_Rec.")}


def loaded(net, official):
    """Whether all inference parameters of ``net`` are the official ones."""
    own = net.state_dict()
    names = (name for name in official if name.startswith("Video_Rec."))
    return all(torch.equal(own[OFFICIAL["STDNet"].rename(name)], official[name]) for name in names)


@pytest.mark.parametrize(
    "wrap",
    [
        dict,
        lambda state: {"params": state},
        lambda state: {"params_ema": state, "iteration": 3},
        lambda state: {"state_dict": {"module." + k: v for k, v in state.items()}},
        lambda state: {k.replace(".", ".module.", 1): v for k, v in state.items()},
        inference_only,
        lambda state: {"params": inference_only(state)},
    ],
)
def test_every_wrapping_loads(net, official, wrap):
    for parameter in net.parameters():
        torch.nn.init.zeros_(parameter)
    load_official(net, wrap(official))
    assert loaded(net, official)


def test_inference_checkpoints_leave_the_regulariser(net, official):
    torch.nn.init.constant_(net.regularizer.spatial.conv_scale.weight, 7)
    load_official(net, inference_only(official))
    assert net.regularizer.spatial.conv_scale.weight.item() == 7


def test_parameters_are_as_many_as_published(net):
    inference = [p for n, p in net.named_parameters() if not n.startswith("regularizer.")]
    assert sum(p.numel() for p in inference) == 19_916_790
    assert sum(p.numel() for p in net.parameters()) == 19_916_790 + 195


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda s: s.pop("Video_Rec.final_pred.hg_2.6.bias"),
            r"missing: refining_stage.*head.6.bias",
        ),
        (lambda s: s.update(extra=torch.zeros(2)), "unexpected: extra"),
        (
            lambda s: s.update({"Video_Rec.final_pred.hg_1.6.bias": torch.zeros(5)}),
            r"final_pred.hg_1.6.bias: required \(2,\), got \(5,\)",
        ),
        (
            lambda s: s.update({"final_pred.hg_1.6.bias": torch.zeros(2)}),
            r"doubled: final_pred.hg_1.6.bias",
        ),
        (lambda s: s.pop("Diff_Rec.upD_Inter.conv2.weight"), "missing: regularizer.temporal.0"),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_is_loaded(net, official, change, message):
    before = {name: value.clone() for name, value in net.state_dict().items()}
    state = dict(official)
    change(state)
    with pytest.raises(ValueError, match=message):
        load_official(net, state)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


@pytest.mark.parametrize("junk", [[1, 2], {"params": 3}, {"epoch": 1}])
def test_what_is_no_state_dict_is_refused(net, junk):
    with pytest.raises(TypeError, match="must map names to tensors"):
        load_official(net, junk)


def test_own_checkpoints_load_too(net, official):
    load_official(net, official)
    other = build_network({"type": "STDNet", "scale": 4, "num_feat": 64})
    load_any(other, {"params": net.state_dict()})
    assert loaded(other, official)


@pytest.mark.parametrize("half", [False, True])
def test_the_script_writes_a_checkpoint_of_the_toolbox(tmp_path, monkeypatch, net, official, half):
    torch.save(inference_only(official), tmp_path / "official.pth")
    output = tmp_path / "new/ours.pth"
    arguments = ["--input", str(tmp_path / "official.pth"), "--output", str(output), "--scale", "4"]
    monkeypatch.setattr(sys, "argv", ["convert", *arguments, *["--half"] * half])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    params = torch.load(output, weights_only=True)["params"]
    assert params["guided_stage.trunk.main.0.weight"].dtype == (torch.half if half else torch.float)
    net.load_state_dict(params)
    assert half or loaded(net, official)
    assert [path.name for path in output.parent.iterdir()] == ["ours.pth"]


def test_files_that_are_no_checkpoints_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file: .*none\.pth"):
        read_checkpoint(tmp_path / "none.pth")
    broken = tmp_path / "broken.pth"
    broken.write_bytes(b"not a checkpoint")
    with pytest.raises(ValueError, match=r"broken\.pth is not a checkpoint"):
        read_checkpoint(broken)


def test_the_script_converts_stdan_too(tmp_path, monkeypatch):
    source, target = tmp_path / "official.pth", tmp_path / "ours.pth"
    torch.save(stdan_state(), source)
    arguments = ["--arch=STDAN", "--scale=4", f"--input={source}", f"--output={target}"]
    monkeypatch.setattr(sys, "argv", ["convert", *arguments])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    about = read_about(target)
    assert about == {"network_g": {"type": "STDAN", "scale": 4, "num_feat": 64}, "lq": "bicubic"}
    load_any(build_network(about["network_g"]), read_checkpoint(target))
