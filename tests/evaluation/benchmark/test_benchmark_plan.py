"""Plans of benchmarks, and those of options/benchmark/."""

import copy
import runpy
import sys
from pathlib import Path

import pytest
import torch
import yaml
from basicsr.losses import build_loss
from basicsr.utils.registry import MODEL_REGISTRY

from stdnet_arch import option_file
from stdnet_arch.archs.checkpoints.loading import build_arch
from stdnet_arch.data.dataset_options import read_options
from stdnet_arch.data.rgbd_video_dataset import RGBDVideoDataset
from stdnet_arch.data.rgbd_video_test_dataset import RGBDVideoTestDataset
from stdnet_arch.evaluation.benchmark.benchmark_plan import (
    Entry,
    checkpoint_of,
    digest,
    read_plan,
    training_options,
)
from stdnet_arch.evaluation.benchmark.benchmark_results import check_report
from stdnet_arch.evaluation.benchmark.competitor import build_competitor
from stdnet_arch.utils.commands import run_script

ROOT = Path(__file__).parents[3]
# Those of kind zero_shot: tests/evaluation/zero_shot/test_plan.py.
YAMLS = [
    path
    for path in sorted((ROOT / "options/benchmark").rglob("*.yml"))
    if "kind" not in option_file.read(path)
]
SCRIPT = ROOT / "scripts/benchmark.py"
SYNTHETIC = ROOT / "options/benchmark/Synthetic_x4.yml"
ENTRIES = [
    pytest.param(plan, entry, id=f"{plan.name}-{entry.slug}")
    for plan in (read_plan(option_file.read(path)) for path in YAMLS)
    for entry in plan.models
]


@pytest.fixture
def options():
    return option_file.read(SYNTHETIC)


@pytest.fixture(params=YAMLS, ids=lambda path: path.stem)
def path(request):
    return request.param


def test_the_name_and_the_header_are_those_of_the_file(path):
    text = path.read_text()
    plan = read_plan(option_file.read(path))
    assert plan.name == path.stem == f"{path.stem.rpartition('_')[0]}_x{plan.scale}"
    assert f"--config {path.relative_to(ROOT)}" in text.partition("\nname:")[0]


def test_a_plan_can_be_trained_and_reported(path):
    plan = read_plan(option_file.read(path))
    check_report(plan)
    assert plan.train["model_type"] in MODEL_REGISTRY
    assert build_loss(plan.train["train"]["pixel_opt"]) is not None


def test_datasets_of_a_plan_read_their_options(path):
    plan = read_plan(option_file.read(path))
    common = {"scale": plan.scale}
    train = {**plan.train["datasets"]["train"], **common, "phase": "train"}
    assert read_options(RGBDVideoDataset.options_kind, train)
    tests = [{"name": name, "phase": "test", **common, **opt} for name, opt in plan.test.items()]
    assert all(read_options(RGBDVideoTestDataset.options_kind, opt) for opt in tests)


@pytest.mark.parametrize(("plan", "entry"), [e for e in ENTRIES if e.values[1].network_g])
def test_every_network_can_be_built(plan, entry):
    network = training_options(plan, entry)["network_g"]
    # Balancing needs numbers.
    change = {"init": "paper"} if network["type"] == "STDNet" else {}
    with torch.device("meta"):
        assert build_arch({**network, **change}).scale == plan.scale


@pytest.mark.parametrize(("plan", "entry"), [e for e in ENTRIES if e.values[1].competitor])
def test_every_rule_can_be_built(plan, entry):
    assert build_competitor({"scale": plan.scale, **entry.competitor}).scale == plan.scale


def test_only_the_asked_models_are_kept(options):
    assert [e.name for e in read_plan(options, ["STDNet-16", "nearest"]).models] == [
        "nearest",
        "STDNet-16",
    ]


def test_an_unknown_model_is_told(options):
    with pytest.raises(ValueError, match="expected models of nearest, .*; got STDNext$"):
        read_plan(options, ["STDNext"])


def test_an_unknown_key_is_told(options):
    with pytest.raises(ValueError, match="benchmark: expected the keys .*; got metric$"):
        read_plan({**options, "metric": {}})


def test_a_missing_key_is_told(options):
    del options["scale"]
    with pytest.raises(ValueError, match="got no scale$"):
        read_plan(options)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({}, "models.a: expected either network_g or competitor; got neither"),
        ({"network_g": {"type": "X"}, "competitor": {"type": "Y"}}, "got both"),
        ({"network_g": {"num_feat": 4}}, "models.a: expected a type"),
        ({"netwrk": {}}, "models.a: expected the keys .*; got netwrk"),
    ],
)
def test_a_wrong_entry_is_told(options, entry, told):
    with pytest.raises(ValueError, match=told):
        read_plan({**options, "models": {"a": entry}})


def test_names_that_make_one_file_are_refused(options):
    twice = {name: {"competitor": {"type": "Interpolated"}} for name in ("a b", "a/b")}
    with pytest.raises(ValueError, match="differ as file names"):
        read_plan({**options, "models": twice})


def test_what_departs_from_the_recipe_leaves_the_rest_as_it_was(options):
    plan = read_plan(options)
    before = copy.deepcopy(plan.train)
    entry = Entry(name="a", network_g={"type": "DVSR"}, train={"train": {"total_iter": 7}})
    mine = training_options(plan, entry)
    assert mine["train"] == {**plan.train["train"], "total_iter": 7}
    assert mine["datasets"] == plan.train["datasets"]
    assert plan.train == before


def test_a_space_time_network_sees_every_second_frame(options):
    entry = Entry(name="a", network_g={"type": "STDAN"}, space_time=True)
    mine = training_options(read_plan(options), entry)
    assert (mine["model_type"], mine["datasets"]["train"]["lq_every"]) == ("SpaceTimeModel", 2)


def test_another_recipe_leaves_its_weights_elsewhere(options, tmp_path):
    entry = Entry(name="a", network_g={"type": "DVSR"})
    before = checkpoint_of(read_plan(options), entry, tmp_path)
    options["train"]["train"]["total_iter"] = 401
    assert checkpoint_of(read_plan(options), entry, tmp_path) != before


def test_a_digest_does_not_depend_on_the_order():
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 1, "b": 3})


@pytest.mark.parametrize(
    ("section", "value"),
    [
        ("train", {"datasets": "text", "train": {}}),
        ("train", {"datasets": {"train": "text"}, "train": {}}),
        ("metrics", {"rmse_cm": {"type": "calculate_rmse", "better": ["x"]}}),
        ("cost", "text"),
        ("cost", {"sizes": 5}),
        ("models", {"x": {"network_g": "text"}}),
        ("remarks", 5),
    ],
)
def test_text_where_a_section_belongs_is_told_as_wrong_options(
    section, value, tmp_path, monkeypatch, capsys
):
    options = {**option_file.read(SYNTHETIC), section: value}
    (tmp_path / "x.yml").write_text(yaml.safe_dump(options))
    words = ["--config", str(tmp_path / "x.yml"), "--out", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *words])
    with pytest.raises(SystemExit) as end:
        run_script(runpy.run_path(str(SCRIPT))["main"])
    assert end.value.code == 1
    assert capsys.readouterr().err.startswith("error: ")
    assert not (tmp_path / "out").exists()
