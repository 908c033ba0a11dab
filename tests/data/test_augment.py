"""LR and HR stay aligned under every crop and augmentation, shown with a coordinate image."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from fake_frames import coordinate_clip, misaligned
from hypothesis import given
from hypothesis import strategies as st

from stdnet_arch.data import augment
from stdnet_arch.data.augment import CropBox

CHANGES = [augment.hflip, augment.vflip, augment.transpose, augment.reverse]


@given(
    scale=st.sampled_from([2, 4, 8]),
    box=st.tuples(*[st.integers(0, 3)] * 2, *[st.integers(1, 4)] * 2),
    changes=st.lists(st.sampled_from(CHANGES), max_size=6),
)
def test_lr_and_hr_stay_aligned(scale, box, changes):
    box = CropBox(*box)
    clip = {
        name: frames[(slice(None), *(box.lr() if name == "lq" else box.hr(scale)))]
        for name, frames in coordinate_clip(3, 7 * scale, 8 * scale, scale).items()
    }
    for change in changes:
        clip = change(clip)
    assert misaligned(clip, scale) == 0
    np.testing.assert_array_equal(clip["valid"], clip["guide"].sum(axis=-1) % 3 > 0)
    assert sorted(clip["lq"].shape[1:]) == sorted(box[2:])


def test_every_combination_of_allowed_changes_is_drawn():
    switches = SimpleNamespace(
        use_hflip=True, use_vflip=False, use_transpose=True, use_reverse=True
    )
    clip = coordinate_clip(3, 8, 12, 4)
    drawn = [augment.change_at_random(clip, switches) for _ in range(100)]
    assert len({one["gt"].tobytes() for one in drawn}) == 8
    assert sum(misaligned(one, 4) for one in drawn) == 0


def test_draws_come_from_torch_alike_for_all_numbers():
    draws = [augment.draw_below(3) for _ in range(300)]
    torch.manual_seed(0)
    assert draws == [augment.draw_below(3) for _ in range(300)]
    # 5 standard errors of a third of 300.
    assert all(abs(draws.count(n) - 100) <= 41 for n in range(3))


@pytest.mark.parametrize(
    ("margin", "grown"), [(0, (2, 1, 3, 4)), (1, (1, 0, 5, 6)), (3, (0, 0, 7, 8))]
)
def test_a_margin_ends_at_the_frame_and_keeps_the_place_of_the_box(margin, grown):
    frame = np.arange(56).reshape(7, 8)
    box = CropBox(2, 1, 3, 4)
    outer = box.grown(margin, 7, 8)
    assert outer == grown
    np.testing.assert_array_equal(frame[outer.lr()][box.within(outer).lr()], frame[box.lr()])


def test_a_corner_off_the_lr_grid_would_be_seen():
    clip = coordinate_clip(3, 16, 24, 4)
    clip = {
        name: frames[:, 1:13] if name != "lq" else frames[:, :3] for name, frames in clip.items()
    }
    assert misaligned(clip, 4) > 0


@pytest.mark.parametrize("change", CHANGES)
def test_twice_is_nothing_and_once_is_something(change):
    clip = coordinate_clip(3, 8, 12, 4)
    assert not np.array_equal(change(clip)["gt"], clip["gt"])
    for name, frames in change(change(clip)).items():
        np.testing.assert_array_equal(frames, clip[name])


@pytest.mark.parametrize(
    ("change", "pixel"),
    [
        (augment.hflip, lambda t, y, x: (t, y, 11 - x)),
        (augment.vflip, lambda t, y, x: (t, 7 - y, x)),
        (augment.reverse, lambda t, y, x: (2 - t, y, x)),
        (augment.transpose, lambda t, y, x: (t, x, y)),
    ],
)
def test_a_change_moves_each_pixel_where_its_name_says(change, pixel):
    clip = coordinate_clip(3, 8, 12, 4)
    assert change(clip)["gt"][pixel(1, 2, 5)] == clip["gt"][1, 2, 5]


@pytest.mark.parametrize("change", [augment.hflip, augment.vflip, augment.transpose])
def test_flow_turns_with_the_frames(change):
    rng = np.random.default_rng(0)
    flow = rng.normal(size=(2, 8, 11, 2)).astype(np.float32)
    clip = {"gt": rng.random((3, 8, 11), np.float32), "flow_px": flow}
    turned = change(clip)
    np.testing.assert_array_equal(looked_up(turned), change({"gt": looked_up(clip)})["gt"])
    np.testing.assert_array_equal(clip["flow_px"], flow)


def looked_up(clip):
    """Each frame's value in the next one, where the flow goes, to the nearest pixel; 0 outside."""
    out = np.zeros_like(clip["gt"][:-1])
    for t, y, x in np.ndindex(out.shape):
        dx, dy = clip["flow_px"][t, y, x].round().astype(int)
        inside = 0 <= y + dy < out.shape[1] and 0 <= x + dx < out.shape[2]
        out[t, y, x] = clip["gt"][t + 1, y + dy, x + dx] if inside else 0
    return out


def test_a_clip_with_flow_cannot_be_reversed():
    clip = {"gt": np.zeros((2, 4, 4)), "flow_px": np.zeros((1, 4, 4, 2))}
    with pytest.raises(ValueError, match="a reversed clip needs the flow back"):
        augment.reverse(clip)


def test_a_box_covers_the_same_area_on_both_grids():
    assert CropBox(1, 2, 3, 5).lr() == (slice(1, 4), slice(2, 7))
    assert CropBox(1, 2, 3, 5).hr(4) == (slice(4, 16), slice(8, 28))


def test_jitter_of_one_changes_nothing():
    guide = np.random.default_rng(0).random((2, 3, 4, 3), np.float32)
    np.testing.assert_allclose(augment.jitter_color(guide, 1, 1, 1), guide, atol=1e-6)


def test_jitter_is_its_formula():
    guide = np.random.default_rng(0).random((2, 3, 4, 3))
    luma = [0.299, 0.587, 0.114]
    bright = guide * 0.9
    contrasted = (bright * luma).sum(-1).mean() * (1 - 1.2) + bright * 1.2
    grey = (contrasted * luma).sum(-1, keepdims=True)
    expected = np.clip(grey * (1 - 0.7) + contrasted * 0.7, 0, 1)
    jittered = augment.jitter_color(guide.astype(np.float32), 0.9, 1.2, 0.7)
    np.testing.assert_allclose(jittered, expected, atol=1e-5)


@given(factors=st.tuples(*[st.floats(0, 2)] * 3))
def test_jitter_stays_in_range(factors):
    guide = np.random.default_rng(0).random((2, 3, 4, 3), np.float32)
    jittered = augment.jitter_color(guide, *factors)
    assert jittered.dtype == np.float32
    assert jittered.min() >= 0
    assert jittered.max() <= 1
