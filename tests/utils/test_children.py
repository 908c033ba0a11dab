"""A child ends with its parent, also with one that was killed."""

import os
import signal
import time
from pathlib import Path

import pytest
from light_program import HEAD, start

CHILD = (
    HEAD
    + """
import time
from stdnet_arch.utils.children import end_with_parent
end_with_parent()
open(sys.argv[1], "w").write("began")
time.sleep(1000)
"""
)
PARENT = """
import sys
from pathlib import Path
from stdnet_arch.utils.children import run_child
folder = Path(sys.argv[1])
with open(folder / "log", "w") as log:
    sys.exit(run_child([sys.executable, sys.argv[2], str(folder / "began")], log, folder))
"""
LENDER = """
import subprocess, sys
from pathlib import Path
from stdnet_arch.utils.children import lend_end
folder = Path(sys.argv[1])
with lend_end():
    sys.exit(subprocess.call([sys.executable, sys.argv[2], str(folder / "began")]))
"""
CODE = """
import sys
sys.exit(7)
"""


def wait_for(condition):
    """Wait until something is so; a test that waits for ever fails."""
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def run_of(folder):
    """Process numbers that have a folder in their command line."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = (place / "cmdline").read_bytes()
        except OSError:  # it has ended meanwhile
            words = b""
        if f"{folder}/began".encode() in words:
            found.append(int(place.name))
    return found


@pytest.fixture(params=[PARENT, LENDER], ids=["its own child", "a child of another program's"])
def family(tmp_path, request):
    """A parent and its child, both at work."""
    (tmp_path / "child.py").write_text(CHILD)
    parent = start(request.param, tmp_path, tmp_path / "child.py")
    wait_for(lambda: (tmp_path / "began").exists() and run_of(tmp_path))
    yield parent, tmp_path
    for number in run_of(tmp_path):
        os.kill(number, signal.SIGKILL)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_child_ends_with_its_parent(family, end):
    parent, folder = family
    parent.send_signal(end)
    parent.wait(60)
    wait_for(lambda: not run_of(folder))


def test_the_exit_code_of_a_child_is_returned(tmp_path):
    (tmp_path / "child.py").write_text(CODE)
    assert start(PARENT, tmp_path, tmp_path / "child.py").wait(60) == 7
