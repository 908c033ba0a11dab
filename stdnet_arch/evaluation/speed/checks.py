"""Checks that the forms of STDNet give the same numbers: against float64, and in metres."""

from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

import stdnet_arch
from stdnet_arch.archs.checkpoints.loading import build_arch, load_network
from stdnet_arch.archs.stdnet_arch import STDNet
from stdnet_arch.data.lq.degradation import make_lq
from stdnet_arch.data.synthetic.source import Synthetic
from stdnet_arch.evaluation.published_forms import published_stdnet
from stdnet_arch.evaluation.speed.forms import Form
from stdnet_arch.metrics.depth_metric import calculate_rmse
from stdnet_arch.utils.depth_step import step_to_tell_m

WEIGHTS = Path(stdnet_arch.__file__).parent / "weights/stdnet_t_x4.safetensors"
UNFOLDED = Form("unfolded", folded=False)
"""Form that the shipped network's others are compared with: no published network has its head."""
SCALE = 4
CHECKED = 5, (32, 40)
"""Frames and size of the random clip that is compared with float64."""
FILMED = 7, (96, 128)
"""Frames and size of the synthetic clip that RMSE is measured on."""
TOLERANCE, TOLERANCE_TF32, TOLERANCE_HALF = 1e-5, 5e-3, 5e-2
"""Most relative error on random frames."""


def make_net(num_feat: int) -> STDNet:
    """A network with random weights, always the same, in which every layer counts.

    Offsets are of a pixel or so, and residuals of the size of depth: the zeros and thousandths of
    an untrained network would hide what goes wrong.
    """
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = {"type": "STDNet", "scale": SCALE, "num_feat": num_feat, "init": "balanced"}
        net = cast(STDNet, build_arch(network))
        for name, parameter in net.named_parameters():
            if "conv_offset_mask" in name:
                nn.init.normal_(parameter, std=num_feat**-0.5 / 4)
            elif name.endswith("prediction_head.6.weight"):
                nn.init.normal_(parameter, std=0.02)
    return net.eval()


def random_clip(frames: int, size: tuple[int, int], device: torch.device) -> tuple[Tensor, Tensor]:
    """``lq (1, t, 1, h, w)`` and ``guide (1, t, 3, H, W)`` in [0, 1], always the same."""
    generator = torch.Generator().manual_seed(0)
    height, width = size
    lq = torch.rand(1, frames, 1, height // SCALE, width // SCALE, generator=generator)
    guide = torch.rand(1, frames, 3, height, width, generator=generator)
    return lq.to(device), guide.to(device)


def synthetic_clip(range_m: float) -> tuple[Tensor, Tensor, Tensor]:
    """A rendered clip with its true depth: ``lq``, ``guide``, ``gt``, normalised, batch of 1."""
    frames, size = FILMED
    source = Synthetic(num_clips=1, num_frame=frames, size=size, seed=7)
    rgb = np.stack([source.guide("0000", i) for i in range(frames)])
    depth_m = np.stack([source.depth_m("0000", i) for i in range(frames)])
    pairs = zip(depth_m, rgb, strict=True)
    lq_m = np.stack([make_lq("dtof_peak", depth, colors, SCALE) for depth, colors in pairs])
    lq, gt = (torch.from_numpy(x)[None, :, None].float() / range_m for x in (lq_m, depth_m))
    return lq, torch.from_numpy(rgb)[None].permute(0, 1, 4, 2, 3) / 255, gt


class Checks:
    """Results that the forms are compared with, computed once.

    Args:
        device: device of the forms.
        num_feat: number of channels of the network with random weights.
    """

    def __init__(self, device: torch.device, num_feat: int) -> None:
        self.net, self.clip = make_net(num_feat).to(device), random_clip(*CHECKED, device)
        double = make_net(num_feat).double()
        with torch.no_grad():
            clip = (x.double() for x in random_clip(*CHECKED, torch.device("cpu")))
            self.exact = published_stdnet(double, *clip)
        loaded = load_network(WEIGHTS)
        self.trained = cast(STDNet, loaded.net).to(device)
        lq, guide, self.gt = synthetic_clip(loaded.depth_range_m)
        self.trained.step = step_to_tell_m(lq.numpy()) or 0.0
        self.filmed = lq.to(device), guide.to(device)
        self.unfolded_rmse = self._rmse(UNFOLDED)

    def error(self, form: Form) -> float:
        """Relative to float64, in the 2-norm."""
        pred = form.prepare(self.net, *self.clip)().double().cpu()
        return float((pred - self.exact).norm() / self.exact.norm())

    def rmse_change_percent(self, form: Form) -> float:
        """Compute how much larger the RMSE of the shipped network is than unfolded in float32."""
        if form.plain:  # computes the published head alone
            return 0.0
        return 100 * (self._rmse(form) / self.unfolded_rmse - 1)

    def _rmse(self, form: Form) -> float:
        pred = form.prepare(self.trained, *self.filmed)().double().cpu()
        return calculate_rmse(pred, self.gt)

    def tolerance(self, form: Form) -> float:
        """The largest :meth:`error` that is rounding."""
        if form.dtype is not None:
            return TOLERANCE_HALF
        tf32 = self.clip[0].device.type == "cuda" and torch.backends.cudnn.allow_tf32
        return TOLERANCE_TF32 if tf32 else TOLERANCE
