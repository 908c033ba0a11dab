"""The interface of all that is compared: found by registration, one form in and out."""

import numpy as np
import pytest
import torch

import stdnet_arch.evaluation  # noqa: F401  registers them
from stdnet_arch.evaluation.benchmark.competitor import (
    COMPETITOR_REGISTRY,
    build_competitor,
    read_clip,
)

BILINEAR = {"type": "Interpolation", "scale": 4, "mode": "bilinear"}
ALL = {name: {"type": name, "scale": 4} for name, _ in COMPETITOR_REGISTRY}
ALL["Network"] = {"type": "Network", "network": BILINEAR, "depth_range_m": 20.0, "device": "cpu"}


@pytest.fixture
def recording():
    """Depth [m] ``(3, 5, 7)``, RGB ``(3, 20, 28, 3)`` uint8."""
    rng = np.random.default_rng(0)
    lq_m = rng.uniform(1, 9, (3, 5, 7)).astype(np.float32)
    return lq_m, rng.integers(0, 256, (3, 20, 28, 3), dtype=np.uint8)


def ready(options):
    competitor = build_competitor(options)
    competitor.load()
    return competitor


@pytest.mark.parametrize("name", ALL)
def test_each_gives_metres_at_the_size_of_the_rgb(name, recording):
    pred_m = ready(ALL[name]).infer(*recording)
    assert (pred_m.shape, pred_m.dtype) == ((3, 20, 28), np.float32)
    assert recording[0].min() - 0.01 < np.median(pred_m) < recording[0].max() + 0.01


@pytest.mark.parametrize("name", ALL)
def test_each_leaves_what_it_is_given_alone(name, recording):
    before = [x.copy() for x in recording]
    ready(ALL[name]).infer(*recording)
    for now, then in zip(recording, before, strict=True):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize("name", ALL)
def test_a_flat_wall_stays_flat(name, recording):
    wall_m = np.full_like(recording[0], 3.5)
    np.testing.assert_allclose(ready(ALL[name]).infer(wall_m, recording[1]), 3.5, atol=1e-3)


@pytest.mark.parametrize("name", ALL)
def test_tensors_and_floating_colours_give_the_same(name, recording):
    competitor, (lq_m, rgb) = ready(ALL[name]), recording
    floating = torch.from_numpy(rgb).float() / 255
    got = competitor.infer(torch.from_numpy(lq_m), floating)
    np.testing.assert_allclose(got, competitor.infer(lq_m, rgb), atol=1e-6)


def test_a_clip_becomes_two_tensors_in_the_order_of_networks(recording):
    depth, rgb = read_clip(*recording, scale=4)
    assert (depth.shape, rgb.shape) == ((3, 1, 5, 7), (3, 3, 20, 28))
    assert rgb[1, 2, 3, 4] == np.float32(recording[1][1, 3, 4, 2]) / 255


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lq, rgb: (lq[:, None], rgb), r"depth \(t, h, w\).*\(3, 1, 5, 7\)"),
        (lambda lq, rgb: (lq[:0], rgb[:0]), "at least one frame"),
        (lambda lq, rgb: (lq, rgb[:, :16]), r"needs \(3, 20, 28\); got \(3, 16, 28\)"),
        (lambda lq, rgb: (lq, rgb[:2]), r"needs \(3, 20, 28\); got \(2, 20, 28\)"),
        (lambda lq, rgb: ((lq * 1000).astype(np.int32), rgb), "floating point metres.*int32"),
        (lambda lq, rgb: (lq, rgb.astype(np.int32)), "RGB must be uint8.*int32"),
    ],
)
def test_what_is_no_clip_is_refused(recording, change, message):
    with pytest.raises((ValueError, TypeError), match=message):
        ready(ALL["Interpolated"]).infer(*change(*recording))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": 4}, "type must be one of.*JointBilateral.*None"),
        ({"type": "Bilinear", "scale": 4}, "type must be one of.*'Bilinear'"),
        ({"type": "Interpolated", "scale": 4, "kind": 1}, "Interpolated cannot be made.*kind"),
        ({"type": "Interpolated", "scale": 4, "mode": "cubic"}, "mode must be one of.*'cubic'"),
    ],
)
def test_a_wrong_section_says_what_is_there(options, message):
    with pytest.raises((ValueError, TypeError), match=message):
        build_competitor(options)
