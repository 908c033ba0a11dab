"""What the drivers of all areas have in common."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .sandbox import Sandbox
from .trial import Outcome, run_forked


@dataclass
class Trial:
    """One thing to try."""

    name: str
    """Area, file and way."""
    prepare: Callable[[], None]
    """Makes the fault; the inputs are whole before."""
    run: Callable[[], int | None]
    """The command."""
    judge: Callable[[Outcome], list[str]] = lambda _: []
    """Tells what is wrong with the result of a run that kept the promises of all commands."""
    refused: bool = False
    """It must be refused: an exit code of 0 is a loss."""


Kinds = tuple[Callable[[], Trial], ...]


@dataclass
class Count:
    """Inputs or kills of one area."""

    tried: int = 0
    survived: int = 0
    lost: list[str] = field(default_factory=list)

    def add(self, name: str, problems: list[str]) -> None:
        """Count one more."""
        self.tried += 1
        if problems:
            self.lost.append(f"{name}: {'; '.join(problems)}")
        else:
            self.survived += 1


class Driver:
    """Faults of one area.

    Args:
        root: an empty folder.
        seed: of all draws.
    """

    name = ""

    def __init__(self, root: Path, seed: int) -> None:
        self.box = Sandbox(root)
        self.draw = random.Random(f"{self.name} {seed}")
        self.make_inputs()
        self.whole = {p: p.read_bytes() for p in self.box.inputs.rglob("*") if p.is_file()}

    def make_inputs(self) -> None:
        """Write whole inputs, and whatever results are compared with."""
        raise NotImplementedError

    def kinds(self) -> Kinds:
        """Return what draws an input of each kind."""
        raise NotImplementedError

    def trials(self) -> Iterator[Trial]:
        """Return inputs to try, without end: all kinds in turn."""
        while True:
            for draw in self.kinds():
                yield draw()

    def kill(self) -> tuple[str, list[str]]:
        """Kill a command somewhere, go on, and tell how the result differs."""
        raise NotImplementedError

    def restore(self) -> None:
        """Make the inputs whole again."""
        for path in self.box.inputs.rglob("*"):
            if not path.is_dir() and path not in self.whole:
                path.unlink()
        for path, data in self.whole.items():
            if path.is_dir() and not path.is_symlink():
                path.rmdir()  # a trial put it in the place of a file
            if path.is_symlink() or not path.is_file() or path.read_bytes() != data:
                path.unlink(missing_ok=True)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)

    def try_one(self, trial: Trial) -> list[str]:
        """Make the fault, run the command, and tell which promises were broken."""
        self.restore()
        self.box.fresh_work()
        trial.prepare()
        before = self.box.digest()
        outcome = run_forked(trial.run, self.box.work)
        problems = outcome.problems + self.box.differences(before)
        if trial.refused and outcome.code == 0:
            problems.append("was not refused")
        if not problems:
            problems += trial.judge(outcome)
        if problems:
            problems.append(f"said {' '.join(outcome.said.split())[-300:]!r}")
        return problems
