"""Pieces of a clip, wherever and in whatever order they run, are the clip."""

import random
import shutil
from pathlib import Path

import pytest
from recording_parts import write_recording
from test_job import MeanOverTime, contents

from stdnet_arch.inference.jobs.job import Job, run_job
from stdnet_arch.inference.jobs.pieces import (
    Piece,
    PieceRunner,
    cut_jobs,
    finish_jobs,
    run_piece,
    with_absolute_paths,
)
from stdnet_arch.inference.predictor import DepthSRPredictor


def job_of(folder, output="out", **options):
    return Job(folder / "depth", folder / "rgb", folder / output, **options)


@pytest.mark.parametrize(("frames", "chunk"), [(7, 1), (10, 4), (50, 3)])
def test_pieces_in_any_order_are_the_whole_clip_to_the_bit(tmp_path, stdnet_weights, frames, chunk):
    write_recording(tmp_path, frames=31, height=2, width=3)
    predictor = DepthSRPredictor(stdnet_weights, "cpu", chunk=chunk)
    run_job(job_of(tmp_path, "whole", depth_format="npy"), predictor, quiet=True)
    job = job_of(tmp_path, depth_format="npy")
    pieces = cut_jobs([job], predictor, frames)
    random.Random(1).shuffle(pieces)
    assert sum(run_piece(piece, predictor) for piece in pieces) == 31
    assert finish_jobs([job], predictor) == []
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
    assert cut_jobs([job], predictor, frames) == []


def test_pieces_are_whole_chunks_and_cover_the_clip(tmp_path, bilinear):
    write_recording(tmp_path, frames=23)
    bilinear.chunk = 4
    found = [(piece.start, piece.stop) for piece in cut_jobs([job_of(tmp_path)], bilinear, 6)]
    assert found == [(0, 8), (8, 16), (16, 23)]
    bilinear.net = MeanOverTime()
    bilinear.net.halo = None
    (piece,) = cut_jobs([job_of(tmp_path, "other")], bilinear, 6)
    assert (piece.start, piece.stop) == (0, 23)


def test_a_second_run_of_a_piece_does_what_is_left(tmp_path, bilinear):
    write_recording(tmp_path, frames=9)
    (first, second) = cut_jobs([job_of(tmp_path)], bilinear, 5)
    assert run_piece(first, bilinear) == 5
    (tmp_path / "out/d_0003.png").unlink()
    assert [run_piece(piece, bilinear) for piece in (first, first, second)] == [2, 0, 4]


def test_a_clip_with_a_missing_piece_is_not_done(tmp_path, bilinear):
    write_recording(tmp_path, frames=9)
    pieces = cut_jobs([job_of(tmp_path)], bilinear, 5)
    run_piece(pieces[1], bilinear)
    ((job, error),) = finish_jobs([job_of(tmp_path)], bilinear)
    assert (job.output.name, error) == (
        "out", f"ValueError: expected 9 frames in {tmp_path / 'out'}; got 4",
    )  # fmt: skip
    assert not (tmp_path / "out/done.json").exists()


def test_a_runner_turns_errors_into_text(tmp_path, bilinear):
    write_recording(tmp_path)
    runner = PieceRunner(lambda: bilinear)
    piece = Piece(job_of(tmp_path), 0, 5)
    assert runner({"piece": piece}) == {
        "output": str(tmp_path / "out"), "start": 0, "stop": 5, "frames": 5, "error": "",
    }  # fmt: skip
    shutil.rmtree(tmp_path / "rgb")
    assert runner({"piece": piece})["error"].startswith("FileNotFoundError: expected RGB at")


def test_paths_become_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    job = with_absolute_paths(Job(Path("d"), None, Path("o")))
    assert job.depth.is_absolute()
    assert job.rgb is None


def test_a_piece_needs_a_frame(bilinear):
    with pytest.raises(ValueError, match="at least 1 frame, got 0"):
        cut_jobs([], bilinear, 0)
