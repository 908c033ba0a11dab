"""What the page shows is what the files hold."""

import dataclasses
import json
import shutil

import cv2
import numpy as np
import pytest
from recording_parts import write_recording

from stdnet_arch.data.recordings.recording import Intrinsics
from stdnet_arch.inference.jobs.job import Job, open_job
from stdnet_arch.inference.jobs.reopening import reopen
from stdnet_arch.inference.jobs.side_outputs import SideOutputs
from stdnet_arch.utils.input_errors import InputError
from stdnet_arch.view import clip as module
from stdnet_arch.view.clip import (
    BILINEAR,
    ERROR,
    EXPECTED,
    LQ,
    PREDICTION,
    RGB,
    TRUTH,
    ShownClip,
)
from stdnet_arch.view.frame_cache import FrameCache


def shown(job):
    return ShownClip(job, open_job(job, 4))


def stored_m(path):
    return cv2.imread(str(path), -1) / 1000


def test_values_under_the_mouse_are_those_of_the_files(tmp_path, finished):
    job, depth_m, rgb = finished
    values = shown(job).values(3, 17, 9)
    assert values[RGB] == rgb[3, 9, 17].tolist()
    assert values[LQ] == pytest.approx(depth_m[3, 9 // 4, 17 // 4])
    assert values[PREDICTION] == pytest.approx(stored_m(tmp_path / "out/d_0003.png")[9, 17])
    assert values[TRUTH] == pytest.approx(stored_m(tmp_path / "clip/gt/d_0003.png")[9, 17])
    assert values[ERROR] == pytest.approx(abs(values[TRUTH] - values[PREDICTION]), abs=1e-6)


def test_bilinear_is_that_of_opencv(finished):
    job, depth_m, _ = finished
    expected = cv2.resize(depth_m[2], (24, 16), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(shown(job).read(BILINEAR, 2), expected, atol=1e-6)


def test_a_hole_has_no_value_and_a_black_pixel(tmp_path):
    write_recording(tmp_path, frames=2)
    codes = cv2.imread(str(tmp_path / "depth/d_0001.png"), -1)
    codes[1, 2] = 0
    cv2.imwrite(str(tmp_path / "depth/d_0001.png"), codes)
    seen = shown(Job(tmp_path / "depth", tmp_path / "rgb", tmp_path / "out"))
    assert seen.values(1, 2 * 4, 1 * 4)[LQ] is None
    assert not seen.picture(LQ, 1)[1, 2].any()
    assert seen.read(BILINEAR, 1).min() > 0


def test_before_a_run_only_what_was_measured_is_shown(tmp_path):
    write_recording(tmp_path)
    seen = shown(Job(tmp_path / "depth", tmp_path / "rgb", tmp_path / "out"))
    assert seen.views(0) == [RGB, LQ, BILINEAR]
    assert (seen.made(), seen.done) == (0, False)


def test_a_slice_holds_the_row_of_every_frame(finished):
    job, _, rgb = finished
    drawn, first = shown(job).slice(RGB, 9, 2)
    np.testing.assert_array_equal(drawn, rgb[:, 9])
    assert first == 0


def test_a_slice_of_low_resolution_takes_the_row_that_holds_the_cursor(finished):
    job, _, _ = finished
    seen = shown(job)
    drawn, _ = seen.slice(LQ, 11, 0)
    np.testing.assert_array_equal(drawn, np.stack([seen.picture(LQ, i)[2] for i in range(5)]))


def test_a_slice_of_a_long_clip_lies_around_the_frame(monkeypatch, finished):
    job, _, rgb = finished
    monkeypatch.setattr(module, "SLICED", 2)
    drawn, first = shown(job).slice(RGB, 0, 4)
    assert first == 3
    np.testing.assert_array_equal(drawn, rgb[3:, 0])


def test_all_depth_has_one_range_of_colours(finished):
    job, depth_m, _ = finished
    near_m, far_m = shown(job).limits()
    assert near_m == pytest.approx(np.percentile(depth_m[0], 0.5), abs=1e-3)
    assert far_m == pytest.approx(np.percentile(depth_m[4], 99.5), abs=1e-3)


def test_errors_share_the_range_of_the_pictures_that_infer_draws(tmp_path, finished):
    job, _, _ = finished
    drawn = cv2.imread(str(tmp_path / "out/errors/d_0002.png"))[..., ::-1]
    np.testing.assert_array_equal(shown(job).picture(ERROR, 2), drawn)


def test_points_are_the_file_that_infer_writes(tmp_path, finished):
    job, _, _ = finished
    camera = Intrinsics(20, 21, 11.5, 7.5)
    extras = job.side_outputs._replace(camera=camera)
    path = shown(dataclasses.replace(job, side_outputs=extras)).points(1, tmp_path / "points")
    run = dataclasses.replace(job, side_outputs=SideOutputs(ply=True, camera=camera))
    from stdnet_arch.inference.predictor import DepthSRPredictor

    predictor = DepthSRPredictor(tmp_path / "bilinear.pth", "cpu")
    from stdnet_arch.inference.jobs.job import run_job

    run_job(run, predictor, quiet=True)
    assert path.read_bytes() == (tmp_path / "out/points/d_0001.ply").read_bytes()


@pytest.mark.parametrize("i", [-1, 5])
def test_points_beyond_the_clip_are_refused(tmp_path, finished, i):
    with pytest.raises(InputError, match=f"frames 0 to 4; got {i}"):
        shown(finished[0]).points(i, tmp_path)


def test_points_without_a_camera_are_refused(tmp_path, finished):
    job, _, _ = finished
    with pytest.raises(InputError, match="--intrinsics"):
        shown(job).points(1, tmp_path / "points")


@pytest.mark.parametrize(("i", "x", "y"), [(5, 0, 0), (-1, 0, 0), (0, 24, 0), (0, 0, 16)])
def test_nothing_outside_the_clip_is_read(finished, i, x, y):
    job, _, _ = finished
    with pytest.raises(InputError, match="frames 0 to 4|24x16"):
        shown(job).values(i, x, y)


def test_a_view_that_is_not_there_is_named(finished):
    job, _, _ = finished
    with pytest.raises(InputError, match="expected error"):
        shown(job).picture(EXPECTED, 0)


def test_a_result_is_shown_when_its_recording_is_gone(tmp_path, finished):
    job, _, _ = finished
    shutil.rmtree(tmp_path / "clip")
    result = reopen(tmp_path / "out")
    seen = ShownClip(result.job, None, result.names)
    assert seen.views(0) == [PREDICTION]
    assert seen.size() == (16, 24)


def test_a_reopened_result_reads_as_its_job_did(tmp_path, finished):
    job, _, _ = finished
    assert reopen(tmp_path / "out").job == job


def test_a_damaged_result_is_refused(tmp_path, finished):
    (tmp_path / "out/infer.json").write_text('{"format": "png16", "depth": 3}')
    with pytest.raises(InputError, match=r"infer\.json"):
        reopen(tmp_path / "out")


@pytest.mark.parametrize("kind", ["bmp", ["png16"], {}])
def test_a_format_that_is_none_is_refused(tmp_path, finished, kind):
    said = json.loads((tmp_path / "out/infer.json").read_text())
    (tmp_path / "out/infer.json").write_text(json.dumps({**said, "format": kind}))
    with pytest.raises(ValueError, match="the format must be one of png16"):
        reopen(tmp_path / "out")


def test_the_cache_keeps_what_was_asked_for_last():
    cache, made = FrameCache(2 * 80), []

    def ask(key):
        cache.get(key, lambda: made.append(key) or np.zeros(10))

    for key in "abacab":
        ask(key)
    assert made == ["a", "b", "c", "b"]
