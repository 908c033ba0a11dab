"""Lists of clips: shards cover them once, failures do not spread, a second run does the rest."""

import json
from pathlib import Path

import pytest
from recording_parts import write_lines, write_recording

from stdnet_arch.data.recordings.reading import Reading
from stdnet_arch.data.recordings.stored_depth import DepthCoding
from stdnet_arch.inference.jobs.job import Job, run_job
from stdnet_arch.inference.jobs.manifest import (
    Shard,
    parse_shard,
    parse_unit,
    read_manifest,
    run_manifest,
)
from stdnet_arch.inference.jobs.side_outputs import SideOutputs

ITEM = {"depth": "a/depth", "rgb": "a/rgb.mp4", "output": "a"}


def test_a_recording_that_holds_rgb_needs_no_other(tmp_path):
    path = write_lines(tmp_path / "l.jsonl", [{"depth": "x", "output": "o", "min_confidence": 2}])
    (job,) = read_manifest(path, tmp_path, {})
    assert (job.rgb, job.reading.min_confidence) == (None, 2)


def jobs_of(count):
    return [Job(Path(f"d{i}"), Path(f"c{i}"), Path(f"o{i}")) for i in range(count)]


def test_a_line_is_a_job(tmp_path):
    line = {"depth_unit": "0.00025", "invalid": 7, "max_depth": 4, "mp4": "a.mp4", "fps": 25}
    path = write_lines(tmp_path / "list.jsonl", [ITEM, {**ITEM, "output": "b", **line}])
    defaults = {"reading": Reading(DepthCoding("m", 9)), "depth_format": "npy", "max_depth_m": 8.0}
    first, second = read_manifest(path, tmp_path / "out", defaults)
    paths = {"depth": tmp_path / "a/depth", "rgb": tmp_path / "a/rgb.mp4"}
    assert first == Job(**paths, output=tmp_path / "out/a", **defaults)
    assert second == Job(
        **paths,
        output=tmp_path / "out/b",
        reading=Reading(DepthCoding(0.00025, 7)),
        depth_format="npy",
        max_depth_m=4,
        side_outputs=SideOutputs(mp4=tmp_path / "out/a.mp4", fps=25),
    )


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ([ITEM, {"depth": "x", "size": 3}], r"line 2: .*missing: \['output'\].*\['size'\]"),
        ([ITEM, {**ITEM, "output": "./a"}], "line 2: the same output as line 1"),
        ([3], "line 1: expected a JSON object; got 3"),
        ([{**ITEM, "depth_unit": "ell"}], "line 1: the depth unit must be .*'ell'"),
        ([{**ITEM, "output": 3}], "line 1: "),
        ([], "expected a JSON object per line; got none"),
    ],
)
def test_lines_that_cannot_be_used_are_named(tmp_path, items, message):
    path = write_lines(tmp_path / "list.jsonl", items)
    with pytest.raises(ValueError, match=message):
        read_manifest(path, tmp_path / "out", {})


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_shards_cover_the_list_once(tmp_path, count):
    jobs, ran = jobs_of(5), []
    for first in range(count):
        run_manifest(jobs, parse_shard(f"{first}/{count}"), tmp_path, ran.append)
    assert sorted(ran, key=jobs.index) == jobs


@pytest.mark.parametrize("text", ["", "3", "1/1", "-1/2", "a/b", "1/0"])
def test_other_shards_are_refused(text):
    with pytest.raises(ValueError, match=r"i/n with 0 <= i < n"):
        parse_shard(text)


def test_units_are_names_or_numbers():
    assert [parse_unit(text) for text in ("mm", "m", "float16", "2e-4")] == [
        "mm", "m", "float16", 2e-4,
    ]  # fmt: skip


def test_a_failure_is_listed_and_stops_nobody(tmp_path):
    jobs, ran = jobs_of(3), []

    def run(job):
        ran.append(job)
        if job == jobs[1]:
            raise ValueError("frame 7 is broken")

    assert run_manifest(jobs, Shard(0, 1), tmp_path, run) == [jobs[1]]
    assert ran == jobs
    (line,) = (tmp_path / "failed_0_of_1.jsonl").read_text().splitlines()
    failure = json.loads(line)
    assert failure["output"] == "o1"
    assert failure["error"] == "ValueError: frame 7 is broken"
    assert run_manifest(jobs, Shard(0, 1), tmp_path, ran.append) == []
    assert not (tmp_path / "failed_0_of_1.jsonl").exists()


def test_a_second_run_does_what_is_left(tmp_path, bilinear):
    for name in ("a", "b"):
        write_recording(tmp_path / name)
    items = [{"depth": f"{n}/depth", "rgb": f"{n}/rgb", "output": n} for n in ("a", "b")]
    path = write_lines(tmp_path / "list.jsonl", items)
    jobs = read_manifest(path, tmp_path / "out", {})
    written = []

    def run(job):
        written.append(run_job(job, bilinear, quiet=True))

    hidden = (tmp_path / "b/rgb").rename(tmp_path / "hidden")
    assert run_manifest(jobs, Shard(0, 1), tmp_path / "out", run) == [jobs[1]]
    hidden.rename(tmp_path / "b/rgb")
    assert run_manifest(jobs, Shard(0, 1), tmp_path / "out", run) == []
    assert written == [5, 0, 5]
