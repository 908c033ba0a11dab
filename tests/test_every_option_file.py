"""Every option file starts: one iteration, or one test, on its data set faked in its true layout.

What is changed is size alone: of crops, batches, networks and the number of steps. Paths, lists,
types, losses, metrics, schedules and what one file needs of another are those of the file.
"""

from pathlib import Path

import fake_datasets
import pytest
from basicsr.archs import build_network

from stdnet_arch import option_file
from stdnet_arch.archs.checkpoints.adapters import save_checkpoint
from stdnet_arch.data.sources.clip_list import read_entries
from stdnet_arch.evaluation.benchmark.benchmark_plan import read_plan, training_options

ROOT = Path(__file__).parent.parent
FOLDERS = ("train", "test", "toolbox", "quickstart", "tiny")
YAMLS = sorted(path for name in FOLDERS for path in (ROOT / "options" / name).rglob("*.yml"))
MODES = frozenset({
    "type", "scale", "modality", "interpolate", "arch", "channels", "is_guided", "init", "causal",
    "as_released", "mean", "spread", "net", "is_linear", "bidirectional", "time_scale", "head",
    "temporal", "reach", "step",
})  # fmt: skip
"""Arguments of networks that say what is computed, and not how large it is."""
NEEDS_LARGE = "REDSRecurrentDataset"
TOOLBOX_SIZES = {"num_feat": 4, "num_block": 1}


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """A folder of faked data sets; each is made when it is first needed."""
    return tmp_path_factory.mktemp("faked")


def smallest():
    """(type, arch) to the arguments of its smallest network, from options/tiny."""
    tiny = {}
    for path in sorted((ROOT / "options/tiny").glob("*.yml")):
        network = option_file.read(path)["network_g"]
        tiny.setdefault((network["type"], network.get("arch")), network)
    return tiny


SMALLEST = smallest()


def shrink_network(network):
    if "net" in network:
        return {**network, "net": shrink_network(network["net"])}
    tiny = SMALLEST.get((network["type"], network.get("arch")), TOOLBOX_SIZES)
    sizes = {key: value for key, value in tiny.items() if key not in MODES}
    return {**network, **sizes}


def shrink_source(section):
    """Clips that are made on the fly: few, short and small."""
    if section.get("source") == "Mixed":
        parts = [shrink_source(part) for part in section["source_opt"]["parts"]]
        return {**section, "source_opt": {"parts": parts}}
    if section.get("source") not in {"Synthetic", "Layers"}:
        return section
    given = section.get("source_opt", {})
    small = {"num_clips": 1, "num_frame": min(given.get("num_frame", 7), 7), "size": [64, 80]}
    return {**section, "source_opt": {**given, **small}}


def shrink_dataset(name, section):
    section = shrink_source(dict(section))
    if name == "train":
        size = 256 if section["type"] == NEEDS_LARGE else 64
        loader = {"num_worker_per_gpu": 0, "batch_size_per_gpu": 1, "dataset_enlarge_ratio": 1}
        return {**section, **loader, "gt_size": size, "persistent_workers": False}
    if "center_crop" in section:
        section["center_crop"] = [48, 64]
    if section.get("source") and isinstance(section.get("clips"), str):
        first = read_entries(section["clips"])[0].split()
        section["clips"] = [" ".join(first) if len(first) == 3 else f"{first[0]} 0 3"]
    return section


def shrink(opt):
    opt = {**opt, "num_gpu": 0}
    if not str(opt["path"].get("pretrain_network_g")).startswith("stdnet_arch/weights/"):
        opt["network_g"] = shrink_network(opt["network_g"])
    opt["datasets"] = {name: shrink_dataset(name, s) for name, s in opt["datasets"].items()}
    opt["logger"] = {**opt.get("logger", {}), "print_freq": 1, "use_tb_logger": False}
    if "train" in opt:
        opt["train"] = {**opt["train"], "total_iter": 1}
    return opt


def provide(opt, folder):
    """Data sets, and the checkpoints that other option files of this project leave."""
    (folder / "stdnet_arch").symlink_to(ROOT / "stdnet_arch")
    roots = ("dataroot", "dataroot_gt", "dataroot_lq")
    named = [str(section.get(key, "")) for section in opt["datasets"].values() for key in roots]
    for path in filter(None, named):
        fake_datasets.make_dataset("/".join(path.split("/")[:2]), folder)
    start = opt["path"].get("pretrain_network_g")
    if start is not None and not (folder / start).exists():
        leave_checkpoint(folder / start, opt["network_g"], opt["scale"])
    if "distill" in opt:
        path = ROOT / "options/train/Distillation/train_STDNet_x4_teacher_DyDToF_sample.yml"
        teacher = option_file.read(path)
        assert opt["distill"]["teacher"].startswith(f"experiments/{teacher['name']}/models/")
        network = {"scale": teacher["scale"], **teacher["network_g"]}
        range_m = teacher["datasets"]["train"]["depth_range_m"]
        leave_checkpoint(folder / opt["distill"]["teacher"], network, opt["scale"], range_m)


def leave_checkpoint(path, network, scale, range_m=40.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    about = {"network_g": {"scale": scale, **network}, "depth_range_m": range_m}
    net = build_network({"scale": scale, **network})
    save_checkpoint(net, path, about=about)


@pytest.mark.parametrize("path", YAMLS, ids=lambda path: path.stem)
def test_it_starts(path, toolbox_run, tmp_path, data):
    opt = shrink(option_file.read(path))
    (tmp_path / "datasets").symlink_to(data / "datasets")
    (data / "datasets").mkdir(exist_ok=True)
    provide(opt, tmp_path)
    log = toolbox_run(opt, phase="train" if "train" in opt else "test")
    assert "End of training" in log if "train" in opt else "Validation" in log or "rmse" in log


PLANS = [
    path
    for path in sorted((ROOT / "options/benchmark").glob("*.yml"))
    if "train" in option_file.read(path)
]


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_the_training_of_a_benchmark_starts(path, toolbox_run, tmp_path, data):
    plan = read_plan(option_file.read(path))
    entry = next(e for e in plan.models if e.network_g is not None and not e.weights)
    opt = shrink(training_options(plan, entry))
    (tmp_path / "datasets").symlink_to(data / "datasets")
    (data / "datasets").mkdir(exist_ok=True)
    provide(opt, tmp_path)
    assert "End of training" in toolbox_run(opt)
