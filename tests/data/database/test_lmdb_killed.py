"""A killed command leaves nothing that looks finished, and goes on to the same values."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from lmdb_parts import arguments, contents, start_command, write_lmdb

from stdnet_arch.data.database import lmdb_writer
from stdnet_arch.data.database.lmdb_source import LmdbSource

SCRIPT = Path(__file__).parents[3] / "scripts" / "create_lmdb.py"


def frames_stored(folder):
    """How many frames lie in an LMDB, finished or not."""
    if not (folder / "data.mdb").exists():
        return 0
    return sum(str(key)[-2].isdigit() and key.count(b"/") == 1 for key in contents(folder))


def kill_after(seconds, argv, out):
    """Start the command and kill it; returns how far it got."""
    process = start_command(argv)
    process.join(seconds)
    process.kill()
    process.join()
    assert process.exitcode in {0, -signal.SIGKILL}
    return frames_stored(out if out.exists() else out.with_name(f"{out.name}.part"))


def time_of(argv):
    begun = time.monotonic()
    process = start_command(argv)
    process.join()
    assert process.exitcode == 0
    return time.monotonic() - begun


def test_twenty_kills_across_a_run_leave_the_same_values(tmp_path, make_clip, monkeypatch):
    monkeypatch.setattr(lmdb_writer, "COMMIT_BYTES", 0)  # a commit per frame
    root, out = make_clip(frames=200), tmp_path / "x.lmdb"
    wholes = [tmp_path / f"{name}.lmdb" for name in ("whole", "again")]
    # The shorter one: a pause of the machine must not make all delays longer than a run.
    longest = min(time_of(arguments(root, whole)) for whole in wholes) / 6
    delays = random.Random(0)
    far = [kill_after(delays.uniform(0, longest), arguments(root, out), out) for _ in range(20)]
    assert len(set(far) - {0, 200}) >= 3, far
    time_of(arguments(root, out))
    assert contents(out) == contents(tmp_path / "whole.lmdb")
    assert not list(tmp_path.glob("x.lmdb.*"))


def test_a_killed_command_leaves_what_no_reader_takes_for_finished(
    tmp_path, make_clip, monkeypatch
):
    monkeypatch.setattr(lmdb_writer, "COMMIT_BYTES", 0)
    root, out = make_clip(frames=60), tmp_path / "x.lmdb"
    process = start_command(arguments(root, out))
    while not (tmp_path / "x.lmdb.part" / "data.mdb").exists():
        assert process.is_alive()
    process.kill()
    process.join()
    with pytest.raises(FileNotFoundError, match="got the unfinished x.lmdb.part"):
        LmdbSource(str(out))


def wait_until_gone(processes, seconds):
    deadline = time.monotonic() + seconds
    while any(Path(f"/proc/{process}").exists() for process in processes):
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.slow
def test_the_script_and_its_workers_die_and_go_on(tmp_path, make_clip):
    root, out = make_clip(frames=60, height=480, width=640), tmp_path / "x.lmdb"
    command = [sys.executable, str(SCRIPT), *arguments(root, out, "--workers", "2")]
    killed = subprocess.Popen(command)
    while not (tmp_path / "x.lmdb.part" / "data.mdb").exists():
        assert killed.poll() is None
        time.sleep(0.01)
    children = Path(f"/proc/{killed.pid}/task/{killed.pid}/children").read_text().split()
    killed.kill()
    killed.wait()
    wait_until_gone(children, 60)
    subprocess.run(command, check=True)
    assert contents(out) == contents(write_lmdb(root, tmp_path / "whole.lmdb"))
