"""One clip from files to files; stopped anywhere, it goes on to the same result."""

import shutil

import cv2
import numpy as np
import pytest
import torch
from recording_parts import depth_clip, rgb_clip, write_recording
from test_rgb_io import write_video

from stdnet_arch.data.codecs.depth_file import FORMATS, read_depth
from stdnet_arch.data.recordings.depth_io import DepthCoding, DepthStack
from stdnet_arch.inference.depth_cleaning import SensorCleaner
from stdnet_arch.inference.jobs import job as module
from stdnet_arch.inference.jobs.job import Job, context_start, run_job
from stdnet_arch.inference.jobs.side_outputs import SideOutputs
from stdnet_arch.inference.predictor import DepthSRPredictor


def job_of(folder, output="out", **options):
    return Job(folder / "depth", folder / "rgb", folder / output, **options)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".json"}


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_holds_the_predictors_answer(tmp_path, bilinear, kind):
    if kind == "exr":
        pytest.importorskip("OpenEXR")
    depth_m, rgb = write_recording(tmp_path)
    assert run_job(job_of(tmp_path, depth_format=kind), bilinear, quiet=True) == 5
    expected = bilinear.predict(depth_m, rgb)
    tolerance = {"png16": 5.01e-4, "float16png": 4e-3}.get(kind, 1e-6)
    unit = "float16" if kind == "float16png" else None
    for i in range(5):
        frame = read_depth(tmp_path / "out" / f"d_{i:04d}{FORMATS[kind]}", unit)
        np.testing.assert_allclose(frame, expected[i], atol=tolerance)


@pytest.mark.parametrize("done", [1, 8, 9, 13, 19])
@pytest.mark.parametrize("chunk", [1, 3])
def test_a_stopped_run_goes_on_to_the_same_files(tmp_path, stdnet_weights, done, chunk):
    write_recording(tmp_path, frames=20, height=2, width=3)
    predictor = DepthSRPredictor(stdnet_weights, "cpu", chunk=chunk)
    run_job(job_of(tmp_path, "whole"), predictor, quiet=True)
    shutil.copytree(tmp_path / "whole", tmp_path / "out")
    (tmp_path / "out/done.json").unlink()
    for i in range(done, 20):
        (tmp_path / f"out/d_{i:04d}.png").unlink()
    (tmp_path / f"out/d_{done:04d}.png.7.stdnet-part").write_bytes(b"half")
    assert run_job(job_of(tmp_path), predictor, quiet=True) == 20 - done
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


class MeanOverTime(torch.nn.Module):
    """Each frame is the mean of all depths from 8 frames before to 8 after."""

    halo = 8

    def forward(self, lq, guide):
        flat = lq.mean(dim=(2, 3, 4))
        t = flat.shape[1]
        means = [flat[:, max(i - 8, 0) : i + 9].mean() for i in range(t)]
        return {
            "pred": torch.stack(means)[None, :, None, None, None] * torch.ones_like(guide[:, :, :1])
        }


@pytest.mark.parametrize(("context", "same"), [(None, True), (8, True), (7, False)])
def test_the_whole_context_is_read_again(tmp_path, bilinear, monkeypatch, context, same):
    write_recording(tmp_path, frames=30)
    bilinear.net = MeanOverTime()
    run_job(job_of(tmp_path, "whole"), bilinear, quiet=True)
    shutil.copytree(tmp_path / "whole", tmp_path / "out")
    for i in range(12, 30):
        (tmp_path / f"out/d_{i:04d}.png").unlink()
    if context is not None:
        monkeypatch.setattr(module, "context_start", lambda *_: 12 - context)
    assert run_job(job_of(tmp_path), bilinear, quiet=True) == 18
    assert (contents(tmp_path / "out") == contents(tmp_path / "whole")) == same


def test_an_interrupted_run_leaves_whole_files_and_goes_on(tmp_path, bilinear, monkeypatch):
    write_recording(tmp_path)
    run_job(job_of(tmp_path, "whole"), bilinear, quiet=True)
    original = type(bilinear).predict_prepared

    def interrupted(self, *frames):
        for i, prediction in enumerate(original(self, *frames)):
            if i == 3:
                raise KeyboardInterrupt
            yield prediction

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):  # noqa: PT012
        patch.setattr(type(bilinear), "predict_prepared", interrupted)
        run_job(job_of(tmp_path), bilinear, quiet=True)
    written = contents(tmp_path / "out")
    assert len(written) == 3
    assert written.items() <= contents(tmp_path / "whole").items()
    assert run_job(job_of(tmp_path), bilinear, quiet=True) == 2
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_a_finished_run_is_not_repeated(tmp_path, bilinear, monkeypatch):
    write_recording(tmp_path)
    run_job(job_of(tmp_path), bilinear, quiet=True)
    monkeypatch.setattr(type(bilinear), "predict_prepared", None)  # it would fail if called
    assert run_job(job_of(tmp_path), bilinear, quiet=True) == 0


def test_a_finished_run_whose_input_is_gone_says_so(tmp_path, bilinear):
    write_recording(tmp_path)
    run_job(job_of(tmp_path), bilinear, quiet=True)
    shutil.rmtree(tmp_path / "depth")
    with pytest.raises(FileNotFoundError, match="expected depth at"):
        run_job(job_of(tmp_path), bilinear, quiet=True)


def test_a_run_with_overwrite_starts_anew(tmp_path, bilinear):
    write_recording(tmp_path)
    run_job(job_of(tmp_path), bilinear, quiet=True)
    assert run_job(job_of(tmp_path, holes="mark", overwrite=True), bilinear, quiet=True) == 5


def test_the_context_reaches_back_over_blank_frames(tmp_path):
    clip = depth_clip(30, 2, 3)
    clip[9:13] = 0
    np.save(tmp_path / "d.npy", clip)
    reader, cleaner = DepthStack(tmp_path / "d.npy", DepthCoding()), SensorCleaner(10)
    starts = [context_start(reader, cleaner, first, halo=8) for first in (5, 17, 18, 20, 21)]
    assert starts == [0, 8, 8, 8, 13]
    assert context_start(reader, cleaner, 21, halo=None) == 0
    assert [context_start(reader, cleaner, 26, 8, chunk) for chunk in (2, 4, 5)] == [16, 8, 5]


@pytest.mark.parametrize("name", ["c.mkv", "c.avi"])
def test_video_gives_what_its_frames_give(tmp_path, bilinear, name):
    depth_m, rgb = write_recording(tmp_path)
    video = write_video(tmp_path / name, rgb)
    job = Job(tmp_path / "depth", video, tmp_path / "out", depth_format="npy")
    run_job(job, bilinear, quiet=True)
    frame = np.load(tmp_path / "out/d_0003.npy")
    np.testing.assert_allclose(frame, bilinear.predict(depth_m, rgb)[3], rtol=1e-6)


def test_holes_can_be_marked(tmp_path, bilinear):
    write_recording(tmp_path)
    codes = np.full((4, 6), 2000, np.uint16)
    codes[1, 2] = 0
    assert cv2.imwrite(str(tmp_path / "depth/d_0002.png"), codes)
    run_job(job_of(tmp_path, holes="mark", depth_format="npy"), bilinear, quiet=True)
    expected = np.full((16, 24), 2, np.float32)
    expected[4:8, 8:12] = 0
    np.testing.assert_allclose(np.load(tmp_path / "out/d_0002.npy"), expected, rtol=1e-6)


def test_a_video_of_the_result(tmp_path, bilinear):
    av = pytest.importorskip("av")
    write_recording(tmp_path)
    job = job_of(tmp_path, side_outputs=SideOutputs(mp4=tmp_path / "film/x.mp4", fps=7))
    run_job(job, bilinear, quiet=True)
    with av.open(str(job.side_outputs.mp4)) as container:
        stream = container.streams.video[0]
        assert (stream.frames, stream.average_rate, stream.width) == (5, 7, 3 * 24)
    job.side_outputs.mp4.unlink()
    assert run_job(job, bilinear, quiet=True) == 0
    assert job.side_outputs.mp4.exists()


@pytest.mark.parametrize("frames", [4, 6])
@pytest.mark.parametrize("place", ["c.avi", "c.mkv"])
def test_frame_counts_that_differ_are_told(tmp_path, bilinear, frames, place):
    write_recording(tmp_path)
    rgb = rgb_clip(frames, 16, 24)
    source = tmp_path / place
    write_video(source, rgb)
    expected = rf"depth and .*{place}: .* as many frames .*: got 5 and {frames}"
    with pytest.raises(ValueError, match=expected):
        run_job(Job(tmp_path / "depth", source, tmp_path / "out"), bilinear, quiet=True)


@pytest.mark.parametrize("folder", ["depth", "rgb"])
def test_a_broken_frame_is_named_and_the_ones_before_are_whole(tmp_path, bilinear, folder):
    write_recording(tmp_path)
    path = sorted((tmp_path / folder).iterdir())[3]
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match=path.name):
        run_job(job_of(tmp_path), bilinear, quiet=True)
    assert sorted(contents(tmp_path / "out")) == [f"d_{i:04d}.png" for i in range(3)]


def test_a_full_disk_stops_the_run(tmp_path, bilinear, monkeypatch):
    def full(path, depth_m, kind):
        raise OSError(28, "No space left on device", str(path))

    write_recording(tmp_path)
    monkeypatch.setattr(module, "write_depth", full)
    with pytest.raises(OSError, match="No space left"):
        run_job(job_of(tmp_path), bilinear, quiet=True)
    assert not (tmp_path / "out/done.json").exists()


def test_impossible_jobs_are_refused(tmp_path):
    with pytest.raises(ValueError, match="holes must be one of fill, mark; got 'cut'"):
        job_of(tmp_path, holes="cut")
    with pytest.raises(ValueError, match="a folder of its own; .*depth overlap"):
        job_of(tmp_path, output="depth")


def test_confidence_says_where_the_sensor_measured(tmp_path, bilinear):
    write_recording(tmp_path)
    codes = np.full((4, 6), 2000, np.uint16)
    codes[1, 2] = 0
    assert cv2.imwrite(str(tmp_path / "depth/d_0002.png"), codes)
    run_job(job_of(tmp_path, confidence=True), bilinear, quiet=True)
    expected = np.full((16, 24), 255)
    expected[4:8, 8:12] = 0
    stored = cv2.imread(str(tmp_path / "out/confidence/d_0002.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(stored, expected)
    assert len(list((tmp_path / "out/confidence").iterdir())) == 5
