"""A net, datasets and options small enough for the toolbox's own trainer to run in a second."""

import random

import numpy as np
import torch
from torch import nn

# isort: off
import stdnet_arch  # noqa: F401  before basicsr, since spawned workers import this module first
from basicsr.utils.registry import ARCH_REGISTRY, DATASET_REGISTRY


@ARCH_REGISTRY.register()
class TinyVideoNet(nn.Module):
    """One convolution and one BatchNorm per frame, ``(b, t, 3, h, w)`` to the same shape.

    With ``dropout`` it draws random numbers; with ``flow`` a part is named as the toolbox's flow
    network.
    """

    def __init__(self, dropout=0.0, flow=False):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.norm = nn.BatchNorm2d(3)
        self.dropout = nn.Dropout(dropout)
        self.spynet = nn.Conv2d(3, 3, 1) if flow else nn.Identity()

    def forward(self, lq):
        b, t, _, _, _ = lq.shape
        feat = self.norm(self.conv(self.spynet(lq.flatten(0, 1))))
        return lq + self.dropout(feat).unflatten(0, (b, t))


@DATASET_REGISTRY.register()
class TinyVideoDataset(torch.utils.data.Dataset):
    """``num_clip`` clips of two random frames, named ``<name>_<index>``; ``noise`` draws anew."""

    def __init__(self, opt):
        self.opt = opt
        self.folders = [f"{opt['name']}_{index}" for index in range(opt["num_clip"])]
        self.data_info = {"folder": [folder for folder in self.folders for _ in range(2)]}

    def __len__(self):
        return len(self.folders)

    def __getitem__(self, index):
        size = self.opt.get("size", 8)
        gt = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(index))
        lq = gt[..., :: self.opt["scale"], :: self.opt["scale"]].clone()
        if self.opt.get("noise"):
            numbers = random.random(), np.random.random(), torch.rand(()).item()  # noqa: NPY002
            lq += 0.1 * torch.tensor(numbers).view(3, 1, 1)
        return {"lq": lq, "gt": gt, "folder": self.folders[index]}


class Draws(torch.utils.data.Dataset):
    """Four items: a number of ``random``, one of NumPy, and whether the patches are in place."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        import basicsr.train

        patched = hasattr(basicsr.train.load_resume_state, "__wrapped__")
        return torch.tensor([random.random(), np.random.random(), patched])  # noqa: NPY002


def options(name="tiny", total_iter=2, num_clip=8, batch=2, **train):
    """Options of a run of the toolbox's recurrent model on the CPU, without validation."""
    dataset = {"type": "TinyVideoDataset", "num_clip": num_clip}
    loader = {"num_worker_per_gpu": 0, "batch_size_per_gpu": batch, "dataset_enlarge_ratio": 1}
    steps = {"type": "MultiStepLR", "milestones": [1000]}
    return {
        "name": name,
        "model_type": "VideoRecurrentModel",
        "scale": 1,
        "num_gpu": 0,
        "manual_seed": 1,
        "datasets": {"train": {"name": "train", **dataset, **loader}},
        "network_g": {"type": "TinyVideoNet"},
        "path": {},
        "train": {
            "total_iter": total_iter,
            "optim_g": {"type": "Adam", "lr": 1e-3},
            "scheduler": steps,
            "pixel_opt": {"type": "L1Loss"},
            **train,
        },
        "logger": {"print_freq": 1, "save_checkpoint_freq": 1000, "use_tb_logger": False},
    }


def with_validation(opt, *names, num_clip=3):
    """The same options, validated on sets of these names at the end of the run."""
    for index, name in enumerate(names):
        dataset = {"name": name, "type": "TinyVideoDataset", "num_clip": num_clip}
        opt["datasets"][f"val_{index}"] = dataset
    psnr = {"type": "calculate_psnr", "crop_border": 0, "better": "higher"}
    opt["val"] = {"val_freq": 1000, "save_img": False, "metrics": {"psnr": psnr}}
    return opt
