"""The published dToF sensor for batches on any device: without noise, and photon by photon."""

import torch
from torch import Tensor

from stdnet_arch.data.lq.sensor_draws import SensorClip, SensorView

RANGE_M, BINS = 100.0, 1024
STEP_M = RANGE_M / (BINS - 1)
_REFERENCE_SHARE = 0.1  # of the range: where a white block returns ``signal`` photons
_MOST_COUNTS = 64


def _blocks(x: Tensor, scale: int) -> Tensor:
    """``(n, 1, H, W)`` to ``(n, h, w, scale^2)``."""
    n, _, H, W = x.shape
    cut = x.reshape(n, H // scale, scale, W // scale, scale)
    return cut.transpose(2, 3).flatten(3)


def _light(view: SensorView) -> tuple[Tensor, Tensor, Tensor]:
    """Bins of each block in order, the light that ends in each, and whether it is a bin's last.

    All ``(n, h, w, scale^2)``; the light of a whole bin stands at its last pixel. Sums are exact:
    24 bits of float32 and up to 28 more of their range fit into float64, whatever the order.
    """
    depth_m = view.depth_m.float()
    share = depth_m / torch.full_like(depth_m, RANGE_M)
    returns = (share > 0) & (share <= 1)
    share = torch.where(returns, share, 0.0)
    rgb = (view.rgb.float() * 255).round()
    albedo = (rgb[:, :1] + rgb[:, 1:2] + rgb[:, 2:3]) / torch.full_like(share, 3.0)
    weight = torch.where(returns, albedo, 0.0) / (1e-3 + share * share)
    bins = (share * (BINS - 1)).round()
    order = _blocks(bins, view.scale).sort(-1)
    weight = _blocks(weight, view.scale).gather(-1, order.indices).double()
    last = torch.ones_like(order.values, dtype=torch.bool)
    last[..., :-1] = order.values[..., 1:] != order.values[..., :-1]
    total = weight.cumsum(-1)
    before = torch.where(last, total, 0.0).cummax(-1).values
    light = total.clone()
    light[..., 1:] -= before[..., :-1]
    return order.values, torch.where(last, light, 0.0), last


def _fullest(bins: Tensor, light: Tensor) -> tuple[Tensor, Tensor]:
    """The fullest bin of each block, the nearer of equal ones, and its light: ``(n, 1, h, w)``."""
    most = light.amax(-1, keepdim=True)
    peak = torch.where((light == most) & (light > 0), bins, float(BINS)).amin(-1)
    return torch.where(most[..., 0] > 0, peak, 0.0)[:, None], most[..., 0][:, None]


def _depth_m(peak: Tensor) -> Tensor:
    top = torch.full_like(peak, BINS - 1.0)
    return peak / top * RANGE_M


def dtof_peak(view: SensorView) -> SensorClip:
    """The fullest bin of each block's histogram of returned light."""
    bins, light, _ = _light(view)
    lq_m = _depth_m(_fullest(bins, light)[0])
    return view.clip(lq_m, lq_m > 0, STEP_M)


def dtof_photons(view: SensorView) -> SensorClip:
    """The fullest bin where every photon counts.

    A white block at 10 m returns 15 to 400 photons; 1 to 500 more arrive at any time. Bins
    with nothing but background are alike: the fullest of them is drawn from its own law.
    """
    bins, light, last = _light(view)
    signal, background = view.log_uniform(15, 400), view.log_uniform(1, 500)
    white = 255 * view.scale**2 / (1e-3 + _REFERENCE_SHARE**2)
    each = background / BINS
    expected = light.float() * (signal / white) + each
    counts = torch.poisson(torch.where(last, expected, 0.0), generator=view.generator)
    peak, most = _fullest(bins, counts.double())
    stray, stray_count = _stray(view, each, last.sum(-1)[:, None])
    peak = torch.where(stray_count > most, stray, peak)
    lq_m = _depth_m(peak)
    return view.clip(lq_m, lq_m > 0, STEP_M)


def _stray(view: SensorView, each: Tensor, used: Tensor) -> tuple[Tensor, Tensor]:
    """Place and count of the fullest of the bins that no surface lights, ``(n, 1, h, w)`` each.

    The greatest of ``m`` draws is below ``k`` with the ``m``-th power of one draw's probability.
    """
    k = torch.arange(_MOST_COUNTS, device=each.device, dtype=torch.float64)
    rate = each.double().view(-1, 1)
    below = (k * rate.log() - rate - torch.lgamma(k + 1)).exp().cumsum(-1).clamp_max(1.0)
    free = (BINS - used).double()
    chance = torch.rand(used.shape, generator=view.generator, device=each.device)
    one = chance.double() ** (1 / free)
    n, _, h, w = used.shape
    count = torch.searchsorted(below, one.view(n, -1).contiguous()).view(n, 1, h, w)
    place = torch.rand(used.shape, generator=view.generator, device=each.device) * (BINS - 1)
    return place.floor() + 1, count.double()
