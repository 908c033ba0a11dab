"""Bicubic shrinking against the formula, pixel by pixel, and against PIL and torch inside."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from stdnet_arch.data.lq.bicubic import shrink_bicubic, to_8bit


def keys_cubic(x):
    """W(x) of Keys, 1981, with a = -0.5."""
    x = abs(x)
    if x < 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0


def mirrored(line, position):
    """A pixel of the line ... c b a | a b c ... z | z y x ..."""
    while not 0 <= position < len(line):
        position = -1 - position if position < 0 else 2 * len(line) - 1 - position
    return line[position]


def shrink_line(line, scale):
    """imresize of one line by 1 / scale, one output pixel at a time, in MATLAB's coordinates."""
    out = []
    for x in range(1, len(line) // scale + 1):
        u = x * scale + 0.5 * (1 - scale)  # MATLAB counts pixels from 1
        taps = range(int(np.floor(u - 2 * scale)) - 1, int(np.ceil(u + 2 * scale)) + 2)
        weights = [keys_cubic((u - tap) / scale) / scale for tap in taps]
        total = sum(w * mirrored(line, tap - 1) for w, tap in zip(weights, taps, strict=True))
        out.append(total / sum(weights))
    return np.array(out)


def shrink_by_loop(image, scale):
    """Rows, then columns."""
    rows = np.apply_along_axis(shrink_line, 0, image.astype(np.float64), scale)
    return np.apply_along_axis(shrink_line, 1, rows, scale)


@pytest.mark.parametrize(
    ("shape", "scale"), [((12, 20, 3), 4), ((6, 10), 2), ((9, 6, 2), 3), ((4, 8), 4), ((5, 7), 1)]
)
def test_shrinking_equals_the_formula(shape, scale):
    image = np.random.default_rng(0).random(shape)
    np.testing.assert_allclose(
        shrink_bicubic(image, scale), shrink_by_loop(image, scale), rtol=0, atol=2e-6
    )


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_inside_torch_agrees(scale):
    # At the border torch leaves pixels out that MATLAB mirrors.
    image = torch.rand(1, 3, 8 * scale, 10 * scale)
    theirs = F.interpolate(image, size=(8, 10), mode="bicubic", antialias=True)[0, :, 2:-2, 2:-2]
    ours = shrink_bicubic(image[0].permute(1, 2, 0).numpy(), scale)[2:-2, 2:-2]
    np.testing.assert_allclose(ours.transpose(2, 0, 1), theirs.numpy(), rtol=0, atol=2e-6)


def test_inside_pil_agrees():
    image = np.random.default_rng(1).random((40, 56)).astype(np.float32)
    theirs = np.asarray(Image.fromarray(image).resize((14, 10), Image.Resampling.BICUBIC))
    ours = shrink_bicubic(image, 4)
    np.testing.assert_allclose(ours[2:-2, 2:-2], theirs[2:-2, 2:-2], rtol=0, atol=2e-6)


def test_a_constant_stays_and_a_ramp_keeps_its_slope():
    ramp = np.tile(np.arange(48.0), (16, 1))
    np.testing.assert_allclose(shrink_bicubic(np.full((16, 48), 7.0), 4), 7, rtol=1e-6)
    np.testing.assert_allclose(np.diff(shrink_bicubic(ramp, 4)[:, 2:-2]), 4, rtol=1e-5)


def test_8_bit_rounds_halves_up_and_cuts_overshoot():
    assert to_8bit(np.array([-3.0, 0.49, 0.5, 1.5, 2.5, 254.6, 300.0])).tolist() == [
        0, 0, 1, 2, 3, 255, 255,
    ]  # fmt: skip


@pytest.mark.parametrize(("shape", "scale"), [((6, 8), 4), ((8, 8), 0), ((0, 8), 4)])
def test_sides_that_do_not_fit_are_refused(shape, scale):
    with pytest.raises(ValueError, match="positive multiples of a scale >= 1, got .* and scale"):
        shrink_bicubic(np.ones(shape), scale)
