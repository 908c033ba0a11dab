"""Bad input ends in one line and 1; a bug is told as a bug and ends in 70; Ctrl-C in 11000."""

import math
import os
import re
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from light_program import start

from stdnet_arch.utils.commands import BUG, FAILED, run_command, tell_error
from stdnet_arch.utils.device import choose_device
from stdnet_arch.utils.input_errors import InputError, check_regular, reading


def outcome(run, **options):
    """Exit code and lines of a command."""
    said = []
    return run_command(run, said.append, **options), said


def fail_with(error):
    def run():
        raise error

    return run


INPUT = [
    InputError("x"),
    OSError(28, "No space left on device", "x"),
    MemoryError(),
    ImportError("no av"),
]


@pytest.mark.parametrize("error", INPUT, ids=repr)
def test_what_the_user_gave_ends_in_one_line(error):
    code, said = outcome(fail_with(error))
    assert code == FAILED
    assert len(said) == 1
    assert re.match(r"error: .+", said[0])


def test_an_error_that_this_package_raises_is_about_the_input():
    assert outcome(lambda: choose_device("moon"))[0] == FAILED


BUGS = [
    lambda: {}["key"],
    lambda: [][3],
    lambda: None.x,
    lambda: math.sqrt(-1),
    lambda: np.zeros(2) + np.zeros(3),
    lambda: torch.zeros(2) + torch.zeros(3),
    lambda: float("x"),
]


@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_does_not_look_like_bad_input(bug):
    code, said = outcome(bug)
    assert code == BUG
    assert len(said) == 1
    assert said[0].startswith("bug in stdnet_arch, not in your input: ")


def test_a_decoder_that_fails_is_about_the_file():
    def run():
        with reading("x.npz"):
            {}["key"]

    assert outcome(run) == (FAILED, ["error: x.npz: expected a readable, whole file; 'key'"])


def test_a_message_of_many_lines_becomes_one():
    assert tell_error(InputError("a\n  b\tc\n")) == "error: a b c"


def test_debug_shows_the_traceback(capsys):
    assert outcome(lambda: {}["key"], debug=True)[0] == BUG
    assert "Traceback" in capsys.readouterr().err


class OneBadSample(torch.utils.data.Dataset):
    def __len__(self):
        return 1

    def __getitem__(self, i):
        return choose_device("moon") if i == 0 else i


def test_an_error_of_a_loaders_worker_keeps_its_words():
    loader = torch.utils.data.DataLoader(OneBadSample(), num_workers=1)
    code, said = outcome(lambda: list(loader) and None)
    assert code == FAILED
    assert "Traceback" not in said[0]
    assert said[0].startswith("error: ValueError: device must be")


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda p: Path(p).symlink_to(p)])
def test_what_is_no_regular_file_is_never_opened(make, tmp_path):
    make(str(tmp_path / "x"))
    with pytest.raises(InputError, match="expected a re"):
        check_regular(tmp_path / "x")


BUSY = """
import hashlib, sys, threading, time
from stdnet_arch.utils import interrupts
from stdnet_arch.utils.commands import run_command
interrupts.is_our_command = lambda: True
def deaf():
    while True:
        try:
            time.sleep(1000)
        except KeyboardInterrupt:
            pass
def wait_for_a_thread():
    threading.Thread(target=time.sleep, args=(1000,)).start()
    time.sleep(1000)
class Slow:
    def __del__(self):  # while Python ends, when no other thread runs any more
        time.sleep(1000)
def leave_much_to_the_end():
    interrupts.much = Slow()
    time.sleep(1000)
WAYS = {{
    "sleep": lambda: time.sleep(1000),
    "computing": lambda: hashlib.pbkdf2_hmac('sha256', b'', b'', 10**9),
    "waiting": wait_for_a_thread,
    "deaf": deaf,
    "ending": leave_much_to_the_end,
}}
print("ready", flush=True)
sys.exit(run_command(WAYS["{way}"], stopped="stopped; it goes on"))
"""


@pytest.mark.parametrize("way", ["sleep", "computing", "waiting", "deaf", "ending"])
def test_an_interrupt_ends_in_one_line_and_soon(way):
    process = start(BUSY.format(way=way))
    process.stdout.readline()
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=100)  # within a second on a free machine
    assert (process.returncode, said) == (130, "stopped; it goes on\n")


CLEAN = """
import tempfile, time
from stdnet_arch.utils import interrupts
from stdnet_arch.utils.commands import run_command
interrupts.is_our_command = lambda: True
folder = tempfile.TemporaryDirectory()
print(folder.name, flush=True)
sys.exit(run_command(lambda: time.sleep(1000)))
"""


def test_an_interrupt_leaves_no_temporary_files():
    process = start(CLEAN)
    folder = Path(process.stdout.readline().strip())
    assert folder.is_dir()
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=100)
    assert (process.returncode, folder.exists()) == (130, False)


WORKER = """
from stdnet_arch.utils.interrupts import ignoring_interrupts
import subprocess, signal
with ignoring_interrupts():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
print("ready", flush=True)
child.send_signal(signal.SIGINT)
try:
    child.wait(1)
    print("ended")
except subprocess.TimeoutExpired:
    print("lives", signal.getsignal(signal.SIGINT) is signal.default_int_handler)
child.kill()
"""


def test_workers_that_are_started_so_leave_interrupts_to_their_parent():
    said, _ = start(WORKER).communicate(timeout=100)
    assert said.split() == ["ready", "lives", "True"]


def test_a_name_that_the_system_takes_for_none_is_input():
    said = []
    assert run_command(lambda: Path("a\0b").read_text(), said.append) == FAILED
    assert said == ["error: embedded null byte"]
