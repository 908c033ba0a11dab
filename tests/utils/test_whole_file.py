"""A file is there whole or not at all."""

import os
import resource
import signal

import pytest
from light_program import start

from stdnet_arch.utils import whole_file as module
from stdnet_arch.utils.input_errors import InputError
from stdnet_arch.utils.whole_file import PART, remove_parts, whole_file, write_whole

KILLED = """
import os, signal, sys
from pathlib import Path
from stdnet_arch.utils.whole_file import whole_file
with whole_file(Path(sys.argv[1])) as part:
    part.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_finished_file_is_all_there_is(tmp_path):
    with whole_file(tmp_path / "a" / "x.txt") as part:
        part.write_text("whole")
        assert names(tmp_path / "a") == [part.name]
    assert names(tmp_path / "a") == ["x.txt"]
    assert (tmp_path / "a" / "x.txt").read_text() == "whole"


def test_an_error_leaves_the_old_file(tmp_path):
    (tmp_path / "x.txt").write_text("old")
    with pytest.raises(RuntimeError, match="no disk"), whole_file(tmp_path / "x.txt") as part:  # noqa: PT012
        part.write_text("ne")
        raise RuntimeError("no disk")
    assert names(tmp_path) == ["x.txt"]
    assert (tmp_path / "x.txt").read_text() == "old"


def test_a_killed_program_leaves_a_part_that_can_be_removed(tmp_path):
    assert start(KILLED, tmp_path / "x.txt").wait() == -signal.SIGKILL
    assert [name.endswith(PART) for name in names(tmp_path)] == [True]
    remove_parts(tmp_path)
    assert names(tmp_path) == []


def test_only_our_own_parts_are_removed(tmp_path):
    for name in ("film.mp4.part", f"x{PART}", "x.12.stdnet-part.txt"):
        (tmp_path / name).touch()
    remove_parts(tmp_path)
    assert len(names(tmp_path)) == 3


def test_content_and_name_are_on_the_disk_in_this_order(tmp_path, monkeypatch):
    steps = []
    monkeypatch.setattr(module, "sync", lambda path: steps.append((path.name, names(tmp_path))))
    with whole_file(tmp_path / "x.txt") as part:
        part.write_text("whole")
    assert steps == [(part.name, [part.name]), (tmp_path.name, ["x.txt"])]


def test_a_link_is_neither_followed_nor_replaced(tmp_path):
    (tmp_path / "photo").write_text("mine")
    (tmp_path / "x.txt").symlink_to(tmp_path / "photo")
    with pytest.raises(InputError, match="regular file"):
        write_whole(tmp_path / "x.txt", "ours")
    assert (tmp_path / "photo").read_text() == "mine"


def test_a_link_in_the_place_of_the_part_is_not_written_through(tmp_path):
    (tmp_path / "photo").write_text("mine")
    (tmp_path / f"x.txt.{os.getpid()}{PART}").symlink_to(tmp_path / "photo")
    write_whole(tmp_path / "x.txt", "ours")
    assert (tmp_path / "photo").read_text() == "mine"


def test_a_full_disk_is_told_with_the_file(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    (tmp_path / "x.txt").write_text("old")
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError, match=r"make room and run the command again: '.*x.txt'"):
            write_whole(tmp_path / "x.txt", "n" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (names(tmp_path), (tmp_path / "x.txt").read_text()) == (["x.txt"], "old")
