"""``python -m stdnet_arch.live``, from a replay to what is kept and said of it."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from recording_parts import (
    depth_clip,
    rgb_clip,
    write_depth_folder,
    write_recording,
    write_rgb_folder,
    write_weights,
)

from stdnet_arch.data.codecs.depth_file import read_depth
from stdnet_arch.data.codecs.rgb_codec import read_rgb
from stdnet_arch.inference.jobs.command import main as infer
from stdnet_arch.inference.jobs.job import open_job
from stdnet_arch.inference.jobs.reopening import reopen
from stdnet_arch.inference.predictor import DepthSRPredictor
from stdnet_arch.live import command
from stdnet_arch.live.cameras import Shot
from stdnet_arch.live.command import main
from stdnet_arch.live.screens import NoScreen
from stdnet_arch.live.session import LiveSession
from stdnet_arch.utils.input_errors import InputError
from stdnet_arch.visual.caption import HEIGHT


def live(folder, weights, *more):
    words = ["--camera", "replay", folder, "--weights", weights, "--device", "cpu"]
    return main([str(x) for x in (*words, "--screen", "none", "--fps", 20, *more)])


def run_infer(depth, output, weights, *more):
    words = ["--depth", depth, "-o", output, "--weights", weights, "--device", "cpu", "--quiet"]
    return infer([str(x) for x in (*words, *more)])


@pytest.fixture
def clip(tmp_path):
    """Six frames."""
    write_recording(tmp_path / "clip", frames=6)
    return tmp_path / "clip"


def files(folder, pattern="*.png"):
    return sorted(folder.glob(pattern))


def test_what_was_shown_is_kept_and_infer_makes_the_same_of_it(clip, expecting):
    out, again = clip.parent / "kept", clip.parent / "again"
    assert live(clip, expecting, "--record", out) == 0
    assert run_infer(out / "recording", again, expecting, "--error-map") == 0
    kept = files(out / "result")
    assert kept
    for path in (*kept, *files(out / "result/error_map")):
        same = again / path.relative_to(out / "result")
        assert same.read_bytes() == path.read_bytes()
    assert len(files(again)) == len(kept)


def test_the_kept_recording_holds_frames_of_the_camera_in_order(clip, bilinear):
    out = clip.parent / "kept"
    live(clip, bilinear, "--record", out)
    depth_m, rgb = depth_clip(6, 4, 6), rgb_clip(6, 16, 24)
    places = []
    for path in files(out / "recording/depth", "*.npy"):
        kept_m = read_depth(path)
        (place,) = [i for i in range(6) if np.allclose(kept_m, depth_m[i], atol=1e-6)]
        kept = read_rgb(out / f"recording/rgb/{path.stem}.png")
        np.testing.assert_array_equal(kept, rgb[place])
        places.append(place)
    assert places == sorted(set(places))
    assert places


def test_infer_takes_the_result_for_done(clip, bilinear, caplog):
    out = clip.parent / "kept"
    live(
        clip, bilinear, "--record", out, "--depth-unit", "0.002"
    )  # of the clip, not of what is kept
    caplog.set_level("INFO", "stdnet_arch")
    words = ["--depth", out / "recording", "-o", out / "result", "--weights", bilinear]
    assert infer([str(x) for x in (*words, "--device", "cpu")]) == 0
    assert f"{out / 'result'} is done already" in caplog.text


def test_the_page_opens_the_result_with_its_recording(clip, bilinear):
    out = clip.parent / "kept"
    live(clip, bilinear, "--record", out)
    reopened = reopen(out / "result")
    depth = open_job(reopened.job, reopened.scale).depth
    assert [depth.name(i) for i in range(len(depth))] == reopened.names
    assert [path.stem for path in files(out / "result")] == reopened.names


@pytest.mark.parametrize(
    ("device", "words", "name"),
    [
        ("cpu", [], "plane_blend_live_x4"),
        ("cuda", [], "plane_blend_x4"),
        ("cpu", ["--weights", "stdnet_t_x4"], "stdnet_t_x4"),
    ],
)
def test_a_cpu_gets_weights_that_were_made_for_live_pictures(
    clip, monkeypatch, device, words, name
):
    seen = []

    def stop_here(args):
        seen.append(args.weights.stem)
        raise InputError("seen")

    monkeypatch.setattr(command, "choose_device", lambda _: torch.device(device))
    monkeypatch.setattr(command, "predictor_of", stop_here)
    assert command.main(["--camera", "replay", str(clip), "--screen", "none", *words]) == 1
    assert seen == [name]


def test_the_report_counts_every_frame_of_the_camera(clip, bilinear):
    out = clip.parent / "kept"
    live(clip, bilinear, "--record", out)
    said = json.loads((out / "live.json").read_text())
    frames, latency_ms = said["frames"], said["latency_ms"]
    assert frames["captured"] == 6
    assert frames["shown"] + frames["dropped"] + frames["blank"] == 6
    assert frames["shown"] == len(files(out / "result"))
    assert 0 < latency_ms["median"] <= latency_ms["p95"] <= latency_ms["largest"]
    assert 0 < latency_ms["first"] <= latency_ms["largest"]
    assert said["delay_frames"] == 0
    assert said["sizes"] == {"depth": [4, 6], "rgb": [16, 24], "lq": [4, 6]}
    assert said["processor"]
    assert (said["cores"], said["threads"]) == (os.cpu_count(), torch.get_num_threads())


class OneByOne:
    """A camera that waits until the frame before is on screen; a screen that tells it."""

    about, intrinsics, name = "one by one", None, "none"

    def __init__(self, frames):
        self.frames, self.shown = frames, 0

    def shots(self, stop):
        for i in range(self.frames):
            end_s = time.monotonic() + 60
            while self.shown < i:
                if time.monotonic() > end_s:
                    raise OSError(f"frame {i - 1} was not shown before frame {i} came")
                time.sleep(0.001)
            yield Shot(i, time.monotonic(), lambda i=i: (depth_clip(9, 4, 6)[i], RGB))

    def show(self, picture):
        self.shown += 1
        self.last = picture
        return True

    def close(self):
        pass


RGB = rgb_clip(1, 16, 24)[0]


def test_a_frame_is_on_screen_before_the_next_one_comes(expecting):
    camera = OneByOne(5)
    LiveSession(DepthSRPredictor(expecting, "cpu"), camera, camera).run()
    assert camera.shown == 5
    assert camera.last.shape == (16 + HEIGHT, 4 * 24, 3)


def test_closing_the_screen_ends_the_session(expecting):
    camera = OneByOne(5)
    screen = NoScreen()
    screen.show = lambda picture: camera.show(picture) and camera.shown < 3
    LiveSession(DepthSRPredictor(expecting, "cpu"), camera, screen).run()
    assert camera.shown == 3


def test_a_network_that_looks_ahead_comes_late_or_not_at_all(clip, tmp_path, capsys):
    weights = write_weights(tmp_path / "s.pth", type="STDNet", num_feat=16, head_feat=8)
    assert live(clip, weights) == 1
    assert "looks 8 frames ahead" in capsys.readouterr().err
    out = tmp_path / "kept"
    assert live(clip, weights, "--allow-delay", "--record", out) == 0
    said = json.loads((out / "live.json").read_text())
    assert (said["delay_frames"], said["frames"]["shown"]) == (8, len(files(out / "result")))
    assert said["frames"]["shown"] > 0


def test_depth_of_the_size_of_the_rgb_is_refined_as_infer_does(tmp_path, bilinear):
    write_depth_folder(tmp_path / "clip/depth", depth_clip(4, 14, 22))
    write_rgb_folder(tmp_path / "clip/rgb", rgb_clip(4, 14, 22))
    out, again = tmp_path / "kept", tmp_path / "again"
    assert live(tmp_path / "clip", bilinear, "--refine", "--record", out) == 0
    assert run_infer(out / "recording", again, bilinear, "--refine") == 0
    assert files(out / "result")
    for path in files(out / "result"):
        assert (again / path.name).read_bytes() == path.read_bytes()


def test_frames_before_the_first_depth_are_counted_and_left_out(tmp_path, bilinear):
    depth_m = depth_clip(4, 4, 6)
    depth_m[0] = 0
    write_depth_folder(tmp_path / "clip/depth", depth_m)
    write_rgb_folder(tmp_path / "clip/rgb", rgb_clip(4, 16, 24))
    assert live(tmp_path / "clip", bilinear, "--report", tmp_path / "r.json", "--fps", 2) == 0
    said = json.loads((tmp_path / "r.json").read_text())["frames"]
    assert (said["blank"], said["captured"]) == (1, 4)
    assert said["shown"] + said["dropped"] == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--record", "clip/out"], "clip/out and the input clip overlap"),
        (["--record", "full"], "needs a new or an empty folder"),
        (["--report", "r.txt"], "ends in .json"),
        (["--report", "clip/r.json"], "must not replace or lie in the input"),
        (["--seconds", "0"], "--seconds must be a number > 0"),
        (["--refine", "--lq-origin", "first"], "--lq-origin first says otherwise: leave one"),
        (["--register", "--lq-origin", "first"], "--register compares .*: leave one of them out"),
        (["--fps", "1e-320"], "--fps must be at least 0.001; got 1e-320"),
        (["--screen", "page", "--port", "70000"], "--port must be a number from 0"),
        (["--camera", "webcam"], "--camera must be realsense, .*; got webcam"),
        (["--camera", "realsense", "--register"], "for --camera replay; leave them out"),
        (["--camera", "clip"], "got clip: --camera replay clip plays it"),
        (["--camera", "replay", "clip/depth"], "--camera replay DEPTH RGB"),
        (["--camera", "replay", "kept"], "live wrote it: its recording is kept/recording"),
        (["--port", "70000"], "--port must be a number from 0 .any free one. to 65535; got 70000"),
        (["--camera", "replay"], "replay RECORDING or replay DEPTH RGB; got replay"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(clip, bilinear, capsys, monkeypatch, words, message):
    monkeypatch.chdir(clip.parent)
    (clip.parent / "full").mkdir()
    (clip.parent / "kept/recording").mkdir(parents=True)
    (clip.parent / "full/mine.txt").touch()
    assert live("clip", bilinear, *words) == 1
    said = capsys.readouterr().err
    assert re.search(message, said), said
    assert (clip.parent / "full/mine.txt").exists()


def test_a_screen_that_cannot_be_leaves_nothing_behind(clip, bilinear, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    out = clip.parent / "kept"
    assert live(clip, bilinear, "--record", out, "--screen", "window") == 1
    assert not out.exists()


def test_ctrl_c_ends_it_in_a_line_and_leaves_whole_files(clip, bilinear):
    out = clip.parent / "kept"
    words = ["--camera", "replay", clip, "--weights", bilinear, "--device", "cpu", "--fps", "0.02"]
    program = [sys.executable, "-m", "stdnet_arch.live", *words, "--screen", "none"]
    running = subprocess.Popen(
        [str(x) for x in (*program, "--record", out, "--quiet")], stderr=subprocess.PIPE, text=True
    )
    while not files(out / "result"):
        assert running.poll() is None
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate()
    assert running.returncode == 130
    assert [line for line in said.splitlines() if line.startswith("stopped; ")] == [said.strip()]
    shown = json.loads((out / "live.json").read_text())["frames"]["shown"]
    assert json.loads((out / "result/done.json").read_text())["frames"] == shown >= 1
    assert not list(out.rglob("*part"))


def test_a_recording_in_the_current_folder_can_be_played(clip, bilinear, monkeypatch):
    monkeypatch.chdir(clip)
    assert live(".", bilinear) == 0
    assert sorted(path.name for path in clip.iterdir()) == ["depth", "rgb"]


def test_the_command_ends_with_0_and_no_word_of_a_library(clip, bilinear):
    words = ["--camera", "replay", clip, "--weights", bilinear, "--screen", "none", "--fps", "20"]
    command = [sys.executable, "-m", "stdnet_arch.live", *map(str, words), "--device", "cpu"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1].endswith("dropped")
