"""Calibration of expected errors against those that are made, by deciles of the expected."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

EDGES_M = np.geomspace(1e-4, 10.0, 161)
"""Borders of the bins of expected errors [m]: finer than a decile of any scene."""
DECILES = 10


class Calibration(NamedTuple):
    """Pixels by the error that was expected of them."""

    counts: NDArray[np.int64]
    """Pixels of each bin."""
    expected_m: NDArray[np.float64]
    """Sum of expected errors [m] of each bin."""
    true_m: NDArray[np.float64]
    """Sum of true absolute errors [m] of each bin."""

    def as_lists(self) -> dict[str, list[Any]]:
        """Turn it into plain values; :func:`read_calibration` reads them."""
        return {name: value.tolist() for name, value in self._asdict().items()}

    def deciles_cm(self) -> list[tuple[float, float]]:
        """Compute mean expected and mean true error [cm] of each tenth of the pixels.

        Bins are shared out between tenths by their pixels, so that each has equally many.
        """
        total = self.counts.sum()
        stops = np.cumsum(self.counts)
        starts = stops - self.counts
        found = []
        for i in range(DECILES):
            low, high = total * i / DECILES, total * (i + 1) / DECILES
            inside = np.clip(np.minimum(stops, high) - np.maximum(starts, low), 0, None)
            share = inside / np.maximum(self.counts, 1)
            pixels = max(float(inside.sum()), 1.0)
            sums = self.expected_m @ share, self.true_m @ share
            found.append((100 * float(sums[0]) / pixels, 100 * float(sums[1]) / pixels))
        return found


def calibrate(
    expected_m: NDArray[np.floating], true_m: NDArray[np.floating], valid: NDArray[np.bool_]
) -> Calibration:
    """Sort the valid pixels into bins.

    Args:
        expected_m: expected absolute error [m], any shape.
        true_m: true absolute error [m], the same shape.
        valid: mask of the pixels that count.

    Raises:
        ValueError: an expected error of a valid pixel is negative or not finite.
    """
    expected, true = (np.asarray(x, np.float64)[valid] for x in (expected_m, true_m))
    if not np.isfinite(expected).all() or (expected < 0).any():
        raise ValueError("expected errors must be finite and >= 0; got others")
    index = np.searchsorted(EDGES_M, expected)
    bins = len(EDGES_M) + 1
    counts = np.bincount(index, minlength=bins)
    sums = [np.bincount(index, weights, bins).astype(np.float64) for weights in (expected, true)]
    return Calibration(counts, *sums)


def read_calibration(lists: dict[str, list[Any]]) -> Calibration:
    """Read what :meth:`Calibration.as_lists` made."""
    return Calibration(**{name: np.asarray(value) for name, value in lists.items()})


def pool(parts: Sequence[Calibration]) -> Calibration:
    """Add up scenes: every pixel counts alike."""
    return Calibration(*(np.sum(values, axis=0) for values in zip(*parts, strict=True)))
