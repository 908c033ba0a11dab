"""The quantisation step of one clip: found in its first frame, told to the network."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

from stdnet_arch.inference.depth_cleaning import SensorFrame
from stdnet_arch.utils.depth_step import step_to_tell_m, takes_step

LOGGER = logging.getLogger(__name__)


class ClipStep:
    """Knowledge of the steps of one clip.

    Args:
        net: the network, which may have no use for it.
        range_m: depth [m] that the network knows as 1.
        step_m: the step [m] if the user says it; 0: none. None: the first frame with depth shows
            it.
    """

    def __init__(self, net: nn.Module, range_m: float, step_m: float | None = None) -> None:
        self.net: Any = net
        self.range_m, self.step_m = range_m, step_m
        self.seen = step_m is not None or not takes_step(net)
        self.running = False

    def see(self, frame: SensorFrame) -> None:
        """Find the step in the first frame with depth; a network that runs knows it at once."""
        if self.seen or not frame.measured.any():
            return
        self.seen, self.step_m = True, step_to_tell_m(frame.lq_m[frame.measured])
        LOGGER.info("steps of the depth: %s (found in the first frame)", self.in_words())
        if self.running:
            self._tell()

    @contextmanager
    def told(self) -> Iterator[None]:
        """Tell the network what is known so far, for a while."""
        if not takes_step(self.net):
            yield
            return
        before, self.running = self.net.step, True
        try:
            self._tell()
            yield
        finally:
            self.net.step, self.running = before, False

    def _tell(self) -> None:
        if self.step_m is not None:
            self.net.step = self.step_m / self.range_m

    def in_words(self) -> str:
        """The step for people."""
        if self.step_m is None:
            return "unknown"
        return f"{100 * self.step_m:.3g} cm" if self.step_m else "none"
