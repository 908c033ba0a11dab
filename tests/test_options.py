"""Every YAML in options/ can run: parts are registered, options fit, lists exist."""

from pathlib import Path

import pytest
import torch
from basicsr.archs import build_network
from basicsr.losses import build_loss
from basicsr.utils.registry import ARCH_REGISTRY, DATASET_REGISTRY, METRIC_REGISTRY, MODEL_REGISTRY

from stdnet_arch import option_file
from stdnet_arch.data.dataset_options import read_options
from stdnet_arch.data.sources.clip_list import read_entries
from stdnet_arch.data.sources.source import SOURCE_REGISTRY

ROOT = Path(__file__).parent.parent
# Bases are parts of others; those of a benchmark, of training on the device, of stereodiff and of
# the toolbox's own models have other forms: tests/evaluation/benchmark/test_benchmark_plan.py,
# tests/models/test_device_run.py, tests/stereodiff/test_stereodiff_options.py,
# tests/test_toolbox_losses.py.
ELSEWHERE = {
    ROOT / "options" / name for name in ("base", "benchmark", "device", "stereodiff", "toolbox")
}
YAMLS = sorted(p for p in (ROOT / "options").rglob("*.yml") if p.parent not in ELSEWHERE)


@pytest.fixture(params=YAMLS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def opt(path):
    return option_file.read(path)


def test_there_are_options():
    assert len(YAMLS) >= 15


def test_the_name_is_the_file(path, opt):
    assert opt["name"] == path.stem


def test_the_header_says_how_to_run_it(path):
    header = [line for line in path.read_text().splitlines() if line.startswith("#")]
    assert f"-opt {path.relative_to(ROOT)}" in "\n".join(header)


def test_the_network_builds(opt):
    with torch.device("meta"):
        network = {**opt["network_g"], "init": "paper"}  # balancing needs numbers
        network = network if network["type"] == "STDNet" else opt["network_g"]
        assert build_network(network).scale == opt["scale"]
    for entry in opt["val"].get("baselines", {}).values():
        assert entry["type"] in ARCH_REGISTRY
        options = {key: value for key, value in entry.items() if key != "weights"}
        build_network({"scale": opt["scale"], **options})


def test_checkpoints_load_strictly(opt):
    # Else a checkpoint of another network would leave random weights, and the log alone says so.
    assert opt["path"].get("strict_load_g", True) is True


def test_datasets_read_their_options(opt):
    for phase, section in opt["datasets"].items():
        assert section["type"] in DATASET_REGISTRY
        assert section.get("source", "Folder") in SOURCE_REGISTRY
        kind = DATASET_REGISTRY.get(section["type"]).options_kind
        options = read_options(kind, {**section, "phase": phase, "scale": opt["scale"]})
        # Lists that come with a dataset lie beside its files.
        if options.clips is not None and not str(options.clips).startswith("datasets/"):
            assert read_entries(options.clips)


def test_unmasked_metrics_have_a_truth_everywhere(opt):
    # Depth beyond the range would be judged against 0, "no depth".
    unmasked = any(entry.get("parity") for entry in opt["val"]["metrics"].values())
    beyond = {section.get("beyond_range", "invalid") for section in opt["datasets"].values()}
    assert not (unmasked and "invalid" in beyond)


def test_losses_metrics_and_model_are_registered(opt):
    assert opt["model_type"] in MODEL_REGISTRY
    for name, entry in opt["val"]["metrics"].items():
        assert entry["type"] in METRIC_REGISTRY
        assert name.endswith(("_cm", "_db", "_y"))  # SSIM has no unit
        assert entry["better"] == getattr(METRIC_REGISTRY.get(entry["type"]), "better")  # noqa: B009
    for key, entry in opt.get("train", {}).items():
        if key.endswith("_opt"):
            assert build_loss(entry) is not None


def test_training_plans_are_possible(opt):
    train = opt.get("train")
    if train is None:
        pytest.skip("nothing is trained")
    scheduler = train["scheduler"]
    last = max(scheduler.get("milestones", [0]))
    assert last < train["total_iter"]
    assert sum(scheduler.get("periods", [train["total_iter"]])) >= train["total_iter"]
    assert isinstance(train["optim_g"]["lr"], float)
