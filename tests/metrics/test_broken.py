"""A prediction that is not finite is the worst there is, by every metric, and stays in the mean."""

import inspect
import math

import pytest
import torch
from basicsr.utils.registry import METRIC_REGISTRY

from stdnet_arch.models.validation import ClipScore, mean_over_clips, read_metrics

T, H, W = 8, 16, 20
WORST = {"lower": math.inf, "higher": 0.0}
OWN = sorted(
    name
    for name, metric in METRIC_REGISTRY
    if metric.__module__.startswith("stdnet_arch.") and name.startswith("calculate_")
)
REQUIRED = {"calculate_absrel_band": {"band": 0}}


def clip_for(kind):
    """Prediction, truth and what the metric takes of a clip: a step of depth, half of it moves."""
    channels = 3 if kind.endswith("_y") else 1
    gt = 0.5 + 0.1 * (torch.arange(W) >= W // 2).float().expand(1, T, channels, H, W)
    flow = torch.zeros(1, T - 1, 2, H, W)
    flow[..., : W // 2] = 1.0
    extras = {
        "flow_px": flow,
        "guide": torch.rand(1, T, 3, H, W),
        "pose": torch.eye(4).expand(1, T, 4, 4),
        "intrinsics_px": torch.tensor([[10.0, 10.0, W / 2, H / 2]]),
    }
    function = METRIC_REGISTRY.get(kind)
    taken = (*getattr(function, "needs", ()), *getattr(function, "optional", ()))
    return gt.clone(), gt, {name: extras[name] for name in taken}


@pytest.mark.parametrize("broken", [math.nan, math.inf])
@pytest.mark.parametrize("kind", OWN)
def test_a_clip_that_is_not_finite_is_the_worst(kind, broken):
    function = METRIC_REGISTRY.get(kind)
    pred, gt, extras = clip_for(kind)
    valid = torch.ones_like(gt, dtype=torch.bool)
    options = REQUIRED.get(kind, {})
    assert math.isfinite(function(0.9 * pred, gt, valid=valid, **extras, **options))
    pred[:, 2:5] = broken
    pred[:, :, :, : H // 2] = broken
    value = function(pred, gt, valid=valid, **extras, **options)
    if kind == "calculate_delta":  # such a pixel is one outside of the threshold
        assert value == pytest.approx(5 / 8 / 2)
    else:
        assert value == WORST[function.better]


def test_every_metric_is_one_of_ours():
    assert len(OWN) >= 20
    assert all("valid" in inspect.signature(METRIC_REGISTRY.get(k)).parameters for k in OWN)


def test_a_broken_clip_stays_in_the_mean():
    section = {"psnr_db": {"type": "calculate_psnr_y"}}
    metrics = read_metrics(section)
    pred, gt, _ = clip_for("calculate_psnr_y")
    good = METRIC_REGISTRY.get("calculate_psnr_y")(0.9 * pred, gt)
    pred[0, 3, 0, 0, 0] = math.nan
    bad = METRIC_REGISTRY.get("calculate_psnr_y")(pred, gt)
    scores = [ClipScore(i, str(i), "net", {"psnr_db": v}) for i, v in enumerate((good, bad))]
    mean = mean_over_clips(scores, metrics)["net"]["psnr_db"]
    assert (mean.value, mean.judged, mean.skipped) == (pytest.approx(good / 2), 2, 0)
