"""Errors of a clip against its ground truth: a picture per frame, an x-t slice, two numbers.

The clip is gone through twice, a frame at a time, so that its length does not matter.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.utils.whole_file import whole_file
from stdnet_arch.visual import figure as sheet
from stdnet_arch.visual.colorize import colorize_error, error_cm
from stdnet_arch.visual.strips import save_png
from stdnet_arch.visual.temporal_profile import draw_slices

Depth = NDArray[np.floating]

SUMMARY = "errors.json"
SLICE = "slice.png"


class TruthFrame(NamedTuple):
    """One frame."""

    name: str
    rgb: NDArray[np.uint8]
    """``(H, W, 3)``."""
    pred_m: Depth
    """Depth [m], ``(H, W)``."""
    gt_m: Depth
    """True depth [m], ``(H, W)``; not finite or not > 0 is unknown."""


@dataclass
class ErrorSummary:
    """Errors of a clip, gathered frame by frame."""

    count: int = 0
    squares: float = 0.0
    total: float = 0.0
    limit_cm: float = 1.0
    slices: dict[str, list[NDArray]] = field(default_factory=dict)

    def add(self, frame: TruthFrame) -> None:
        """Take one more frame."""
        error = error_cm(frame.pred_m, frame.gt_m)
        known = error[~np.isnan(error)].astype(np.float64)
        self.count += known.size
        self.squares += float(np.square(known).sum())
        self.total += float(known.sum())
        if known.size:
            self.limit_cm = max(self.limit_cm, sheet.round_up(float(np.percentile(known, 95))))
        row = len(frame.pred_m) // 2
        lines = {"RGB": frame.rgb, "prediction": frame.pred_m, "ground truth": frame.gt_m}
        for name, picture in lines.items():
            self.slices.setdefault(name, []).append(np.array(picture[row]))

    def numbers(self) -> dict[str, float | int | None]:
        """RMSE and MAE [cm] over all known pixels, and the error of the last colour [cm]."""
        if not self.count:
            return {"rmse_cm": None, "mae_cm": None, "pixels": 0, "limit_cm": self.limit_cm}
        rmse_cm, mae_cm = (self.squares / self.count) ** 0.5, self.total / self.count
        return {
            "rmse_cm": rmse_cm, "mae_cm": mae_cm, "pixels": self.count, "limit_cm": self.limit_cm,
        }  # fmt: skip


def write_errors(
    folder: Path,
    frames: Callable[[], Iterable[TruthFrame]],
    about: str,
    unit: str | float | None = None,
) -> dict[str, float | int | None]:
    """Write ``<name>.png`` for each frame, ``slice.png`` and, last, ``errors.json``.

    Pictures are black where there is no error, bright at ``limit_cm`` and more, grey where the
    truth is unknown. The range is the same for all frames.

    Args:
        folder: target folder.
        frames: starts the clip again at each call; each goes through all frames.
        about: name of the truth, stored in ``errors.json``.
        unit: unit of the stored truth, if somebody chose it; stored, too.

    Returns:
        ``rmse_cm``, ``mae_cm``, ``pixels`` and ``limit_cm``.

    Raises:
        ValueError: prediction and truth differ in size, or there is no frame.
    """
    summary, first = ErrorSummary(), None
    for frame in frames():
        first = first if first is not None else frame.rgb
        summary.add(frame)
    if first is None:
        raise ValueError("errors need at least one frame, got none")
    for frame in frames():
        error = error_cm(frame.pred_m, frame.gt_m)
        save_png(folder / f"{frame.name}.png", colorize_error(error, summary.limit_cm))
    numbers = summary.numbers()
    if summary.count:
        lines = {name: np.stack(slices) for name, slices in summary.slices.items()}
        picture = draw_slices(first, lines.pop("RGB"), lines, len(first) // 2)
        save_png(folder / SLICE, picture)
    with whole_file(folder / SUMMARY) as part:
        chosen = {} if unit is None else {"unit": unit}
        part.write_text(json.dumps({"gt": about, **chosen, **numbers}, indent=2) + "\n")
    return numbers
