"""Stage 1 on rendered rooms with known cameras."""

import numpy as np
import pytest

from stdnet_arch.data.recordings.recording import Intrinsics
from stdnet_arch.data.synthetic.source import Synthetic
from stdnet_arch.stereodiff.plane_sweep_matcher import PlaneSweep, resized
from stdnet_arch.stereodiff.posed_video import PosedVideo

SOURCE = Synthetic(num_clips=1, num_frame=33, size=(48, 64), seed=5)
EVERY = 4
FAST = {
    "planes": 32,
    "far_m": 10.0,
    "near_m": 1.0,
    "offsets": (-4, -3, 3, 4),
    "confirm_offsets": (-2, 2),
}


class Colors:
    """The RGB of the room."""

    count, fps = 9, None

    def frames(self, start=0):
        return (SOURCE.guide("0000", EVERY * i) for i in range(start, 9))


@pytest.fixture(scope="module")
def video():
    """Every fourth frame of a room: a camera that moves a few centimetres per frame."""
    camera = Intrinsics(*SOURCE.intrinsics_px("0000"))
    return PosedVideo(
        Colors(), [f"{i}" for i in range(9)], "room", lambda _: camera,
        lambda i: SOURCE.pose("0000", EVERY * i),
    )  # fmt: skip


@pytest.fixture(scope="module")
def depths(video):
    return np.stack(list(PlaneSweep(**FAST, device="cpu").depths(video, 0)))


def test_confirmed_depth_is_near_the_truth(depths):
    truth = np.stack([SOURCE.depth_m("0000", EVERY * i) for i in range(9)])
    known = depths > 0
    # Its walls are plain and far, and a wall's points look alike: measured 8.8 % known, 8.3 % off.
    assert known.mean() > 0.05
    assert np.median(np.abs(depths - truth)[known] / truth[known]) < 0.1


@pytest.mark.parametrize("start", [1, 7])
def test_a_later_start_gives_the_same_frames(video, depths, start):
    later = np.stack(list(PlaneSweep(**FAST, device="cpu").depths(video, start)))
    np.testing.assert_array_equal(later, depths[start:])


def test_less_confirmation_leaves_more_depth(video, depths):
    alone = next(PlaneSweep(**FAST, votes=0, device="cpu").depths(video, 4))
    assert (alone > 0).all()
    np.testing.assert_array_equal(np.where(depths[4] > 0, alone, 0), depths[4])


def test_reduced_depth_is_the_nearest_pixels(video, depths):
    small = next(PlaneSweep(**FAST, reduce=4, device="cpu").depths(video, 4))
    np.testing.assert_array_equal(small, depths[4, 2::4, 2::4])


def test_a_camera_that_stands_still_gives_no_depth_and_says_so(video, caplog):
    still = PosedVideo(video.rgb, video.names, "here", video.intrinsics, lambda _: np.eye(4))
    depths = np.stack(list(PlaneSweep(**FAST, device="cpu").depths(still, 0)))
    assert not depths.any()
    assert "9 frames got no depth" in caplog.text


def test_a_camera_that_is_not_known_is_refused(video):
    blind = PosedVideo(video.rgb, video.names, "here")
    with pytest.raises(ValueError, match="no intrinsics and no pose of frame 0"):
        PlaneSweep(device="cpu").check(blind)


def test_a_smaller_picture_keeps_its_borders():
    # The left border is 0.5 pixels before the first centre, in both pictures.
    fx, fy, cx, cy = resized(Intrinsics(100, 90, 31.5, 19.5), (40, 64), (10, 32))
    assert (fx, fy, cx, cy) == (50, 22.5, 15.5, 4.5)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"offsets": (0, 3)}, "offsets must be frames beside"),
        ({"confirm_offsets": ()}, "confirm_offsets must be"),
        ({"step_cost": 1.0}, "0 <= step_cost <= jump_cost"),
        ({"reduce": 0}, "reduce and longest_px"),
        ({"window_px": 4}, "odd, got 4"),
        ({"near_m": 0}, "0 < near_m < far_m"),
    ],
)
def test_options_that_cannot_be_are_refused(option, message):
    with pytest.raises(ValueError, match=message):
        PlaneSweep(**option)
