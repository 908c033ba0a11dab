"""RGB that lies beside its depth is found by edges, told and moved."""

import logging

import numpy as np
import pytest
from boxes_beside import SCALE, SIZE, frame, seen
from recording_parts import write_depth_folder, write_rgb_folder, write_weights

from stdnet_arch.data.codecs.depth_file import read_depth
from stdnet_arch.data.recordings.open_recording import open_recording
from stdnet_arch.data.recordings.reading import Reading
from stdnet_arch.data.recordings.recording import Intrinsics
from stdnet_arch.data.recordings.rgb_registration import (
    LOOKED_AT,
    Registration,
    advice_on_fit,
    find_registration,
)
from stdnet_arch.inference.jobs.job import Job, run_job
from stdnet_arch.inference.jobs.reopening import reopen
from stdnet_arch.inference.predictor import DepthSRPredictor
from stdnet_arch.live.cameras import can_jump

MISFITS = [(0.92, (-7.0, 3.0)), (1.07, (5.0, -6.0)), (1.0, (11.0, 0.0)), (0.95, (0.0, 0.0))]


@pytest.mark.parametrize(("zoom", "shift_px"), MISFITS)
def test_a_misfit_is_found(zoom, shift_px):
    found = find_registration([frame(seed, zoom, shift_px) for seed in (1, 2)])
    assert found.zoom == pytest.approx(zoom, abs=0.012)
    assert found.shift_px == pytest.approx(shift_px, abs=2.0)
    assert found.gain > 0.3


@pytest.mark.parametrize("seed", range(4))
def test_what_fits_is_left_alone(seed):
    assert find_registration([frame(seed), frame(seed + 10)]) is None


def test_within_a_depth_pixel_nothing_is_said():
    assert find_registration([frame(seed, 1.0, (3.0, -2.0)) for seed in (1, 2)]) is None


def test_edges_that_are_too_few_tell_nothing():
    depth_m, rgb = frame(1, *MISFITS[0])
    assert find_registration([(np.full_like(depth_m, 2.0), rgb)] * 3) is None
    assert find_registration([]) is None


def test_steps_of_a_coarse_sensor_are_no_edges():
    wall_m = np.tile(np.linspace(0.5, 1.1, SIZE[1] // SCALE, dtype=np.float32), (66, 1))
    rounded_m = np.maximum(np.round(wall_m / 0.1) * 0.1, 0.1).astype(np.float32)
    assert find_registration([(rounded_m, frame(2, *MISFITS[0])[1])] * 4) is None
    frames = [frame(seed, *MISFITS[0]) for seed in (1, 2)]
    rounded = [((np.round(d / 0.1) * 0.1).astype(np.float32), rgb) for d, rgb in frames]
    assert find_registration(rounded).zoom == pytest.approx(MISFITS[0][0], abs=0.012)


def test_holes_make_no_edges():
    depth_m, rgb = frame(3)
    holed = depth_m.copy()
    holed[::5] = 0
    holed[:, ::7] = np.nan
    plain = np.where((holed > 0) & np.isfinite(holed), np.float32(2), holed)
    assert find_registration([(plain, rgb)] * 4) is None


@pytest.mark.parametrize(("zoom", "shift_px"), MISFITS)
def test_moved_colours_lie_where_the_formula_says(zoom, shift_px):
    height, width = 31, 44
    y, x = np.mgrid[:height, :width].astype(float)
    rgb = np.stack([4 * x, 6 * y, 2 * x + 2 * y], -1).astype(np.uint8)
    moved = Registration(zoom, shift_px).apply(rgb)
    place = 21.5 + zoom * (x - 21.5) + shift_px[0], 15 + zoom * (y - 15) + shift_px[1]
    ox, oy = np.clip(place[0], 0, width - 1), np.clip(place[1], 0, height - 1)
    expected = np.stack([4 * ox, 6 * oy, 2 * ox + 2 * oy], -1)
    np.testing.assert_allclose(moved, expected, atol=0.7)


@pytest.mark.parametrize(("zoom", "shift_px"), MISFITS)
def test_the_camera_sees_the_same_rays(zoom, shift_px):
    camera, size = Intrinsics(300.0, 310.0, 180.0, 130.0), (264, 360)
    found = Registration(zoom, shift_px)
    moved = found.camera(camera, size)
    x, y = 17.0, 200.0
    in_rgb = 179.5 + zoom * (x - 179.5) + shift_px[0], 131.5 + zoom * (y - 131.5) + shift_px[1]
    ray = (in_rgb[0] - camera.cx_px) / camera.fx_px, (in_rgb[1] - camera.cy_px) / camera.fy_px
    assert (x - moved.cx_px) / moved.fx_px == pytest.approx(ray[0])
    assert (y - moved.cy_px) / moved.fy_px == pytest.approx(ray[1])


def test_the_farthest_pixel_is_a_corner():
    found = Registration(0.9, (-8.0, 4.0))
    corners = [(0.1 * x + dx) ** 2 + (0.1 * y + dy) ** 2
               for x in (-180, 180) for y in (-132, 132) for dx, dy in [(8, 4)]]  # fmt: skip
    assert found.farthest_px((264, 360)) == pytest.approx(max(corners) ** 0.5)


@pytest.fixture
def clip(tmp_path):
    """A recording whose RGB lies beside its depth."""
    frames = [frame(seed, 0.92, (-7.0, 3.0)) for seed in range(1, 5)]
    write_depth_folder(tmp_path / "depth", [depth_m for depth_m, _ in frames])
    write_rgb_folder(tmp_path / "rgb", [rgb for _, rgb in frames])
    return tmp_path


def test_a_recording_is_registered_if_that_is_wanted(clip):
    places = clip / "depth", clip / "rgb"
    plain, moved = (open_recording(*places, Reading(register=r), SCALE) for r in (False, True))
    found = find_registration(list(plain.frames())[:: LOOKED_AT.step])
    assert moved.registration == found
    for (depth_m, rgb), (same_m, other), colour in zip(
        plain.frames(1), moved.frames(1), moved.colors(1), strict=True
    ):
        np.testing.assert_array_equal(same_m, depth_m)
        np.testing.assert_array_equal(other, found.apply(rgb))
        np.testing.assert_array_equal(colour, other)
    assert "RGB moved" in moved.about.layout
    assert "--register" in advice_on_fit(plain, 0)
    assert advice_on_fit(moved, 0) is None


def test_a_recording_that_fits_is_read_as_it_is(tmp_path):
    depth_m, rgb = zip(*(frame(seed) for seed in (1, 2)), strict=True)
    write_depth_folder(tmp_path / "depth", depth_m)
    write_rgb_folder(tmp_path / "rgb", rgb)
    moved = open_recording(tmp_path / "depth", tmp_path / "rgb", Reading(register=True), SCALE)
    np.testing.assert_array_equal(list(moved.colors()), rgb)
    assert "RGB fits the depth" in moved.about.layout
    assert advice_on_fit(moved.recording, 1) is None


@pytest.fixture
def infer(clip, caplog):
    """A function that runs a job, and returns its folder and what was said."""
    guided = {"type": "JointBilateral", "scale": SCALE}
    predictor = DepthSRPredictor(write_weights(clip / "w.pth", **guided), "cpu")

    def run(register, depth="depth", refine=None):
        caplog.clear()
        out = clip / f"out_{register}"
        reading = Reading(register=register)
        job = Job(clip / depth, clip / "rgb", out, reading, refine=refine, depth_format="npy")
        with caplog.at_level(logging.INFO, logger="stdnet_arch"):
            run_job(job, predictor, quiet=True)
        return out, caplog.text

    return run


def test_infer_tells_a_misfit_and_mends_it(infer):
    (plain, advice), (moved, said) = infer(False), infer(True)
    assert "--register does that" in advice
    assert "RGB moved: up to" in said
    assert "--register does that" not in said
    y, x = np.mgrid[: SIZE[0], : SIZE[1]].astype(float)
    true_m = seen(1, x, y)[0]
    wrong, right = (
        np.abs(read_depth(min(out.glob("*.npy"))) - true_m).mean() for out in (plain, moved)
    )
    assert right < 0.8 * wrong


@pytest.mark.parametrize("register", [False, True])
def test_depth_of_the_size_of_the_rgb_is_registered_too(infer, clip, register):
    whole = [np.kron(frame(seed)[0], np.ones((SCALE, SCALE))) for seed in range(1, 5)]
    write_depth_folder(clip / "full", whole)
    _, said = infer(register, "full", "median")
    assert ("--register does that" in said) != register
    assert ("RGB moved: up to" in said) == register


def test_a_result_says_that_it_was_registered(infer):
    assert reopen(infer(True)[0]).job.reading.register


def test_a_replay_may_still_jump_to_any_frame(clip):
    places = clip / "depth", clip / "rgb"
    assert can_jump(open_recording(*places, Reading(register=True), SCALE))
