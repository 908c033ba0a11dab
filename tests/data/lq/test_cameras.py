"""Colour cameras: each effect against OpenCV, or a picture whose outcome is known."""

import cv2
import numpy as np
import pytest
import torch

from stdnet_arch.data.lq import rgb_disturbance as disturbance
from stdnet_arch.data.lq.cameras import CAMERAS, disturb_rgb, flicker, shift


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def clips(b=2, t=3, H=20, W=28, seed=1):
    return torch.rand(b, t, 3, H, W, generator=generator(seed))


def test_blur_is_the_binomial_mean():
    rgb = clips(1, 1)
    got = disturbance.blur(rgb, torch.ones(1))[0, 0].permute(1, 2, 0).numpy()
    kernel = np.array([0.25, 0.5, 0.25])
    image = rgb[0, 0].permute(1, 2, 0).numpy()
    expected = cv2.sepFilter2D(image, -1, kernel, kernel, borderType=cv2.BORDER_REPLICATE)
    np.testing.assert_allclose(got, expected, atol=1e-6)


def test_noise_has_the_spread_asked_for():
    rgb = torch.full((2, 1, 3, 100, 100), 0.64)
    read, shot = torch.tensor([0.05, 0.0]), torch.tensor([0.0, 0.1])
    noise = disturbance.add_noise(rgb, read, shot, generator()) - rgb
    torch.testing.assert_close(noise[0].std(), torch.tensor(0.05), rtol=0.03, atol=0)
    torch.testing.assert_close(noise[1].std(), torch.tensor(0.1 * 0.8), rtol=0.03, atol=0)


def test_grey_blocks_are_rounded_as_jpeg_rounds_them():
    """Quality 50 rounds by the printed table: the same with OpenCV's cosine transform."""
    grey = clips(1, 1, 16, 24)[:, :, :1]
    got = disturbance.jpeg_blocks(grey.expand(-1, -1, 3, -1, -1), torch.tensor([50.0]))
    table = np.array(disturbance._LUMINANCE_STEPS, np.float32).reshape(8, 8) / 255
    expected = np.zeros((16, 24), np.float32)
    for y in range(0, 16, 8):
        for x in range(0, 24, 8):
            waves = cv2.dct(grey[0, 0, 0, y : y + 8, x : x + 8].numpy().copy())
            expected[y : y + 8, x : x + 8] = cv2.idct(np.round(waves / table) * table)
    np.testing.assert_allclose(got[0, 0, 1].numpy(), expected.clip(0, 1), atol=1e-5)


def test_better_quality_is_nearer_and_sides_need_not_be_whole_blocks():
    rgb = clips(2, 1, 21, 13)[:1].expand(2, -1, -1, -1, -1)
    off = (disturbance.jpeg_blocks(rgb, torch.tensor([95.0, 20.0])) - rgb).abs().mean((1, 2, 3, 4))
    assert 0 < off[0] < 0.02
    assert off[1] > 3 * off[0]


def test_vignette_leaves_its_middle_and_darkens_corners():
    rgb = torch.ones(1, 1, 3, 41, 41)
    out = disturbance.vignette(rgb, torch.tensor([0.5]), torch.zeros(1, 2))
    assert out[0, 0, 0, 20, 20] == 1
    torch.testing.assert_close(out[0, 0, 0, 0, 0], torch.tensor(1 / 1.5))


def test_developing_is_a_power_of_the_gained_value_below_the_highlights():
    rgb = torch.full((1, 1, 3, 2, 2), 0.3)
    out = disturbance.develop(rgb, torch.tensor([[1.0, 2.0, 0.5]]), torch.tensor([0.5]))
    expected = torch.tensor([0.3, 0.6, 0.15]).sqrt()
    torch.testing.assert_close(out[0, 0, :, 0, 0], expected)


def test_shift_moves_to_the_right_and_down():
    rgb = clips(1, 2)
    moved = shift(rgb, torch.tensor([[3.0, 2.0]]))
    torch.testing.assert_close(moved[..., 2:, 3:], rgb[..., :-2, :-3], atol=1e-5, rtol=0)


def test_flicker_of_frames_is_the_same_in_all_rows_and_that_of_rows_is_not():
    shape, phase = torch.Size([1, 4, 3, 8, 6]), torch.tensor([[0.5, 3.0, 1.0, 2.0]])
    frames = flicker(torch.tensor([[0.1, 0.0]]), phase, shape, 0)
    rows = flicker(torch.tensor([[0.0, 0.1]]), phase, shape, 0)
    assert frames.shape[3] == 1 or (frames == frames[:, :, :, :1]).all()
    assert frames[0, :, 0, 0, 0].std() > 0.01
    assert rows[0, 0, 0, :, 0].std() > 0.01


@pytest.mark.parametrize("camera", CAMERAS)
def test_cameras_change_pictures_but_keep_their_range_and_seed(camera):
    rgb = clips()
    one, two, other = (disturb_rgb(rgb, camera, generator(s)) for s in (4, 4, 5))
    assert torch.equal(one, two)
    assert (one - other).abs().mean() > 1e-3
    assert (one - rgb).abs().mean() > 1e-3
    assert one.shape == rgb.shape
    assert one.min() >= 0
    assert one.max() <= 1


def test_frames_read_alone_have_the_faults_of_their_clip():
    rgb = clips(1, 3)
    whole = disturb_rgb(rgb, "phone", generator(3), generator(9))
    last = disturb_rgb(rgb[:, 2:], "phone", generator(3), generator(9), first=2)
    # The noise differs, since it is drawn frame after frame.
    assert (whole[:, 2:] - last).abs().mean() < 0.03


def test_wrong_requests_say_so():
    with pytest.raises(ValueError, match="must be one of"):
        disturb_rgb(clips(), "film", generator())
    with pytest.raises(ValueError, match=r"\(b, t, 3, H, W\)"):
        disturb_rgb(clips()[0], "phone", generator())
