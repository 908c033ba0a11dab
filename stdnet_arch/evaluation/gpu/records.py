"""Results that are on disk as soon as they are known, one JSON object a line."""

import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

Record = dict[str, Any]


@dataclass
class ResultRecorder:
    """Appends results to a file and stops in time.

    Args:
        path: the file of lines, or None to write only to standard output.
        seconds: after which nothing new is begun.
    """

    path: Path | None
    seconds: float = math.inf
    began: float = field(default_factory=time.monotonic)

    def write(self, **record: Any) -> None:  # noqa: ANN401  whatever JSON knows
        """Write a line that no crash can take back."""
        record["at_s"] = time.monotonic() - self.began
        line = json.dumps({key: _plain(value) for key, value in record.items()})
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
        if self.path is not None:
            with self.path.open("a", encoding="utf-8") as stream:
                stream.write(line + "\n")
                stream.flush()
                os.fsync(stream.fileno())

    def left(self) -> float:
        """Seconds left."""
        return self.seconds - (time.monotonic() - self.began)

    def attempt(self, about: Record, run: Callable[[], Record], device: torch.device) -> None:
        """Write what ``run`` finds, or why it failed; nothing is run once time is up.

        Args:
            about: name of the measurement.
            run: measures it.
            device: device that gives back its unused memory afterwards.
        """
        if self.left() <= 0:
            self.write(**about, skipped="no time left")
            return
        try:
            found = run()
        except Exception as error:  # noqa: BLE001  whatever one does, the others are measured
            lines = f"{type(error).__name__}: {error}".splitlines()
            found = {"failed": " / ".join(lines[:3])[:400]}
        self.write(**about, **found)
        if device.type == "cuda":
            torch.cuda.empty_cache()


def read_records(path: Path) -> list[Record]:
    """The lines of a file that may end in the middle of one; none if there is no file."""
    return list(
        _whole_lines(path.read_text(encoding="utf-8").splitlines() if path.exists() else [])
    )


def _whole_lines(lines: Iterable[str]) -> Iterator[Record]:
    for line in lines:
        if line.endswith("}"):
            yield json.loads(line)


def _plain(value: Any) -> Any:  # noqa: ANN401
    """Numbers as JSON knows them: NaN and infinity are null, floats have five digits."""
    if isinstance(value, float):
        return float(f"{value:.5g}") if math.isfinite(value) else None
    return value
