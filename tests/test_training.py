"""The whole training path: STDNet on synthetic clips through the toolbox's runners."""

import copy
import csv
import re

import pytest
import torch
from basicsr.archs import build_network

from stdnet_arch.data.database.lmdb_job import LmdbJob
from stdnet_arch.data.database.lmdb_writer import create_lmdb

SCALE = 4
CLIPS = {"source": "Synthetic", "source_opt": {"size": [16, 24], "num_clips": 2, "num_frame": 3}}
METHODS = ["bilinear", "bicubic", "STDNet"]


@pytest.fixture
def opt():
    """Options of a run of 8 iterations, validated and saved every 4."""
    crops = {"num_frame": 2, "gt_size": 16, "num_worker_per_gpu": 0, "batch_size_per_gpu": 1}
    modes = {name: {"type": "Interpolation", "mode": name} for name in METHODS[:2]}
    return {
        "name": "tiny_STDNet",
        "model_type": "RGBDVideoModel",
        "scale": SCALE,
        "num_gpu": 0,
        "manual_seed": 1,
        "datasets": {
            "train": {"name": "train", "type": "RGBDVideoDataset", **CLIPS, **crops},
            "val_1": {"name": "seen", "type": "RGBDVideoTestDataset", **CLIPS},
            "val_2": {"name": "first", "type": "RGBDVideoTestDataset", **CLIPS, "clips": ["0000"]},
        },
        "network_g": {"type": "STDNet", "scale": SCALE, "num_feat": 16},
        "path": {},
        "train": {
            "total_iter": 8,
            "optim_g": {"type": "AdamW", "lr": 5e-4},
            "scheduler": {"type": "MultiStepLR", "milestones": [6], "gamma": 0.5},
            "grad_clip": 1.0,
            "ema_decay": 0.5,
            "pixel_opt": {"type": "AnnealedPixelLoss", "anneal_end": 100},
            "difference_opt": {"type": "DifferenceLoss"},
        },
        "val": {
            "val_freq": 4,
            "save_img": False,
            "baselines": modes,
            "metrics": {"rmse_cm": {"type": "calculate_rmse", "better": "lower"}},
        },
        "logger": {"print_freq": 1, "save_checkpoint_freq": 4, "use_tb_logger": False},
    }


def table(folder, dataset):
    with (folder / f"metrics/{dataset}.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def iterations(log):
    return [int(number) for number in re.findall(r"iter: +(\d+), lr", log)]


def test_twenty_steps_lower_the_loss(opt, toolbox_run):
    # One window, the same in every step.
    turns = dict.fromkeys(["use_hflip", "use_vflip", "use_transpose"], False)
    scene = {"size": [16, 16], "num_clips": 1, "num_frame": 2}
    opt["datasets"] = {"train": {**opt["datasets"]["train"], **turns, "source_opt": scene}}
    # The squared loss: the published one stays at bilinear for far more than twenty steps.
    opt["train"].update(total_iter=20, scheduler=None, pixel_opt={"type": "MSELoss"})
    del opt["val"]
    losses = [float(loss) for loss in re.findall(r"l_pix: (\S+)", toolbox_run(opt))]
    assert len(losses) == 20
    assert losses[-1] < 0.8 * losses[0]


def test_four_iterations_resumed_for_four_more_end_like_eight(opt, toolbox_run, tmp_path):
    half = copy.deepcopy(opt)
    half["train"]["total_iter"] = 4
    whole = {**copy.deepcopy(opt), "name": "whole"}
    toolbox_run(whole)
    assert iterations(toolbox_run(half)) == [1, 2, 3, 4]
    log = toolbox_run(opt, "--auto_resume")
    assert iterations(log) == [5, 6, 7, 8]

    root = tmp_path / "experiments/tiny_STDNet"
    saved = [path.name for path in sorted(root.glob("*/*[0-9t].[ps]t*"))]
    assert saved == ["net_g_4.pth", "net_g_8.pth", "net_g_latest.pth", "4.state", "8.state"]
    weights = torch.load(root / "models/net_g_8.pth", weights_only=True)
    expected = torch.load(tmp_path / "experiments/whole/models/net_g_8.pth", weights_only=True)
    for key in ("params", "params_ema"):
        build_network(opt["network_g"]).load_state_dict(weights[key], strict=True)
        torch.testing.assert_close(weights[key], expected[key], rtol=0, atol=1e-6)
    state = torch.load(root / "training_states/8.state", weights_only=True)
    assert (state["iter"], state["optimizers"][0]["state"][0]["step"]) == (8, 8)

    rows = table(root, "seen")
    means = [(row["iter"], row["method"]) for row in rows if row["clip"] == "mean"]
    assert means == [(iteration, method) for iteration in "48" for method in METHODS]
    assert {row["clip"] for row in table(root, "first")} == {"0000", "mean"}
    values = [float(row["rmse_cm"]) for row in rows if row["clip"] == "mean"]
    best = min((values[2], 4), (values[5], 8))
    assert "Best: {:.4f} @ {} iter".format(*best) in log


def test_the_checkpoint_tests_as_it_validated(opt, toolbox_run, tmp_path):
    opt["train"]["total_iter"] = opt["val"]["val_freq"] = 1
    opt["logger"]["save_checkpoint_freq"] = 1
    toolbox_run(opt)
    root = tmp_path / "experiments/tiny_STDNet"
    opt["path"] = {"pretrain_network_g": str(root / "models/net_g_1.pth")}
    opt["path"]["param_key_g"] = "params_ema"
    opt["datasets"] = {"test_1": opt["datasets"]["val_1"]}
    toolbox_run(opt, phase="test")
    tested = table(tmp_path / "results/tiny_STDNet", "seen")
    assert tested == [{**row, "iter": "tiny_STDNet"} for row in table(root, "seen")]


def test_a_run_from_one_lmdb_is_the_run_from_its_source(opt, toolbox_run, tmp_path):
    path = create_lmdb(LmdbJob(**CLIPS), tmp_path / "x.lmdb", quiet=True).path
    opt["train"]["total_iter"] = 4
    from_source = re.findall(r"l_pix: \S+|rmse_cm: \S+", toolbox_run(copy.deepcopy(opt)))
    for dataset in opt["datasets"].values():
        dataset.update(dataroot=str(path), io_backend={"type": "lmdb"})
    opt["datasets"]["train"]["guide_bytes"] = True
    opt["name"] = "from_lmdb"
    from_lmdb = re.findall(r"l_pix: \S+|rmse_cm: \S+", toolbox_run(opt))
    assert from_lmdb == from_source
    assert len(from_source) >= 4
