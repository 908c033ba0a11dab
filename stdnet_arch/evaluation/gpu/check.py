"""All steps of the check one after the other: a hang or crash of one takes nothing from others."""

import contextlib
import importlib.util
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from stdnet_arch.evaluation.gpu.records import Record, ResultRecorder, read_records
from stdnet_arch.utils.tables import Table
from stdnet_arch.utils.whole_file import whole_file

ROOT = Path(__file__).resolve().parents[3]
GRACE_S = 6.0
"""Between the request to end and the end; also what a step keeps for its last measurement."""
LIMITS_S = {"main": 75.0, "parity": 130.0, "training": 45.0, "compiled": 100.0, "others": 70.0,
            "operators": 30.0, "ceilings": 45.0}  # fmt: skip
"""The steps in their order, and how long each may take."""
GROUPS = {"parity": ("parity",), "train": ("training",),
          "speed": ("main", "compiled", "others", "operators", "ceilings")}  # fmt: skip
FIRST = "tests/test_devices.py"
"""It holds the longest test."""
USES = re.compile(r"mark\.gpu|def \w+\([^)]*\bdevice\b")
"""In a file whose tests may need a card."""
VERDICT = re.compile(r"\b(PASSED|FAILED|ERROR|SKIPPED)\b +(tests/\S+)|(tests/\S+) +(PASSED|FAILED|ERROR|SKIPPED)\b")  # fmt: skip  # noqa: E501


@dataclass(frozen=True)
class Check:
    """Choice of what is run.

    Args:
        out: the folder of ``records.jsonl``, ``log.txt`` and ``gpu_check.md``; made.
        device: ``auto``, ``cpu`` or ``cuda``.
        tiny: small networks and few tests: a trial of all steps.
        only: groups of steps, of ``GROUPS``, or steps, of ``LIMITS_S``.
        minutes: for all of them together.
    """

    out: Path
    device: str = "auto"
    tiny: bool = False
    only: tuple[str, ...] = tuple(GROUPS)
    minutes: float = 4.0

    def __post_init__(self) -> None:
        """Refuse unknown names."""
        known = (*GROUPS, *LIMITS_S)
        if not self.only or set(self.only) - set(known):
            raise ValueError(f"only takes some of {', '.join(known)}; got {self.only}")

    @property
    def records(self) -> Path:
        """The file of results."""
        return self.out / "records.jsonl"

    def steps(self) -> list[str]:
        """The names of the steps, in order."""
        wanted = {step for name in self.only for step in GROUPS.get(name, (name,))}
        return [step for step in LIMITS_S if step in wanted]

    def command(self, step: str, seconds: float) -> list[str]:
        """Build the command that runs a step for at most so long."""
        if step == "parity":
            return [sys.executable, "-m", "pytest", *self._tests()]
        begin = max(seconds - GRACE_S, 1.0)
        command = [sys.executable, "-m", "stdnet_arch.evaluation.gpu.step", step]
        command += ["--records", str(self.records), "--device", self.device]
        return [*command, "--seconds", f"{begin:.0f}", *(["--tiny"] if self.tiny else [])]

    def _tests(self) -> list[str]:
        options = ["-v", "-rfE", "--tb=short", "-p", "no:cacheprovider"]
        options.append("--continue-on-collection-errors")
        if self.tiny:
            return [*options, "tests/ops/test_fold.py"]
        several = importlib.util.find_spec("xdist") is not None
        workers = min(max((os.cpu_count() or 1) - 2, 1), 10)
        return [
            *options,
            *(["-n", str(workers)] if several else []),
            "-m",
            "gpu and not slow",
            *files_for_a_card(),
        ]


def run_check(check: Check) -> bool:
    """Run the steps, write the records, and print a table.

    Returns:
        Whether all steps ended well and nothing failed.
    """
    check.out.mkdir(parents=True, exist_ok=True)
    recorder = ResultRecorder(check.records, 60 * check.minutes)
    for step in check.steps():
        seconds = recorder.left() if check.tiny else min(LIMITS_S[step], recorder.left())
        if seconds < 2 * GRACE_S:
            recorder.write(what="step", name=step, skipped="no time left")
            continue
        began = time.monotonic()
        code, text = _run(check.command(step, seconds), seconds, check.out / "log.txt")
        if step == "parity":
            recorder.write(what="parity", **verdicts(text.splitlines()))
        recorder.write(what="step", name=step, code=code, seconds=time.monotonic() - began)
    records = read_records(check.records)
    text = summary(records)
    with whole_file(check.out / "gpu_check.md") as part:
        part.write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return is_well(records)


def _run(command: Sequence[str], seconds: float, log: Path) -> tuple[int, str]:
    """Run a command and end it with all its children when time is up; its code and its words."""
    with log.open("a", encoding="utf-8") as stream:
        stream.write(f"\n$ {' '.join(command)}\n")
        stream.flush()
        start = stream.tell()
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        process = subprocess.Popen(
            command, stdout=stream, stderr=subprocess.STDOUT, cwd=ROOT, env=environment,
            start_new_session=True,
        )  # fmt: skip
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            code = _end(process)
        except BaseException:  # Ctrl-C: it is in a session of its own, and would continue
            os.killpg(process.pid, signal.SIGKILL)
            raise
    with log.open(encoding="utf-8", errors="replace") as stream:
        stream.seek(start)
        return code, stream.read()


def _end(process: subprocess.Popen[bytes]) -> int:
    """Ask a process to end, then make it and all its children; 124, as ``timeout`` says it."""
    os.killpg(process.pid, signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return 124


def files_for_a_card() -> list[str]:
    """The test files that may hold tests for a card: to collect all would take half of the time."""
    paths = sorted((ROOT / "tests").rglob("test_*.py"))
    found = [path for path in paths if USES.search(path.read_text(encoding="utf-8"))]
    names = [path.relative_to(ROOT).as_posix() for path in found]
    return sorted(names, key=lambda name: name != FIRST)


def verdicts(lines: Iterable[str]) -> Record:
    """Count tests that passed, failed and were skipped, and name the failed, by pytest's lines."""
    found: dict[str, str] = {}
    for line in lines:
        match = VERDICT.search(line)
        if match:
            found[match[2] or match[3]] = match[1] or match[4]
    counts = {word.lower(): 0 for word in ("PASSED", "FAILED", "ERROR", "SKIPPED")}
    for verdict in found.values():
        counts[verdict.lower()] += 1
    bad = sorted(test for test, verdict in found.items() if verdict in {"FAILED", "ERROR"})
    return {**counts, "which": bad}


def is_well(records: Iterable[Record]) -> bool:
    """Tell whether every step ended well and no measurement or test failed."""
    return not any(
        record.get("failed") or record.get("error", 0) and record["what"] == "parity"
        or record.get("code")
        for record in records
    )  # fmt: skip


def summary(records: Sequence[Record]) -> str:
    """Short tables of all that is there, as markdown."""
    parts = [_section(records, *each) for each in _TABLES]
    troubles = [
        str(r) for r in records if r.get("failed") or (r["what"] == "step" and r.get("code"))
    ]
    return "\n".join(
        [*filter(None, parts), *(f"- not well: {line[:300]}" for line in troubles), ""]
    )


_TABLES = (
    ("machine", ("gpu", "driver", "torch", "cuda", "cudnn", "compiler")),
    ("parity", ("passed", "failed", "error", "skipped", "which")),
    ("ceiling", ("name", "precision", "tflops", "gb_per_s")),
    ("operator", ("name", "backend", "precision", "direction", "ms")),
    ("speed", ("network", "size", "form", "frames", "ms_per_frame", "frames_per_second",
               "peak_mb", "error", "failed", "skipped")),
    ("training", ("network", "precision", "checkpoint", "ms_per_step", "peak_mb", "last_loss",
                  "failed", "skipped")),
    ("step", ("name", "seconds", "code", "skipped")),
)  # fmt: skip


def _section(records: Sequence[Record], what: str, columns: tuple[str, ...]) -> str:
    rows = [record for record in records if record["what"] == what]
    used = [name for name in columns if any(name in row for row in rows)]
    cells = [tuple(_cell(row.get(name)) for name in used) for row in rows]
    return f"{what}\n\n{Table(used, cells).markdown()}" if rows else ""


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)[:160]
