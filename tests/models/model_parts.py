"""A net, a dataset and options small enough to train and judge a model in milliseconds."""

import torch
import torch.nn.functional as F
from basicsr.utils.registry import ARCH_REGISTRY, DATASET_REGISTRY, LOSS_REGISTRY
from torch import nn

from stdnet_arch.models.rgbd_video_model import RGBDVideoModel

RANGE_M = 8.0


@ARCH_REGISTRY.register()
class TinyDepthNet(nn.Module):
    """Bilinear depth plus one normalised convolution of depth and RGB, per frame."""

    halo = 0
    multiple_of = 3

    def __init__(self, scale, shift=0.0):
        super().__init__()
        self.scale, self.shift = scale, shift
        self.conv = nn.Conv2d(4, 2, 3, padding=1)
        self.norm = nn.BatchNorm2d(2, momentum=0.5)
        nn.init.constant_(self.conv.weight, 0.01)

    def forward(self, lq, guide):
        b, t, _, h, w = lq.shape
        if h % self.multiple_of or w % self.multiple_of:
            raise ValueError(f"lq sides must be multiples of {self.multiple_of}, got {h}x{w}")
        base = F.interpolate(lq.flatten(0, 1), scale_factor=self.scale, mode="bilinear")
        feat = self.norm(self.conv(torch.cat((base, guide.flatten(0, 1)), dim=1)))
        feat = feat.unflatten(0, (b, t))
        pred = base.unflatten(0, (b, t)) + 0.1 * feat[:, :, :1] + self.shift
        return {"pred": pred, "spare": feat[:, :, 1:]}


class Repeat(nn.Module):
    """Depth by replication; says what it saw."""

    multiple_of = 4
    scale = 2

    def forward(self, lq, guide):
        self.seen = (lq, guide, self.training, torch.is_grad_enabled())
        return {"pred": lq.repeat_interleave(2, -1).repeat_interleave(2, -2), "extra": guide}


@DATASET_REGISTRY.register()
class TinyClips(torch.utils.data.Dataset):
    """``num_clip`` random clips; clip ``i`` has ``2 + i`` frames and some invalid pixels."""

    def __init__(self, opt):
        self.opt = opt

    def __len__(self):
        return self.opt["num_clip"]

    def __getitem__(self, index):
        h, w = self.opt.get("lq_size", (6, 9))
        t, scale = self.opt.get("num_frame", 2 + index), self.opt["scale"]
        rng = torch.Generator().manual_seed(100 + index)
        guide = torch.rand(t, 3, h * scale, w * scale, generator=rng)
        gt = 0.2 + 0.6 * guide.mean(1, keepdim=True)
        valid = torch.rand(gt.shape, generator=rng) > self.opt.get("invalid", 0.2)
        item = {
            "lq": F.avg_pool2d(gt, scale),
            "guide": guide,
            "gt": gt.where(valid, 0),
            "valid": valid,
            "depth_range_m": torch.tensor(RANGE_M),
            "clip": f"{self.opt['name']}/clip{index}",
            "frame": 10 * index,
        }
        for key in self.opt.get("without", ()):
            del item[key]
        return item


@LOSS_REGISTRY.register()
class SpareLoss(nn.Module):
    """Reads an extra output; remembers the iteration it was told."""

    iteration = None

    def set_iteration(self, iteration):
        self.iteration = iteration

    def forward(self, out, gt, valid=None):
        return (out["spare"] - gt).abs()[valid].mean()


def options(folder, is_train=True, **train):
    """Options as the toolbox hands them to a model; ``train`` changes the section of that name."""
    paths = {key: str(folder / key) for key in ("models", "training_states", "visualization")}
    for path in paths.values():
        (folder / path).mkdir(parents=True, exist_ok=True)
    root = "experiments_root" if is_train else "results_root"
    return {
        "name": "tiny",
        "scale": 2,
        "num_gpu": 0,
        "dist": False,
        "rank": 0,
        "world_size": 1,
        "is_train": is_train,
        "network_g": {"type": "TinyDepthNet", "scale": 2},
        "path": {**paths, root: str(folder)},
        "train": {
            "total_iter": 8,
            "optim_g": {"type": "Adam", "lr": 1e-2},
            "scheduler": {"type": "MultiStepLR", "milestones": [6], "gamma": 0.5},
            "pixel_opt": {"type": "L1Loss"},
            **train,
        },
        "val": {
            "val_freq": 4,
            "save_img": False,
            "metrics": {
                "rmse_cm": {"type": "calculate_rmse", "better": "lower"},
                "mae_cm": {"type": "calculate_mae"},
            },
            "baselines": {"bilinear": {"type": "Interpolation", "mode": "bilinear"}},
        },
    }


def make_model(folder, opt=None, **train):
    """A model that writes under ``folder``."""
    return RGBDVideoModel(opt or options(folder, **train))


def loader(name="val", **dataset):
    """A loader of whole clips, as the toolbox makes it for validation."""
    opt = {"name": name, "num_clip": 3, "scale": 2, **dataset}
    return torch.utils.data.DataLoader(TinyClips(opt), batch_size=1)


def batches(count):
    """Training batches of two clips of three frames."""
    data = TinyClips({"name": "train", "num_clip": 2 * count, "scale": 2, "num_frame": 3})
    return list(torch.utils.data.DataLoader(data, batch_size=2))


def train(model, data, first=1):
    """The toolbox's inner loop; returns the logs of all steps."""
    logs = []
    for iteration, batch in enumerate(data, first):
        model.update_learning_rate(iteration)
        model.feed_data(batch)
        model.optimize_parameters(iteration)
        logs.append(dict(model.get_current_log()))
    return logs


def weights(net):
    """All parameters and buffers, detached copies."""
    return {key: value.clone() for key, value in net.state_dict().items()}
