"""The difference regularisation against NumPy written from the formulas."""

import numpy as np
import pytest
import torch
from basicsr.losses import build_loss
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from stdnet_arch.losses.difference_loss import DifferenceLoss, spatial_term, temporal_term
from stdnet_arch.ops.resize import upsample


def output(b=2, t=4, h=3, w=5, dtype=torch.float64):
    """What STDNet returns, as far as the loss reads it, and a ground truth; all sizes differ."""
    out = {
        "pred": torch.rand(b, t, 1, 4 * h, 4 * w, dtype=dtype),
        "sigma": torch.randn(2, b, t, 1, h, w, dtype=dtype),
        "phi_1": torch.randn(2, b, max(t - 1, 0), 1, h, w, dtype=dtype),
        "phi_2": torch.randn(2, b, max(t - 2, 0), 1, h, w, dtype=dtype),
    }
    return out, torch.rand(b, t, 1, 4 * h, 4 * w, dtype=dtype)


def spatial_by_numpy(pred, gt, sigma, valid):
    maps = upsample(sigma, 4, "bicubic").numpy()
    edge = np.where(maps > 0, maps, np.expm1(np.minimum(maps, 0)))
    total = count = 0
    for i, j in np.ndindex(*gt.shape[:2]):
        keep = valid[i, j].numpy()
        weight = edge[i, j][keep] - edge[i, j][keep].min() + 1
        total += np.abs(weight * (pred[i, j].numpy()[keep] - gt[i, j].numpy()[keep])).sum()
        count += keep.sum()
    return total / count


def temporal_by_numpy(gt, phi, valid, step):
    maps = upsample(phi, 4, "bicubic").numpy()
    total = count = 0
    for i in range(gt.shape[1] - step):
        keep = (valid[:, i] & valid[:, i + step]).numpy()
        change = np.abs(gt[:, i + step].numpy() - gt[:, i].numpy())
        total += np.abs(maps[:, i] - change)[keep].sum()
        count += keep.sum()
    return total / count


@pytest.mark.parametrize("share", [1.0, 0.6])
def test_terms_are_the_formulas(share):
    out, gt = output()
    valid = torch.rand(gt.shape) < share
    spatial = spatial_term(out["pred"], gt, out["sigma"][0], valid)
    assert spatial.item() == pytest.approx(
        spatial_by_numpy(out["pred"], gt, out["sigma"][0], valid), abs=1e-12
    )
    temporal = temporal_term(gt, out["phi_2"][1], valid, 2)
    assert temporal.item() == pytest.approx(
        temporal_by_numpy(gt, out["phi_2"][1], valid, 2), abs=1e-12
    )


def test_the_whole_is_the_weighted_sum():
    out, gt = output()
    valid = torch.ones_like(gt, dtype=torch.bool)
    spatial = sum(spatial_term(out["pred"], gt, sigma, valid) for sigma in out["sigma"])
    temporal = sum(
        temporal_term(gt, phi, valid, step) for step in (1, 2) for phi in out[f"phi_{step}"]
    )
    expected = 0.01 * (0.5 * 0.2 * spatial + 0.5 * temporal)
    torch.testing.assert_close(DifferenceLoss()(out, gt), expected)
    other = DifferenceLoss(loss_weight=2, spatial_weight=3, temporal_weight=5)(out, gt)
    torch.testing.assert_close(other, 2 * (3 * spatial + 5 * temporal))


def test_invalid_pixels_do_not_count():
    out, gt = output()
    valid = torch.rand(gt.shape) < 0.7
    loss = DifferenceLoss()
    reference = loss(out, gt, valid)
    broken = gt.where(valid, torch.nan)
    worse = {**out, "pred": out["pred"].where(valid, 1e6)}
    torch.testing.assert_close(loss(worse, broken, valid), reference)


def test_nothing_valid_costs_nothing():
    out, gt = output()
    out["pred"].requires_grad_()
    loss = DifferenceLoss()(out, gt, torch.zeros_like(gt, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0
    assert not out["pred"].grad.any()


@pytest.mark.parametrize("t", [1, 2])
def test_short_clips_have_the_terms_that_exist(t):
    out, gt = output(t=t)
    valid = torch.ones_like(gt, dtype=torch.bool)
    spatial = sum(spatial_by_numpy(out["pred"], gt, sigma, valid) for sigma in out["sigma"])
    # A clip of two frames has a pair at distance 1 and none at 2.
    pairs = out["phi_1"] if t == 2 else []
    temporal = sum(temporal_by_numpy(gt, phi, valid, 1) for phi in pairs)
    assert DifferenceLoss()(out, gt).item() == pytest.approx(
        0.01 * (0.1 * spatial + 0.5 * temporal), abs=1e-12
    )


def test_gradients_are_those_of_finite_differences():
    out, gt = output(b=1, t=3, h=1, w=2)
    valid = torch.rand(gt.shape) < 0.8

    def loss(*maps):
        return DifferenceLoss()(dict(zip(out, maps, strict=True)), gt, valid)

    assert torch.autograd.gradcheck(loss, [x.requires_grad_() for x in out.values()])


def test_output_of_another_network_is_refused():
    with pytest.raises(KeyError, match="missing: .*sigma"):
        DifferenceLoss()({"pred": torch.rand(1, 1, 1, 4, 4)}, torch.rand(1, 1, 1, 4, 4))


def test_the_toolbox_builds_it():
    loss = build_loss({"type": "DifferenceLoss", "loss_weight": 0.5})
    assert loss.loss_weight == 0.5


class LargestTensor(TorchDispatchMode):
    """Sees every tensor that an operator makes, in backward too."""

    values = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        sizes = [x.numel() for x in tree_leaves(made) if torch.is_tensor(x)]
        self.values = max(self.values, *sizes, 0)
        return made


def test_no_map_is_larger_than_the_clip():
    # Temporal terms pair frames: nothing of (b, t, t, H, W) may be made on the way.
    out, gt = output(t=6)
    with LargestTensor() as largest:
        DifferenceLoss()({k: x.requires_grad_() for k, x in out.items()}, gt).backward()
    assert largest.values == gt.numel()
