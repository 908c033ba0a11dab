"""Training on the device: every option file starts, and a small network learns."""

import json
from pathlib import Path

import pytest
import torch
from basicsr.archs import build_network

import stdnet_arch
from stdnet_arch import option_file
from stdnet_arch.models.device_run import begin_with, make_clips, run_on_device
from stdnet_arch.utils.folder_lock import hold_folder
from stdnet_arch.utils.input_errors import InputError
from stdnet_arch.utils.torch_file import read_torch, write_torch

ROOT = Path(__file__).parents[2]
PLANS = sorted((ROOT / "options/device").glob("*.yml"))


def tiny(path):
    options = option_file.read(path)
    if options["network_g"]["type"] == "PlaneBlend":
        options["network_g"] |= {"num_feat": 4, "num_block": [1, 1, 1]}
    options["data"] |= {"batch": 3, "size": 32}
    options["recipe"] |= {"autocast": "none"}
    return options


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_every_plan_makes_batches_that_its_network_takes(path):
    options = tiny(path)
    assert options["name"] == path.stem
    scale = options["network_g"]["scale"]
    draw = make_clips(options["data"], scale, torch.device("cpu"), None)
    batch = draw()
    t = options["data"]["frames"]
    assert t == 1 or options["network_g"].get("temporal", True)
    assert batch.guide.shape == (3, t, 3, 32, 32)
    assert batch.lq_m.shape == (3, t, 1, 32 // scale, 32 // scale)
    assert batch.flow_px.shape == (3, t - 1, 2, 8, 8)
    assert all(x.isfinite().all() for x in batch)
    hidden = options["data"].get("augmentation", {}).get("unseen", 0) > 0
    assert hidden or (batch.depth_m > 0).all()


def test_a_run_writes_weights_and_a_curve(tmp_path):
    options = tiny(ROOT / "options/device/plane_blend_fast_x4.yml")
    trainer = run_on_device(options, tmp_path, seconds=1.0, device="cpu")
    saved = torch.load(tmp_path / options["name"] / "net.pth", weights_only=True)
    assert saved["training"]["steps"] == trainer.steps > 0
    assert set(saved["params"]) == set(trainer.net.state_dict())
    assert int(trainer.skipped) == 0
    again = run_on_device(options, tmp_path / "more", 0.2, "cpu", start=tmp_path)
    assert again.steps > 0


@pytest.fixture
def first_run(tmp_path):
    """Options, and where a run of them left its weights."""
    options = tiny(ROOT / "options/device/plane_blend_fast_x4.yml")
    run_on_device(options, tmp_path / "first", seconds=0.01, device="cpu")
    return options, tmp_path / "first" / options["name"] / "net.pth"


def start_from(options, path):
    return run_on_device(options, path.parents[2] / "more", 0.01, "cpu", start=path.parents[1])


def test_a_run_without_earlier_ones_starts_from_shipped_weights(tmp_path):
    options = tiny(ROOT / "options/device/plane_blend_live_x4.yml")
    options["network_g"] |= {"num_feat": 24, "num_block": [2, 4, 4]}  # those of the shipped one
    trainer = run_on_device(options, tmp_path, seconds=0.001, device="cpu")
    assert trainer.steps <= 1
    shipped = stdnet_arch.load("plane_blend_x4").state_dict()
    ours = trainer.average.state_dict()
    for name in ("trunk.coarse.0.body.1.weight", "plane_head.1.weight"):
        torch.testing.assert_close(ours[name], shipped[name], atol=1e-3, rtol=0)


def test_a_start_that_nobody_trained_is_refused(tmp_path):
    options = tiny(ROOT / "options/device/plane_blend_unseen_x8.yml")
    with pytest.raises(
        InputError, match="plane_blend_round_x8 must be trained before: give its fo"
    ):
        run_on_device(options, tmp_path, seconds=0.01, device="cpu")


def test_a_start_from_damaged_or_diverged_weights_is_refused(first_run):
    options, path = first_run
    whole = path.read_bytes()
    saved = read_torch(path)
    largest = max(saved["params"].values(), key=torch.numel)
    place = whole.index(largest.numpy().tobytes())
    path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    with pytest.raises(InputError, match="net.pth"):
        start_from(options, path)
    next(iter(saved["params"].values())).view(-1)[0] = torch.nan
    write_torch(path, saved)
    with pytest.raises(InputError, match="net.pth: expected finite weights"):
        start_from(options, path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "../x"}, "name must stay in its folder"),
        ({"network_g": "text"}, "the options of the training .* cannot be used"),
        ({"data": {}}, "the options of the training .* cannot be used"),
        ({"recipe": {"lr": "fast"}}, "recipe.lr must be a finite number"),
    ],
)
def test_options_that_cannot_be_used_are_no_bug(tmp_path, change, said):
    options = {**tiny(ROOT / "options/device/plane_blend_fast_x4.yml"), **change}
    with pytest.raises(InputError, match=said):
        run_on_device(options, tmp_path, seconds=0.01, device="cpu")


def test_two_runs_do_not_write_to_one_folder(tmp_path):
    options = tiny(ROOT / "options/device/plane_blend_fast_x4.yml")
    with hold_folder(tmp_path / options["name"]), pytest.raises(OSError, match="written to by"):
        run_on_device(options, tmp_path, seconds=0.01, device="cpu")


def test_a_broken_gradient_leaves_the_weights(tmp_path):
    options = tiny(ROOT / "options/device/plane_blend_fast_x4.yml")
    trainer = run_on_device(options, tmp_path, seconds=0.2, device="cpu")
    before = [p.clone() for p in trainer.net.parameters()]
    good = trainer.draw
    trainer.draw = lambda: good()._replace(guide=torch.full((3, 2, 3, 32, 32), torch.nan))
    for group in trainer.optimizer.param_groups:
        group["weight_decay"] = 0.0
    trainer.optimizer.state.clear()
    trainer.step(0.5)
    assert int(trainer.skipped) == 1
    for old, new in zip(before, trainer.net.parameters(), strict=True):
        torch.testing.assert_close(new, old)


def test_weights_that_diverged_do_not_replace_good_ones(first_run):
    options, path = first_run
    before = path.read_bytes()
    trainer = run_on_device(options, path.parents[2] / "more", 0.01, "cpu", start=path.parents[1])
    trainer.out = path.parent
    next(trainer.average.parameters()).data.fill_(torch.inf)
    with pytest.raises(InputError, match="not written.*expected finite weights"):
        trainer.save()
    assert path.read_bytes() == before


def test_several_checkpoints_begin_as_their_mean(first_run, tmp_path):
    options, path = first_run
    saved = read_torch(path)["params"]
    other = tmp_path / "other.pth"
    write_torch(other, {"params": {k: (v.float() + 0.5).half() for k, v in saved.items()}})
    net = build_network({**options["network_g"]})
    assert begin_with(net, path, other) == []
    for name, value in net.state_dict().items():
        expected = (saved[name].float() + read_torch(other)["params"][name].float()) / 2
        torch.testing.assert_close(value, expected)
    write_torch(other, {"params": {"colour_in.bias": torch.zeros(3)}})
    with pytest.raises(ValueError, match=r"other\.pth are not of one network"):
        begin_with(net, path, other)


def test_a_network_with_a_memory_begins_with_one_without(tmp_path):
    options = {"type": "PlaneBlend", "scale": 4, "num_feat": 8, "num_block": (1, 1, 1)}
    alone = build_network({**options, "temporal": False})
    torch.nn.init.normal_(alone.head.out.weight)
    write_torch(tmp_path / "net.pth", {"params": alone.state_dict()})
    along = build_network({**options, "reach": 2})  # eight candidates more, and what is carried
    missing = begin_with(along, tmp_path / "net.pth")
    assert {name.partition(".")[0] for name in missing} == {"motion", "carried_in"}
    weight = along.head.out.weight
    assert torch.equal(weight[:9], alone.head.out.weight)
    assert weight.shape[0] == 18
    assert not weight[9:].any()


def test_the_curve_is_one_json_per_line(tmp_path):
    options = tiny(ROOT / "options/device/plane_blend_fast_x4.yml")
    trainer = run_on_device(options, tmp_path, seconds=0.1, device="cpu")
    trainer._log(0.5, 1.25)
    lines = (tmp_path / options["name"] / "curve.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["loss"] == 1.25


def with_refiner(path, **options):
    options = {**tiny(ROOT / f"options/device/{path}.yml"), **options}
    options["network_g"] |= {"refine": 4}
    return options


@pytest.fixture
def refined_run(tmp_path):
    """Options of a training of the refiner alone, and the trainer after one step."""
    options = with_refiner("plane_blend_refiner_x4", start_from=[])
    options["data"] |= {"presets": {"dtof_peak": 1.0}}
    return options, run_on_device(options, tmp_path, 0.01, "cpu")


def changed(trainer):
    """First parts of the names of parameters that a step changed."""
    before = {name: value.clone() for name, value in trainer.net.named_parameters()}
    trainer.step(0.1)
    after = dict(trainer.net.named_parameters())
    return {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}


def test_a_part_is_trained_alone_and_a_frozen_one_never(refined_run, tmp_path):
    options, trainer = refined_run
    assert changed(trainer) == {"refiner"}
    options = with_refiner("plane_blend_refined_x4", start_from="plane_blend_refiner_x4")
    whole = run_on_device(options, tmp_path / "more", 0.01, "cpu", start=tmp_path)
    assert {"trunk", "head"} <= changed(whole)
    assert "refiner" not in changed(whole)
    start = read_torch(tmp_path / "plane_blend_refiner_x4" / "net.pth")["params"]
    for name, value in whole.net.refiner.state_dict().items():
        torch.testing.assert_close(value, start[f"refiner.{name}"].float())


def test_a_part_comes_from_another_network(refined_run, tmp_path):
    _, trainer = refined_run
    shift = trainer.average.refiner.move[1].bias
    torch.nn.init.constant_(shift, 0.25)
    trainer.save()
    options = tiny(ROOT / "options/device/stdnet_t_more_x4.yml")
    options["network_g"] |= {"refine": 4}
    options |= {"start_from": [], "parts_from": {"planes_head.refiner": "plane_blend_refiner_x4"}}
    options["recipe"] |= {"frozen": ["planes_head"]}
    other = run_on_device(options, tmp_path / "more", 0.01, "cpu", start=tmp_path)
    assert torch.equal(other.net.planes_head.refiner.move[1].bias, torch.full((2,), 0.25))
    options["network_g"] |= {"refine": 8}
    with pytest.raises(InputError, match="parts_from.planes_head.refiner: .* of the same form"):
        run_on_device(options, tmp_path / "more", 0.01, "cpu", start=tmp_path)


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ({"part": "nose"}, "recipe.part: the network has no part 'nose'; it has colour_in, dep"),
        ({"part": "trunk"}, "recipe.part: trunk cannot be trained alone"),
        ({"frozen": ["ear"]}, "recipe.frozen: the network has no part 'ear'"),
        ({"frozen": "refiner"}, "recipe.frozen must be a list of parts; got 'refiner'"),
    ],
)
def test_a_part_that_is_not_there_is_named(tmp_path, recipe, said):
    options = tiny(ROOT / "options/device/plane_blend_fast_x4.yml")
    options["recipe"] |= recipe
    with pytest.raises(InputError, match=said):
        run_on_device(options, tmp_path, 0.01, "cpu")
