"""Distillation of every kind of network, through the runner, as a user starts it."""

import math
import re

import pytest
import torch
from basicsr.archs import build_network

from stdnet_arch.archs.checkpoints.adapters import save_checkpoint

TINY_DFLOW = {"type": "DFlow", "scale": 4, "num_feat": 8, "num_block": 1}
SMALLER_DFLOW = {**TINY_DFLOW, "num_feat": 4}
BASICVSR = {"type": "BasicVSR", "num_feat": 4, "num_block": 1}
STDAN = {"type": "STDAN", "scale": 4, "modality": "rgb", "num_feat": 8, "embed_feat": 24}
RGB_STDAN = {**STDAN, "num_group": [1, 1], "num_block": 2, "drop_path": 0.0}
UP = "head.upsample.3"
PAIRS = {
    "DFlow by DFlow": (TINY_DFLOW, "head.0", SMALLER_DFLOW, "head.0", 32),
    "BasicVSR of the toolbox by DFlow": (TINY_DFLOW, "head.0", BASICVSR, "conv_hr", 256),
    "DFlow by BasicVSR of the toolbox": (BASICVSR, "conv_hr", TINY_DFLOW, "head.0", 256),
    "STDAN of RGB by STDAN of RGB": (RGB_STDAN, UP, RGB_STDAN, UP, 32),
}


def run_options(folder, teacher, teacher_layer, student, student_layer, size):
    """Two iterations on colours of a synthetic clip; the teacher is random, and says what it is."""
    net = build_network(dict(teacher))
    save_checkpoint(net, folder / "teacher.pth", about={"network_g": teacher})
    makes_frames = student["type"] == "STDAN"
    clips = {"source": "Synthetic", "source_opt": {"num_clips": 1, "num_frame": 3}}
    clips["source_opt"]["size"] = [size, size]
    train = {"num_frame": 3, "gt_size": size, "lq_every": 2 if makes_frames else 1}
    loader = {"num_worker_per_gpu": 0, "batch_size_per_gpu": 1, "dataset_enlarge_ratio": 2}
    dataset = {"name": "train", "type": "SourceRGBDataset"}
    return {
        "name": "pair",
        "model_type": f"{'FrameMaking' if makes_frames else 'SpaceTime'}DistillationModel",
        "scale": 4,
        "num_gpu": 0,
        "manual_seed": 1,
        "datasets": {"train": {**dataset, **clips, **train, **loader}},
        "network_g": dict(student),
        "distill": {
            "teacher": str(folder / "teacher.pth"),
            "teacher_layer": teacher_layer,
            "student_layer": student_layer,
            "memory": {"num_feat": 5, "pool": 8},
        },
        "path": {},
        "train": {
            "total_iter": 2,
            "optim_g": {"type": "Adam", "lr": 1e-3},
            "grad_clip": 1.0,
            "pixel_opt": {"type": "CharbonnierLoss"},
        },
        "logger": {"print_freq": 1, "save_checkpoint_freq": 2, "use_tb_logger": False},
    }


@pytest.mark.parametrize("pair", PAIRS)
def test_any_network_teaches_any_other(toolbox_run, tmp_path, pair):
    log = toolbox_run(run_options(tmp_path, *PAIRS[pair]))
    terms = re.findall(r"l_(?:spatial|memory): (\S+)", log)
    assert len(terms) == 4
    assert all(math.isfinite(float(term)) and float(term) > 0 for term in terms)
    student = build_network(dict(PAIRS[pair][2]))
    saved = torch.load(tmp_path / "experiments/pair/models/net_g_2.pth", weights_only=True)
    student.load_state_dict(saved["params"], strict=True)
