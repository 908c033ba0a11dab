"""Visitors do not meet, and nothing of them stays."""

import dataclasses
import logging
import re
import shutil
import subprocess
import sys
import threading

import pytest
from recording_parts import write_recording

from stdnet_arch.utils.input_errors import InputError
from stdnet_arch.view import sessions as module
from stdnet_arch.view.command import main
from stdnet_arch.view.desk import Desk, JobForm
from stdnet_arch.view.places import Places
from stdnet_arch.view.run import Run, gathering
from stdnet_arch.view.sessions import Sessions

MB = 1_000_000


@pytest.fixture
def sessions(tmp_path):
    made = Sessions(10 * MB, tmp_path / "visitors")
    yield made
    made.close_all()


@pytest.fixture
def desk(tmp_path):
    return Desk(Places([tmp_path]), device="cpu")


def upload(tmp_path, name, data=b"x"):
    path = tmp_path / name
    path.write_bytes(data)
    return path


def form_of(tmp_path, weights, **fields):
    write_recording(tmp_path / "clip")
    return JobForm(
        str(tmp_path / "clip/depth"), str(tmp_path / "clip/rgb"), weights=str(weights), **fields
    )


def test_each_visitor_has_a_folder_and_an_address(tmp_path, sessions):
    one, two = sessions.of("one"), sessions.of("two")
    kept = one.take("depth", [upload(tmp_path, "a.npy")])
    assert one.folder in kept.parents
    assert (one.folder != two.folder, one.token != two.token) == (True, True)
    assert two.sent == {}
    with pytest.raises(KeyError):
        sessions.shown(two.token)


def test_what_a_visitor_sent_goes_with_them(tmp_path, sessions):
    kept = sessions.of("one").take("depth", [upload(tmp_path, "a.npy")])
    sessions.close("one")
    assert not kept.exists()
    assert len(sessions) == 0


def test_a_second_upload_takes_the_place_of_the_first(tmp_path, sessions):
    session = sessions.of("one")
    first = session.take("rgb", [upload(tmp_path, "a.mp4", b"x" * 9 * MB)])
    second = session.take("rgb", [upload(tmp_path, "b.mp4", b"x" * 9 * MB)])
    assert (first.exists(), second.exists()) == (False, True)


def test_all_uploads_of_a_visitor_count(tmp_path, sessions):
    session = sessions.of("one")
    session.take("rgb", [upload(tmp_path, "a.mp4", b"x" * 6 * MB)])
    with pytest.raises(InputError, match="--max-upload"):
        session.take("depth", [upload(tmp_path, "b.npy", b"x" * 6 * MB)])


def test_there_is_a_bound_of_visitors(monkeypatch, sessions):
    monkeypatch.setattr(module, "MOST_VISITORS", 1)
    sessions.of("one")
    with pytest.raises(InputError, match="come back later"):
        sessions.of("two")


def test_what_a_killed_page_left_is_deleted_and_what_lives_is_kept(tmp_path):
    code = (
        "import sys, os, pathlib; from stdnet_arch.utils.folder_lock import take_folder;"
        "kept = take_folder(pathlib.Path(sys.argv[1])); os.kill(os.getpid(), 9)"
    )
    left, living, other = (tmp_path / f"stdnet-view-{name}" for name in ("a", "b", "c"))
    subprocess.run([sys.executable, "-c", code, left], check=False)
    (left / "secret.npy").write_bytes(b"x")
    other.mkdir()
    handle = module.take_folder(living)
    module._sweep(tmp_path)
    assert (left.exists(), living.exists(), other.exists()) == (False, True, True)
    module.let_go(living, handle)


def test_a_run_writes_what_infer_writes(tmp_path, sessions, desk, weights):
    from stdnet_arch.inference.jobs.command import main as infer

    told = list(desk.run(sessions.of("one"), form_of(tmp_path, weights, error_map=False)))
    assert told[0].lines.startswith("depth and RGB")
    assert told[-1].progress.startswith("ended: 5 of 5 frames")
    clip = ["--depth", str(tmp_path / "clip/depth"), "--rgb", str(tmp_path / "clip/rgb")]
    assert infer([*clip, "-o", str(tmp_path / "out"), "--weights", str(weights), "--quiet"]) == 0
    mine = sessions.of("one").shown.output.folder
    there = {path.name: path.read_bytes() for path in mine.iterdir()}
    assert there == {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}


def test_a_checkpoint_that_was_sent_is_the_network(tmp_path, sessions, desk, weights):
    session = sessions.of("one")
    session.take("weights", [weights])
    told = desk.open(session, form_of(tmp_path, ""))
    assert "network Interpolation x4" in told.lines
    assert "bilinear.pth" in told.lines


def test_a_network_that_is_not_there_is_told_with_those_that_are(tmp_path, sessions, desk):
    told = desk.open(sessions.of("one"), form_of(tmp_path, "plane_blend"))
    assert re.search(r"one of .*plane_blend_x4.* no file plane_blend$", told.error)


def test_a_damaged_checkpoint_is_told_in_one_line(tmp_path, sessions, desk):
    session = sessions.of("one")
    session.take("weights", [upload(tmp_path, "net.pth", b"PK\x03\x04 rubbish")])
    told = desk.open(session, form_of(tmp_path, ""))
    assert told.error.startswith("error: ")
    assert "net.pth" in told.error
    assert session.shown is None


def test_results_are_kept_where_they_shall_be_and_empty_folders_are_not(
    tmp_path, sessions, weights
):
    desk = Desk(Places([tmp_path]), tmp_path / "kept", "cpu")
    session, form = sessions.of("one"), form_of(tmp_path, weights)
    assert desk.open(session, dataclasses.replace(form, options="--format npy")).error == ""
    list(desk.run(session, form))
    sessions.close("one")
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["result_002"]
    assert (tmp_path / "kept/result_002/done.json").is_file()


def test_what_cannot_be_opened_leaves_no_folder_of_results(tmp_path, sessions):
    kept = Desk(Places([tmp_path]), tmp_path / "kept", "cpu")
    assert kept.open(sessions.of("one"), JobForm("clip", weights="none.pth")).error
    assert list(tmp_path.glob("kept/*")) == []


@pytest.mark.parametrize("output", ["clip", "clip/depth/kept", "file", "nowhere"])
def test_results_are_not_kept_in_a_recording_or_a_file(tmp_path, capsys, output):
    write_recording(tmp_path / "clip")
    (tmp_path / "file").write_bytes(b"mine")
    (tmp_path / "nowhere").symlink_to("not there")
    code = main([str(tmp_path / "clip"), "-o", str(tmp_path / output)])
    assert (code, capsys.readouterr().err.count("\n")) == (1, 1)
    assert sorted(path.name for path in (tmp_path / "clip").iterdir()) == ["depth", "rgb"]
    assert (tmp_path / "file").read_bytes() == b"mine"


def test_a_stopped_run_keeps_its_frames_and_goes_on(tmp_path, sessions, desk, weights, monkeypatch):
    session, form = sessions.of("one"), form_of(tmp_path, weights)
    tick = Run._tick

    def stop_after_two(run, what):
        if run.made == 1:
            run.stop()
        tick(run, what)

    monkeypatch.setattr(Run, "_tick", stop_after_two)
    *_, last = desk.run(session, form)
    assert last.progress.startswith("stopped: 2 of 5 frames")
    monkeypatch.setattr(Run, "_tick", tick)
    folder = session.shown.output.folder
    *_, last = desk.run(session, form)
    assert last.progress.startswith("ended: 5 of 5 frames")
    assert session.shown.output.folder == folder


def test_a_network_without_expected_errors_runs_without_their_map(
    tmp_path, sessions, desk, weights
):
    *_, last = desk.run(sessions.of("one"), form_of(tmp_path, weights, error_map=True))
    assert "expects no errors" in last.lines
    assert last.error == ""


def test_a_finished_result_is_shown_and_not_computed(sessions, desk, finished):
    job, _, _ = finished
    before = {path: path.stat().st_mtime_ns for path in job.output.rglob("*")}
    told = desk.open(sessions.of("one"), JobForm(str(job.output)))
    shown = sessions.of("one").shown
    assert told.error == ""
    assert shown.views(0) == ["RGB", "LR depth", "bilinear", "prediction", "truth", "error"]
    assert {path: path.stat().st_mtime_ns for path in job.output.rglob("*")} == before


def test_a_result_without_its_recording_says_so(tmp_path, sessions, desk, finished):
    job, _, _ = finished
    shutil.rmtree(tmp_path / "clip")
    told = desk.open(sessions.of("one"), JobForm(str(job.output)))
    assert "only the result is shown" in told.lines
    assert sessions.of("one").shown.views(0) == ["prediction"]


@pytest.mark.parametrize("text", ["/etc/hostname", "../..", "clip/../../.."])
def test_files_outside_what_was_named_are_not_read(tmp_path, sessions, text):
    (tmp_path / "clip").mkdir()
    desk = Desk(Places([tmp_path / "clip"]), device="cpu")
    assert "this page reads files in" in desk.open(sessions.of("one"), JobForm(text)).error


def test_a_link_does_not_lead_out(tmp_path, sessions):
    (tmp_path / "clip").mkdir()
    (tmp_path / "clip/out").symlink_to("/etc")
    desk = Desk(Places([tmp_path / "clip"]), device="cpu")
    assert "this page reads files in" in desk.open(sessions.of("one"), JobForm("out")).error


def test_a_page_for_others_reads_no_files(sessions):
    told = Desk(Places([]), device="cpu").open(sessions.of("one"), JobForm("/etc"))
    assert "upload them" in told.error


def test_lines_of_another_visitor_are_not_heard():
    mine, logger = [], logging.getLogger("stdnet_arch.somewhere")
    with gathering(mine):
        other = threading.Thread(target=lambda: logger.warning("yours"))
        other.start()
        other.join()
        logger.warning("mine")
    assert mine == ["mine"]
