"""Worlds as a source: clips that repeat, agree with themselves, and see something."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from worlds_parts import need_egl, write_packs

from stdnet_arch.data.sources.source import build_source
from stdnet_arch.data.synthetic.worlds.windows import render_windows

SIZE = (40, 56)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    need_egl()
    return str(write_packs(tmp_path_factory.mktemp("worlds")))


def worlds(root, **options):
    options = {"num_clips": 3, "num_frame": 5, "size": SIZE, "seed": 4, **options}
    return build_source("Worlds", root, options)


def test_frames_of_a_window_equal_single_frames(root):
    window, single = worlds(root), worlds(root, cache_mb=0)
    frames = [(window.guide("0001", i), window.depth_m("0001", i)) for i in range(5)]
    single.guide("0000", 2)  # another clip before: its shadows must not stay
    for i in (4, 0, 3):
        np.testing.assert_array_equal(single.guide("0001", i), frames[i][0])
        np.testing.assert_array_equal(single.depth_m("0001", i), frames[i][1])


def test_clips_frames_and_seeds_differ(root):
    source = worlds(root)
    images = [source.guide(clip, i) for clip in ("0000", "0001") for i in (0, 1)]
    images.append(worlds(root, seed=5).guide("0000", 0))
    assert len({image.tobytes() for image in images}) == 5


def test_every_pixel_has_depth_and_the_right_type(root):
    source = worlds(root)
    for clip in source.clips():
        depth_m, rgb = source.depth_m(clip, 0), source.guide(clip, 0)
        assert (depth_m.dtype, depth_m.shape) == (np.float32, SIZE)
        assert (rgb.dtype, rgb.shape) == (np.uint8, (*SIZE, 3))
        assert 0.04 < depth_m.min() < depth_m.max() < 100
        assert grey_spread(rgb) > 10


def grey_spread(rgb):
    return rgb.mean(axis=-1).std()


def test_depth_warped_forward_agrees_with_the_next_frame(root):
    source, clip = worlds(root), "0002"
    depth_m, following = source.depth_m(clip, 1), source.depth_m(clip, 2)
    flow, seen = source.flow_px(clip, 1)
    fx, fy, cx, cy = source.intrinsics_px(clip)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float64)
    points = np.stack([(x - cx) / fx, (y - cy) / fy, np.ones_like(x)]) * depth_m
    move = np.linalg.inv(source.pose(clip, 2)) @ source.pose(clip, 1)
    ahead_m = np.tensordot(move[2, :3], points, 1) + move[2, 3]
    target = (x + flow[0]).astype(np.float32), (y + flow[1]).astype(np.float32)
    there_m = cv2.remap(following, *target, cv2.INTER_LINEAR)
    close = np.abs(there_m / ahead_m - 1) < 0.02
    assert seen.mean() > 0.5
    assert close[seen].mean() > 0.85  # the rest: outlines, and things that move


def test_motion_of_what_stands_still_follows_from_the_poses(root):
    source, clip = worlds(root), "0000"
    flow, _ = source.flow_px(clip, 0)
    scene = source.scene(clip, 0)
    number = source._frame(clip, 0).number
    stands = np.isin(number, [k for k, t in enumerate(scene.things) if t.steps is None])
    fx, fy, cx, cy = source.intrinsics_px(clip)
    move = np.linalg.inv(source.pose(clip, 1)) @ source.pose(clip, 0)
    for row, column in np.argwhere(stands)[::97]:
        z = source.depth_m(clip, 0)[row, column]
        moved = move @ [(column - cx) / fx * z, (row - cy) / fy * z, z, 1]
        expected = fx * moved[0] / moved[2] + cx - column, fy * moved[1] / moved[2] + cy - row
        np.testing.assert_allclose(flow[:, row, column], expected, atol=1e-3)


def test_near_clips_are_nearer(root):
    near = worlds(root, near_share=1.0)
    far = worlds(root, near_share=0.0)
    assert max(np.median(near.depth_m(clip, 0)) for clip in near.clips()) < 1.7
    assert min(np.median(far.depth_m(clip, 0)) for clip in far.clips()) > 1.4


def test_held_out_rooms_are_the_test_split(root):
    assert worlds(root, split="test")._library.places[0].name == "small_warehouse"
    assert [place.name for place in worlds(root)._library.places] == ["flat"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_frame": 0}, "num_clips and num_frame must be at least 1, got 3 and 0"),
        ({"size": [4, 9]}, "sides of at least 8, got"),
        ({"near_share": 1.5}, "near_share must be in .0, 1., got 1.5"),
        ({"split": "val"}, "split must be train or test, got 'val'"),
    ],
)
def test_wrong_options_are_told(root, options, message):
    with pytest.raises(ValueError, match=message):
        worlds(root, **options)


def test_clips_and_frames_that_are_not_there_are_told(root):
    with pytest.raises(FileNotFoundError, match="from 0000 to 0002; got '0003'"):
        worlds(root).guide("0003", 0)
    with pytest.raises(IndexError, match="below 5; got 5"):
        worlds(root).pose("0000", 5)


def test_windows_for_training_hold_the_frames_of_their_clip(root):
    window = render_windows(Path(root), frames=3, side=40, seed=4, count=1)[0]
    source = worlds(root, num_clips=100, num_frame=3, size=(40, 40))
    # A renderer with several threads may give a pixel at an edge to the other side.
    off = {c: np.abs(source.guide(c, 0) - window.rgb[0].astype(int)).mean() for c in source.clips()}
    nearest, second = sorted(off, key=off.get)[:2]
    assert off[nearest] < 0.1 < 1 < off[second]
    for got, expected in [
        (window.depth_m[2], source.depth_m(nearest, 2)),
        (window.flow_px[1], source.flow_px(nearest, 1)[0]),
    ]:
        assert np.mean(np.abs(got - expected) > 1e-4) < 0.01
    assert np.percentile(np.hypot(*window.flow_px.swapaxes(0, 1)), 99) < 13.5


def test_single_pictures_are_not_left_out_for_their_motion(root):
    windows = render_windows(Path(root), frames=1, side=40, seed=4, count=3)
    assert [window.depth_m.shape for window in windows] == [(1, 40, 40)] * 3
    assert {window.flow_px.shape for window in windows} == {(0, 2, 40, 40)}
    source = worlds(root, num_clips=300, num_frame=1, size=(40, 40))
    for window, clip in zip(windows, list(source.clips())[:3], strict=True):
        assert np.abs(source.guide(clip, 0) - window.rgb[0].astype(int)).mean() < 0.1
