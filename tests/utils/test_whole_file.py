"""A file is there whole or not at all."""

import signal
import subprocess
import sys

import pytest

from stdnet_arch.utils import whole_file as module
from stdnet_arch.utils.whole_file import remove_parts, whole_file

KILLED = """
import importlib.util, os, signal, sys
from pathlib import Path
spec = importlib.util.spec_from_file_location("whole_file", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
with module.whole_file(Path(sys.argv[2])) as part:
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
    target = str(tmp_path / "x.txt")
    run = subprocess.run([sys.executable, "-c", KILLED, module.__file__, target], check=False)
    assert run.returncode == -signal.SIGKILL
    assert names(tmp_path) == ["x.txt.part"]
    remove_parts(tmp_path)
    assert names(tmp_path) == []
