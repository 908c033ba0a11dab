"""Picture strips: that every cell shows its own frame, in the colours of the whole clip."""

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from stdnet_arch.visual import figure, strips
from stdnet_arch.visual.colorize import colorize_depth, depth_range
from stdnet_arch.visual.figure import round_up
from stdnet_arch.visual.strips import draw_strip, save_png, upsample_bilinear
from stdnet_arch.visual.temporal_profile import busiest, draw_profile, time_slice

T, H, W = 4, 24, 36


@pytest.fixture(autouse=True)
def small_sheets(monkeypatch):
    monkeypatch.setattr(figure, "DPI", 70)


def flat_clip():
    """A clip whose frames are one colour and one depth each, so that cells are easy to find."""
    guide = np.zeros((T, H, W, 3), np.uint8)
    guide[:] = np.array([[250, 0, 0], [0, 250, 0], [0, 0, 250], [250, 0, 250]])[:, None, None]
    gt_m = np.broadcast_to(np.array([2.0, 3.0, 5.0, 8.0])[:, None, None], (T, H, W)).copy()
    return guide, gt_m


def share_of(image, colour):
    """How much of an image has a colour, [0, 1]."""
    return (image == np.array(colour, np.uint8)).all(axis=2).mean()


def test_upsample_bilinear_is_that_of_torch():
    lq_m = np.random.default_rng(0).uniform(1, 5, (3, 4, 6)).astype(np.float32)
    expected = F.interpolate(torch.from_numpy(lq_m)[:, None], size=(16, 24), mode="bilinear")
    np.testing.assert_allclose(upsample_bilinear(lq_m, (16, 24)), expected[:, 0], atol=1e-5)


def test_strip_shows_the_frames_asked_for():
    guide, gt_m = flat_clip()
    image = draw_strip(guide, gt_m[:, ::4, ::4], {"mine": gt_m}, gt_m, frames=[0, 2])
    assert image.dtype == np.uint8
    shares = [share_of(image, guide[i, 0, 0]) for i in range(T)]
    assert shares[1] == shares[3] == 0
    assert min(shares[0], shares[2]) > 0.05
    rows = [np.flatnonzero((image == guide[i, 0, 0]).all(axis=2).any(axis=1)) for i in (0, 2)]
    assert rows[0].max() < rows[1].min()  # frame 2 is below frame 0


def test_rows_are_labelled_with_the_frame_numbers_of_the_clip():
    guide, gt_m = flat_clip()
    drawn = [
        draw_strip(guide, gt_m[:, ::4, ::4], {}, frames=[0], first_frame=first) for first in (0, 16)
    ]
    changed = np.flatnonzero((drawn[0] != drawn[1]).any(axis=(0, 2)))
    assert 0 < changed.max() < figure.DPI * strips.LABEL_IN  # in the left margin alone


def test_strip_colours_belong_to_the_whole_clip():
    guide, gt_m = flat_clip()
    image = draw_strip(guide, gt_m[:, ::4, ::4], {"mine": gt_m}, gt_m, frames=[1])
    colour = colorize_depth(gt_m, depth_range(gt_m))[1, 0, 0]
    cell = share_of(image, guide[1, 0, 0])
    assert share_of(image, colour) == pytest.approx(3 * cell, rel=0.05)  # LR, mine, truth


def test_strip_blacks_out_invalid_truth_and_greys_its_error():
    guide, gt_m = flat_clip()
    gt_m[:, : H // 2] = 0
    image = draw_strip(guide, gt_m[:, ::4, ::4] + 3, {"mine": gt_m + 3}, gt_m, frames=[0])
    cell = share_of(image, guide[0, 0, 0])
    assert share_of(image, (96, 96, 96)) == pytest.approx(cell / 2, rel=0.1)
    assert share_of(image, (0, 0, 0)) == pytest.approx(cell / 2, rel=0.2)


def test_strip_without_truth_has_neither_error_nor_its_bar():
    guide, gt_m = flat_clip()
    with_truth = draw_strip(guide, gt_m[:, ::4, ::4], {"mine": gt_m}, gt_m)
    without = draw_strip(guide, gt_m[:, ::4, ::4], {"mine": gt_m})
    assert without.shape[1] < 0.7 * with_truth.shape[1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"guide": np.zeros((T, H, W), np.uint8)}, r"\(t, H, W, 3\)"),
        ({"guide": np.zeros((T, H, W, 3))}, "uint8.*float64"),
        ({"lq_m": np.ones((3, 6, 9))}, r"lq_m must be \(4, h, w\).*\(3, 6, 9\)"),
        ({"predictions": {"mine": np.ones((T, H, 9))}}, r"mine must be \(4, 24, 36\)"),
        ({"gt_m": np.ones((T, 9, W))}, "gt_m must be"),
        ({"frames": [0, 4]}, r"frames must be some of 0..3, got \[0, 4\]"),
    ],
)
def test_strip_refuses_other_clips(change, words):
    guide, gt_m = flat_clip()
    good = {"guide": guide, "lq_m": gt_m[:, ::4, ::4], "predictions": {"mine": gt_m}, "gt_m": gt_m}
    with pytest.raises(ValueError, match=words):
        draw_strip(**(good | change))


def test_saved_picture_reads_back_the_same(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    save_png(tmp_path / "new" / "strip.png", image)
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "new" / "strip.png"))[..., ::-1], image)


def test_time_slice_is_one_row_of_every_frame():
    clip = np.arange(T * H * W).reshape(T, H, W)
    for i in range(T):
        np.testing.assert_array_equal(time_slice(clip, 5)[i], clip[i][5])
    with pytest.raises(ValueError, match="row must be in 0..23, got 24"):
        time_slice(clip, 24)


def test_profile_shows_every_frame_as_a_line():
    guide, gt_m = flat_clip()
    image = draw_profile(guide, {"mine": gt_m, "ground truth": gt_m}, row=3, title="flat")
    colours = colorize_depth(gt_m, depth_range(gt_m))[:, 0, 0]
    shares = [share_of(image, colour) for colour in colours]
    assert min(shares) > 0.01
    assert max(shares[:3]) < 1.3 * min(shares[:3])  # equal lines; the last one is in the bar too
    with pytest.raises(ValueError, match="mine must be"):
        draw_profile(guide, {"mine": gt_m[:2]})
    with pytest.raises(ValueError, match="at least one depth clip"):
        draw_profile(guide, {})


def test_a_column_over_time_is_a_slice_too():
    clip = np.arange(T * H * W).reshape(T, H, W)
    np.testing.assert_array_equal(time_slice(clip, 7, "column"), clip[:, :, 7])
    with pytest.raises(ValueError, match="row, column, got 'diagonal'"):
        time_slice(clip, 0, "diagonal")


@pytest.mark.parametrize(("line", "place"), [("row", 4), ("column", 9)])
def test_the_busiest_slice_is_where_depth_changes(line, place):
    depth_m = np.ones((3, 20, 30))
    depth_m[1, 4, 9] = 2
    depth_m[2, 0, 0] = np.inf
    assert busiest(depth_m, line) == place
    assert busiest(np.ones((2, 20, 30)), line) == {"row": 10, "column": 15}[line]


@pytest.mark.parametrize("line", ["row", "column"])
def test_a_profile_without_rgb_shows_depth_alone(line):
    guide, gt_m = flat_clip()
    image = draw_profile(None, {"mine": gt_m}, line=line)
    for colour in colorize_depth(gt_m, depth_range(gt_m))[:, 0, 0]:
        assert share_of(image, colour) > 0.01
    assert share_of(image, guide[0, 0, 0]) < 0.01
    with pytest.raises(ValueError, match="other must be .* as the first clip"):
        draw_profile(None, {"mine": gt_m, "other": gt_m[:1]})


@pytest.mark.parametrize(("value", "end"), [(0.7, 1), (1.1, 2), (23, 30), (41, 50), (60, 100)])
def test_scales_end_at_round_numbers(value, end):
    assert round_up(value) == pytest.approx(end)
