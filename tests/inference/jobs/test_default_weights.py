"""Weights that nobody named: chosen by what the first clip shows, and said why."""

import argparse
import shutil

import numpy as np
import pytest
from recording_parts import write_depth_folder, write_recording

from stdnet_arch.data.recordings.recording import About
from stdnet_arch.inference.jobs import default_weights
from stdnet_arch.inference.jobs.command import main
from stdnet_arch.inference.jobs.default_weights import choose_for, fill_in_weights
from stdnet_arch.inference.jobs.job import Job
from stdnet_arch.weights import choice
from stdnet_arch.weights.shipped import Shipped


@pytest.fixture
def shipped(expecting_weights, monkeypatch):
    """Pretend that the network of the test is shipped for ``dtof`` and ``clean``, at x4."""
    one = Shipped(expecting_weights)
    vars(one)["about"] = {**one.about, "sensors": ["dtof", "clean"]}
    monkeypatch.setattr(choice, "list_shipped", lambda: [one])
    return one


@pytest.fixture
def job(tmp_path):
    """A clip of x4."""
    write_recording(tmp_path)
    return Job(tmp_path / "depth", tmp_path / "rgb", tmp_path / "out")


def args_of(**changed):
    options = {"weights": None, "scale": "auto", "sensor": None, "any_ratio": False}
    return argparse.Namespace(**{**options, **changed})


def test_the_ratio_is_that_of_the_recording(shipped, job):
    assert choose_for(job)[1] == 4.0


def test_coarse_steps_are_those_of_dtof(shipped, job):
    bins_m = 2 + 0.0978 * np.arange(24).reshape(1, 4, 6).repeat(5, 0)
    shutil.rmtree(job.depth)
    write_depth_folder(job.depth, bins_m.astype(np.float32))
    assert "sensor dtof" in choose_for(job)[0].reason


def test_fine_steps_say_nothing_of_the_sensor(shipped, job):
    assert "not named" in choose_for(job)[0].reason


def test_the_sensor_that_is_told_counts(shipped, job):
    assert "sensor phone" in choose_for(job, "phone")[0].reason


def test_a_sensor_app_means_a_phone(shipped, job, monkeypatch):
    monkeypatch.setattr(
        default_weights, "open_job", lambda *_: FakeRecording(About(sensor="phone"))
    )
    alone = Job(job.depth, None, job.output)
    assert "sensor phone" in choose_for(alone)[0].reason


class FakeRecording:
    """Depth of x8."""

    def __init__(self, about=About()):  # noqa: B008  frozen
        self.about, self.depth = about, self

    def __len__(self):
        return 1

    def read(self, i):
        return np.ones((3, 4))

    def colors(self):
        return iter([np.zeros((24, 32, 3), np.uint8)])


def test_another_ratio_lets_the_sizes_be_resampled(shipped, job, monkeypatch, caplog):
    monkeypatch.setattr(default_weights, "open_job", lambda *_: FakeRecording())
    args = args_of()
    fill_in_weights(args, [job])
    assert args.weights == shipped.path.absolute()
    assert args.any_ratio
    assert "x4 for a recording of x8" in caplog.text


def test_named_weights_are_taken_as_they_are(shipped, job):
    args = args_of(weights=shipped.path)
    fill_in_weights(args, [job])
    assert args.weights == shipped.path.absolute()
    assert not args.any_ratio


def test_the_command_works_without_weights(shipped, job, capsys):
    files = ["--depth", job.depth, "--rgb", job.rgb, "-o", job.output, "--device", "cpu"]
    assert main([str(x) for x in files]) == 0
    assert f"weights {shipped.name}: x4 as the recording" in capsys.readouterr().err
    assert len(list(job.output.glob("*.png"))) == 5
