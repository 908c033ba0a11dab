"""The set-up at work: cut-off packages, commands, retries, the lock, and what the screen says."""

import io
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from _quickstart import environment, inside, plan, runner  # noqa: E402


@pytest.fixture
def pip_like(tmp_path):
    """A runner whose log and downloads are in ``tmp_path``."""
    (tmp_path / "downloads").mkdir()
    screen = runner.Screen(io.StringIO())
    places = (tmp_path / "log", screen, tmp_path, tmp_path / "downloads")
    return runner.Runner(dict(os.environ), *places)


@pytest.fixture
def site(tmp_path):
    """A ``site-packages`` with one package ``part`` of one file, installed in full."""
    info = tmp_path / "part-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: part\nVersion: 1.0\n")
    (info / "RECORD").write_text("part.py,,6\npart-1.0.dist-info/RECORD,,\n")
    (tmp_path / "part.py").write_text("x = 1\n")
    return tmp_path


# ---- packages that were cut off


def test_a_whole_package_is_kept(site):
    assert inside.repair(site) == []
    assert (site / "part-1.0.dist-info").is_dir()


@pytest.mark.parametrize(
    "damage",
    [
        lambda site: (site / "part.py").unlink(),
        lambda site: (site / "part.py").write_text("x ="),
        lambda site: (site / "part-1.0.dist-info/RECORD").unlink(),
        lambda site: (site / "part-1.0.dist-info/RECORD").write_text(""),
        lambda site: (site / "part-1.0.dist-info/RECORD").write_text("part.py,,6\npart-1"),
    ],
    ids=["file gone", "file cut short", "no record", "empty record", "record cut short"],
)
def test_a_package_that_is_there_in_part_is_forgotten(site, damage):
    damage(site)
    assert inside.repair(site) == ["part-1.0.dist-info"]
    assert not (site / "part-1.0.dist-info").exists()


def test_what_pip_had_set_aside_is_removed(site):
    (site / "~art").mkdir()
    (site / "~art/part.py").touch()
    assert inside.repair(site) == ["~art"]
    assert (site / "part.py").exists()


def test_versions_name_what_is_absent(monkeypatch):
    monkeypatch.setattr(inside, "NEEDED", ("torch", "no-such-package"))
    found = inside.versions()
    assert found["no-such-package"] is None
    assert found["torch"].partition("+")[0] == torch.__version__.partition("+")[0]


# ---- what is said


@pytest.mark.parametrize(
    ("output", "cause"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left", "disk"),
        ("ReadTimeoutError(...): Read timed out.", "network"),
        (
            "WARNING: Retrying after connection broken by 'NewConnectionError(...)'\n"
            "ERROR: No matching distribution found for wheel",
            "network",
        ),
        ("ERROR: 503 Server Error: Service Unavailable", "network"),
        ("THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE", "network"),
        ("ERROR: No matching distribution found for torch>=2.6", "missing"),
        ("[Errno 13] Permission denied: '/opt/x'", "permission"),
        ("KeyError: '__version__'", "other"),
        ("[Errno 280] Downloading connection-1.0 (503 kB)", "other"),
    ],
)
def test_the_cause_of_a_failure_is_recognised(output, cause):
    assert runner.diagnose(output) == cause


@pytest.mark.parametrize("cause", ["disk", "network", "missing", "permission", "other"])
def test_every_cause_has_an_advice_of_its_own(cause):
    told = {c: plan.advice(c, ROOT, 1.2) for c, _ in (*runner.CAUSES, ("other", ""))}
    assert list(told.values()).count(told[cause]) == 1


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "  Downloading torch-2.15.0-cp311-cp311-manylinux_2_28_x86_64.whl (532.1 MB)",
            "downloading torch 2.15.0 (532.1 MB)",
        ),
        ("Collecting torch>=2.6", "looking for torch"),
        ("  Building wheel for basicsr (pyproject.toml): started", "building basicsr"),
        ("Installing collected packages: mpmath, sympy, torch", "unpacking 3 packages"),
        ("Requirement already satisfied: wheel in ./lib", None),
        (
            "  Downloading torch-2.15.0-cp311-none-any.whl.metadata (29 kB)",
            "downloading torch 2.15.0 (29 kB)",
        ),
    ],
)
def test_of_pips_words_the_telling_ones_are_shown(line, told):
    assert runner.describe(line) == told


def test_a_terminal_shows_one_line_that_is_overwritten():
    stream = io.StringIO()
    stream.isatty = lambda: True
    screen = runner.Screen(stream)
    screen.show("a long line")
    screen.show("short")
    screen.say("end")
    assert stream.getvalue() == "\ra long line\rshort      \rend  \n"


def test_without_a_terminal_a_line_is_written_only_now_and_then(monkeypatch):
    stream, clock_s = io.StringIO(), iter([100.0, 100.0, 101.0, 125.0, 125.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock_s))
    screen = runner.Screen(stream)
    for text in ("one", "two", "three"):
        screen.show(text)
    assert stream.getvalue() == "one\nthree\n"


# ---- running


def test_a_command_that_fails_returns_all_it_wrote_and_logs_it(pip_like):
    code = "import sys; print('first'); print('second', file=sys.stderr); sys.exit(3)"
    output = pip_like.run("job", [sys.executable, "-u", "-c", code])
    assert output.splitlines() == ["first", "second"]
    assert "==== job:" in pip_like.log.read_text()


def test_a_command_that_fails_without_a_word_is_still_a_failure(pip_like):
    assert pip_like.run("job", [sys.executable, "-c", "raise SystemExit(5)"]) == "exit code 5"


def test_a_failed_connection_is_tried_again_and_may_succeed(pip_like, tmp_path):
    code = (
        "import sys; f = open('tries', 'a+'); f.write('x'); f.seek(0);"
        "sys.exit('Connection reset by peer' if len(f.read()) < 3 else 0)"
    )
    pauses_s = []
    command = [sys.executable, "-c", code]
    assert pip_like.run_with_retries("job", command, sleep=pauses_s.append) == ""
    assert pauses_s == [5, 20]
    assert (tmp_path / "tries").read_text() == "xxx"


def test_other_failures_are_not_tried_again(pip_like):
    pauses_s = []
    command = [sys.executable, "-c", "raise SystemExit('No space left on device')"]
    assert "No space" in pip_like.run_with_retries("job", command, sleep=pauses_s.append)
    assert pauses_s == []


def test_what_has_come_in_is_counted_once(pip_like):
    (pip_like.downloads / "pip-unpack-x").mkdir()
    (pip_like.downloads / "pip-unpack-x/torch-2.15.0-any.whl").write_bytes(bytes(3_000_000))
    (pip_like.downloads / "tmpcopy").write_bytes(bytes(2_000_000))
    assert runner._size_mb(pip_like.downloads) == 3.0


def test_an_interrupted_command_is_ended(pip_like, monkeypatch):
    started = []
    plain = subprocess.Popen
    monkeypatch.setattr(
        subprocess, "Popen", lambda *a, **k: started.append(plain(*a, **k)) or started[0]
    )
    monkeypatch.setattr(
        pip_like.screen, "show", lambda text: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    with pytest.raises(KeyboardInterrupt):
        pip_like.run("job", [sys.executable, "-c", "import time; time.sleep(60)"])
    assert started[0].poll() is not None


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such locks on Windows")
def test_the_lock_is_held_as_long_as_a_child_of_a_killed_run_lives(tmp_path):
    screen = runner.Screen(io.StringIO())
    (descriptor,) = environment._lock(tmp_path, screen)
    command = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=(descriptor,))
    os.close(descriptor)
    probe = f"import fcntl, sys; fcntl.flock(open({str(tmp_path / 'quickstart.lock')!r}), 6)"
    assert (
        b"BlockingIOError"
        in subprocess.run([sys.executable, "-c", probe], capture_output=True).stderr
    )
    child.communicate()
    assert subprocess.run([sys.executable, "-c", probe]).returncode == 0
