"""Several processes on a CPU: gloo instead of NCCL, and the same result as one process."""

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from basicsr.models.base_model import BaseModel
from basicsr.utils import dist_util

import stdnet_arch

no_cuda = pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")


@pytest.fixture
def launched(monkeypatch):
    """The environment torchrun gives to the only process of a run; the group is left at the end."""
    one = {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "localhost", "MASTER_PORT": "0"}
    for key, value in one.items():
        monkeypatch.setenv(key, value)
    yield
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def model():
    return BaseModel({"num_gpu": 0, "is_train": True, "dist": True})


@no_cuda
def test_processes_on_a_cpu_meet_through_gloo(launched):
    dist_util._init_dist_pytorch("nccl")
    assert torch.distributed.get_backend() == "gloo"


@no_cuda
def test_stock_launch_on_a_cpu_divides_by_no_gpus(launched, without_patch):
    without_patch("basicsr.utils.dist_util", "_init_dist_pytorch")
    with pytest.raises(ZeroDivisionError):
        dist_util._init_dist_pytorch("nccl")


def test_the_launcher_option_needs_torchrun(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(SystemExit, match="torchrun --nproc_per_node 2 -m stdnet_arch.train"):
        dist_util._init_dist_pytorch("nccl")


@no_cuda
def test_a_net_is_wrapped_on_a_cpu(launched):
    dist_util._init_dist_pytorch("nccl")
    net = model().model_to_device(torch.nn.Linear(3, 2))
    assert isinstance(net, torch.nn.parallel.DistributedDataParallel)
    assert net(torch.rand(4, 3)).shape == (4, 2)


@no_cuda
def test_stock_wrapping_on_a_cpu_asks_for_cuda(launched, without_patch):
    dist_util._init_dist_pytorch("nccl")
    without_patch("basicsr.models.base_model:BaseModel", "model_to_device")
    with pytest.raises((RuntimeError, AssertionError), match="NVIDIA|CUDA"):
        model().model_to_device(torch.nn.Linear(3, 2))


# ------------------------------------------------------------------------ two processes against one

SOURCE = {"source": "Synthetic", "depth_range_m": 12}
RMSE = {"type": "calculate_rmse", "better": "lower"}


def options(batch):
    """Three iterations without any randomness: each window is a whole clip, each crop all of it."""
    clips = {"num_clips": 8, "num_frame": 2, "size": [32, 32]}
    window = {"num_frame": 2, "gt_size": 32}
    window |= dict.fromkeys(["use_hflip", "use_vflip", "use_transpose"], False)
    train = {"name": "train", "type": "RGBDVideoDataset", **SOURCE, "source_opt": clips, **window}
    train |= {"num_worker_per_gpu": 0, "batch_size_per_gpu": batch}
    held_out = {"num_clips": 3, "num_frame": 3, "size": [24, 40], "seed": 1}
    val = {"name": "val", "type": "RGBDVideoTestDataset", **SOURCE, "source_opt": held_out}
    return {
        "name": "tiny",
        "model_type": "RGBDVideoModel",
        "scale": 4,
        "num_gpu": 0,
        "manual_seed": 1,
        "datasets": {"train": train, "val": val},
        "network_g": {"type": "STDNet", "scale": 4, "num_feat": 16},
        "path": {},
        "train": {
            "total_iter": 3,
            "ema_decay": 0.5,
            "optim_g": {"type": "Adam", "lr": 1e-3, "eps": 1e-4},
            "scheduler": {"type": "MultiStepLR", "milestones": [2]},
            "pixel_opt": {"type": "L1Loss"},
        },
        "val": {"val_freq": 3, "save_img": False, "metrics": {"rmse_cm": RMSE}},
        "logger": {"print_freq": 1, "save_checkpoint_freq": 3, "use_tb_logger": False},
    }


def table(folder):
    """The last validation: clip to RMSE [cm]."""
    with (folder / "metrics/val.csv").open() as stream:
        return {row["clip"]: float(row["rmse_cm"]) for row in csv.DictReader(stream)}


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory):
    """Where torchrun trained with two processes, two clips each in a step."""
    folder = tmp_path_factory.mktemp("two")
    (folder / "x.yml").write_text(yaml.safe_dump(options(batch=2)))
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    train = ["-m", "stdnet_arch.train", "-opt", "x.yml", "--launcher", "pytorch"]
    package = str(Path(stdnet_arch.__file__).parents[1])
    alone = {"PYTHONPATH": package, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*launch, *train],
        cwd=folder,
        env={**os.environ, **alone},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "experiments/tiny"


def test_two_processes_give_the_validation_table_of_one(two_processes, toolbox_run, tmp_path):
    toolbox_run(options(batch=4))
    one = table(tmp_path / "experiments/tiny")
    assert list(one) == ["0000", "0001", "0002", "mean"]
    assert table(two_processes) == pytest.approx(one, rel=1e-4)


def test_one_process_finds_the_table_of_two_from_their_weights(
    two_processes, toolbox_run, tmp_path
):
    opt = options(batch=2)
    opt["datasets"] = {"test": opt["datasets"]["val"]}
    weights = two_processes / "models/net_g_latest.pth"
    opt["path"] = {"pretrain_network_g": str(weights), "param_key_g": "params_ema"}
    toolbox_run(opt, phase="test")
    assert table(tmp_path / "results/tiny") == pytest.approx(table(two_processes), rel=1e-6)


def test_a_run_of_two_processes_resumes_as_one(two_processes, toolbox_run, tmp_path):
    shutil.copytree(two_processes, tmp_path / "experiments/tiny")
    opt = options(batch=2)
    opt["train"]["total_iter"] = 4
    log = toolbox_run(opt, "--auto_resume")
    assert "To do: 1 iterations in 1 epochs of 4, from epoch 1, iteration 3" in log
    assert "iter:       4" in log
