"""PSNR and SSIM of luma against the toolbox and scikit-image, and by cases done in the head."""

import numpy as np
import pytest
import torch
from basicsr.metrics.psnr_ssim import calculate_psnr
from skimage.metrics import structural_similarity

from stdnet_arch.metrics.rgb_metric import calculate_psnr_y, calculate_ssim_y, luma

METRICS = [calculate_psnr_y, calculate_ssim_y]


@pytest.fixture
def pair():
    """A clip ``(1, 2, 3, 14, 17)``, and a worse one, partly outside of [0, 1]."""
    gt = torch.rand(1, 2, 3, 14, 17)
    return gt + 0.2 * torch.randn_like(gt), gt


def pictures(clip):
    """What would be saved: uint8 BGR, frame by frame."""
    rounded = np.round(np.clip(clip[0].numpy().astype(np.float64), 0, 1) * 255)
    return [frame.transpose(1, 2, 0)[..., ::-1].astype(np.uint8) for frame in rounded]


def test_psnr_is_the_toolbox_one_of_the_saved_pictures(pair):
    both = zip(*map(pictures, pair), strict=True)
    expected = np.mean([calculate_psnr(a, b, 0, test_y_channel=True) for a, b in both])
    # The toolbox computes Y in float32.
    assert calculate_psnr_y(*pair) == pytest.approx(expected, abs=1e-3)


def test_ssim_is_the_one_of_scikit_image(pair):
    planes = [luma(x)[0].numpy() for x in pair]
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    maps = [
        structural_similarity(a, b, data_range=255, full=True, **settings)[1][5:-5, 5:-5]
        for a, b in zip(*planes, strict=True)
    ]
    assert calculate_ssim_y(*pair) == pytest.approx(np.mean(maps), abs=1e-9)


def test_black_is_16_and_white_is_235():
    ends = torch.tensor([0.0, 1.0]).view(2, 1, 1, 1).expand(2, 3, 1, 1)
    np.testing.assert_allclose(luma(ends).ravel(), [16, 235], atol=1e-9)


def test_one_level_of_grey_is_as_many_decibels_as_on_paper():
    gt = torch.full((1, 1, 3, 11, 12), 100 / 255)
    # One of 255 levels is 219/255 of a level of Y.
    expected = 20 * np.log10(255 / (219 / 255))
    assert calculate_psnr_y(gt + 1 / 255, gt) == pytest.approx(expected, abs=1e-6)


def test_less_than_half_a_level_is_no_error():
    gt = torch.full((1, 1, 3, 11, 12), 100 / 255)
    assert calculate_psnr_y(gt + 0.4 / 255, gt) == float("inf")
    assert calculate_ssim_y(gt + 0.4 / 255, gt) == pytest.approx(1)


@pytest.mark.parametrize("broken", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("metric", METRICS)
def test_a_broken_prediction_counts_as_0(metric, broken, pair):
    pair[0][0, 0, 0, 7, 8] = broken
    assert metric(*pair) == 0


@pytest.mark.parametrize("metric", METRICS)
def test_it_says_itself_that_higher_is_better(metric):
    assert metric.better == "higher"


@pytest.mark.parametrize("metric", METRICS)
def test_bad_input_is_an_error_that_says_so(metric, pair):
    pred, gt = pair
    with pytest.raises(ValueError, match=r"one shape.*13.*14"):
        metric(pred[..., 1:, :], gt)
    with pytest.raises(ValueError, match=r"RGB frames.*1, 14, 17"):
        metric(pred[..., :1, :, :], gt[..., :1, :, :])
    with pytest.raises(ValueError, match="invalid pixels"):
        metric(pred, gt, valid=torch.zeros_like(gt, dtype=torch.bool))


def test_ssim_needs_room_for_its_window():
    with pytest.raises(ValueError, match=r"at least 11.*10, 20"):
        calculate_ssim_y(torch.rand(1, 3, 10, 20), torch.rand(1, 3, 10, 20))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("view", "first"), [("left", 0), ("right", 3)])
def test_a_view_of_a_stereo_clip_is_judged_alone(metric, view, first):
    pred, gt = torch.rand(2, 1, 2, 6, 14, 17)
    one = [x[:, :, first : first + 3] for x in (pred, gt)]
    assert metric(pred, gt, view=view) == metric(*one)


@pytest.mark.parametrize(
    ("channels", "view", "message"),
    [
        (6, "top", "view must be left or right, got 'top'"),
        (3, "left", r"view: left needs stereo frames \(..., 6, H, W\), got \(1, 3"),
        (6, None, r"or \(..., 6, H, W\) with view: left or right, got \(1, 6"),
    ],
)
def test_a_view_that_there_is_not_is_refused(channels, view, message):
    frames = torch.rand(1, channels, 12, 13)
    with pytest.raises(ValueError, match=message):
        calculate_psnr_y(frames, frames, view=view)
