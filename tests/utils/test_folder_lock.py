"""One program at a time writes to a folder; a killed one lets go of it."""

import os
import signal
import time

import pytest
from light_program import start

from stdnet_arch.utils.folder_lock import LOCK, hold_folder

HOLDER = """
import os, sys, time
from pathlib import Path
from stdnet_arch.utils.folder_lock import hold_folder
with hold_folder(Path(sys.argv[1])):
    child = os.fork()  # as a loader's worker does, which outlives its parent for seconds
    print("held" if child else "forked", flush=True)
    time.sleep(1000)
"""


@pytest.fixture
def holder(tmp_path):
    """A program that holds ``tmp_path``, and a forked child of it."""
    process = start(HOLDER, tmp_path)
    for _ in range(2):
        process.stdout.readline()
    yield process
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_a_second_program_is_refused_and_told_who_is_there(holder, tmp_path):
    message = rf"is in use by process {holder.pid} on .*; wait for it"
    with pytest.raises(OSError, match=message), hold_folder(tmp_path):
        pass


def test_a_killed_holder_lets_go_although_its_child_lives(holder, tmp_path):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    with hold_folder(tmp_path):
        assert (tmp_path / LOCK).is_file()


def test_nothing_is_left_and_it_can_be_held_again(tmp_path):
    for _ in range(2):
        with hold_folder(tmp_path):
            time.sleep(0)
        assert not list(tmp_path.iterdir())


def test_a_program_cannot_hold_a_folder_twice(tmp_path):
    with (
        hold_folder(tmp_path),
        pytest.raises(OSError, match="another part of this program"),
        hold_folder(tmp_path),
    ):
        pass
