"""One run of a command in a child of its own, and whether the promises were kept."""

import gc
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from stdnet_arch.utils.interrupts import INTERRUPTED

TRACEBACK = "Traceback (most recent call last)"
EXPECTED = {0, 1, 2, 3}
"""Done, refused in a line, wrong usage, done but for clips that were left out."""
MEMORY_MB = 1500
"""Beyond what the program takes anyway."""
POLL_S = 0.005
PATIENCE = 8
"""Times the limit that a child may take which waits for nothing but the processor."""


@dataclass
class Outcome:
    """What became of a run."""

    code: int
    """Exit code; negative: the signal that ended it."""
    said: str
    seconds: float
    memory_mb: float
    """Peak beyond that of the parent."""
    problems: list[str] = field(default_factory=list)


def run_forked(
    run: Callable[[], int | None],
    folder: Path,
    limit_s: float = 120,
    kill_after_s: float | None = None,
    kill_with: signal.Signals = signal.SIGKILL,
) -> Outcome:
    """Run a command in a forked child, which has everything imported already.

    Args:
        run: the command; returns its exit code.
        folder: current folder of the child; its output goes to ``said.txt`` beside it.
        limit_s: time after which it counts as hanging.
        kill_after_s: kill it by then, with all its children; None: leave it alone.
        kill_with: signal that it gets then; what it leaves alone for ``limit_s`` ends it.
    """
    said = folder.with_suffix(".said.txt")
    sys.stdout.flush()
    sys.stderr.flush()
    begun = time.monotonic()
    before_mb = _resident_mb()
    gc.freeze()  # so that the child's collector does not look at, and copy, what is here already
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # until the command itself begins
    child = os.fork()
    if child == 0:
        _be_child(run, folder, said)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    status, usage = _wait(child, begun, limit_s, kill_after_s, kill_with)
    seconds = time.monotonic() - begun
    code = os.waitstatus_to_exitcode(status)
    text = said.read_text(errors="replace") if said.exists() else ""
    outcome = Outcome(code, text, seconds, max(usage.ru_maxrss * 1.024e-3 - before_mb, 0))
    if kill_after_s is None:
        outcome.problems += _problems(outcome, limit_s)
    elif TRACEBACK in text:
        outcome.problems.append("a traceback before the kill")
    elif kill_with is signal.SIGINT and outcome.code not in {*EXPECTED, INTERRUPTED}:
        outcome.problems.append(f"ended with {outcome.code} on Ctrl-C")
    return outcome


def _resident_mb() -> float:
    """Memory of this process that a fork takes along [MB]; pages of files are not."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) * 1.024e-3


def _be_child(run: Callable[[], int | None], folder: Path, said: Path) -> None:
    """Run in the child and end it; never returns."""
    code = 1
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored
        handle = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        os.chdir(folder)
        sys.stdout = open(1, "w", closefd=False)  # noqa: PTH123, SIM115
        # As Python's own: it can show whatever a name holds.
        sys.stderr = open(2, "w", errors="backslashreplace", closefd=False)  # noqa: PTH123, SIM115
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        code = run() or 0
    except KeyboardInterrupt:  # before the command's own boundary: a program is still loading then
        code = INTERRUPTED
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _wait(
    child: int,
    begun: float,
    limit_s: float,
    kill_after_s: float | None,
    kill_with: signal.Signals,
) -> tuple[int, resource.struct_rusage]:
    until = begun + (limit_s if kill_after_s is None else kill_after_s)
    while True:
        pid, status, usage = os.wait4(child, os.WNOHANG)
        if pid:
            return status, usage
        if time.monotonic() >= until:
            if kill_after_s is None and _is_starved(child, begun, limit_s):
                time.sleep(1)
                continue
            if kill_after_s is not None and kill_with is not signal.SIGKILL:
                _signal(child, kill_with)
                return _wait(child, time.monotonic(), limit_s, None, signal.SIGKILL)
            _signal(child, signal.SIGKILL)
            _, status, usage = os.wait4(child, 0)
            return status, usage
        time.sleep(POLL_S)


def _signal(child: int, number: signal.Signals) -> None:
    try:
        os.killpg(child, number)
    except ProcessLookupError:  # it has not made its group yet
        os.kill(child, number)


def _is_starved(child: int, begun: float, limit_s: float) -> bool:
    """Tell whether a child is late since other programs have the processor: no hang, for a time."""
    threads = [_stat(path) for path in Path(f"/proc/{child}/task").glob("*/stat")]
    used_s = sum(int(word) for word in _stat(Path(f"/proc/{child}/stat"))[11:13])
    used_s /= os.sysconf("SC_CLK_TCK")
    late_s = time.monotonic() - begun
    wants = any(said[0] in {"R", "D"} for said in threads)
    return wants and used_s < limit_s / 4 and late_s < PATIENCE * limit_s


def _stat(path: Path) -> list[str]:
    """The words behind a program's name, which may hold any sign; the first is its state."""
    try:
        return path.read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):  # a thread that has ended meanwhile
        return ["X", *["0"] * 20]


def _problems(outcome: Outcome, limit_s: float) -> list[str]:
    found = []
    if TRACEBACK in outcome.said:
        found.append("a traceback")
    if outcome.code == -signal.SIGKILL and outcome.seconds >= limit_s:
        found.append(f"hung for {limit_s:.0f} s")
    elif outcome.code == 70:
        found.append("told as a bug of ours")
    elif outcome.code not in EXPECTED:
        found.append(f"ended with {outcome.code}")
    if outcome.code in {1, 2} and not outcome.said.strip():
        found.append("failed without a word")
    if outcome.memory_mb > MEMORY_MB:
        found.append(f"took {outcome.memory_mb:.0f} MB more")
    return found
