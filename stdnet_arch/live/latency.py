"""Rate and latency of a live session."""

from array import array
from typing import NamedTuple

import numpy as np


class Figures(NamedTuple):
    """Result of a session."""

    shown: int
    rate_hz: float
    """Frames per second, from the first one on screen to the last; 0 for fewer than two."""
    median_ms: float
    """Median time from capture to the result on screen."""
    p95_ms: float
    """95 % of the frames came sooner."""
    largest_ms: float
    first_ms: float
    """Latency of the first frame, which takes longer: memory and libraries are made ready."""


class Latency:
    """Collects the latency of each frame: 16 bytes a frame."""

    def __init__(self) -> None:
        self._latency_s, self._shown_s = array("d"), array("d")

    def add(self, captured_s: float, shown_s: float) -> None:
        """Count a frame; both times by one clock."""
        self._latency_s.append(shown_s - captured_s)
        self._shown_s.append(shown_s)

    def figures(self, last_s: float | None = None) -> Figures:
        """Sum up.

        Args:
            last_s: only frames of so many last seconds; None: all.
        """
        latency_s, shown_s = np.array(self._latency_s), np.array(self._shown_s)
        if last_s is not None and len(shown_s):
            recent = shown_s >= shown_s[-1] - last_s
            latency_s, shown_s = latency_s[recent], shown_s[recent]
        if not len(shown_s):
            return Figures(0, 0.0, 0.0, 0.0, 0.0, 0.0)
        length_s = float(shown_s[-1] - shown_s[0])
        rate_hz = (len(shown_s) - 1) / length_s if length_s > 0 else 0.0
        median, p95, largest = 1000 * np.percentile(latency_s, [50, 95, 100])
        first = 1000 * float(latency_s[0])
        return Figures(len(shown_s), rate_hz, float(median), float(p95), float(largest), first)
