"""A live session: the newest frame through the network, on screen, recorded, timed."""

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from stdnet_arch.archs.contract import contract_of
from stdnet_arch.data.recordings.recording import Frame
from stdnet_arch.inference.depth_cleaning import SensorCleaner, SensorFrame
from stdnet_arch.inference.predictor import DepthSRPredictor, Prediction
from stdnet_arch.inference.refinement import Refinement
from stdnet_arch.live.cameras import Camera, Capture, Shot
from stdnet_arch.live.latency import Latency
from stdnet_arch.live.pictures import FramePainter
from stdnet_arch.live.recorder import Recorder
from stdnet_arch.live.screens import Screen
from stdnet_arch.utils.device import processor_name
from stdnet_arch.utils.whole_file import write_json
from stdnet_arch.visual.caption import add_caption

LOGGER = logging.getLogger("stdnet_arch")
CAPTION_EVERY_S, TELL_EVERY_S = 1.0, 5.0
"""Times between renewals of figures on the screen, and in the log; they are of the last
``TELL_EVERY_S``."""


class Taken(NamedTuple):
    """A frame on its way through the network."""

    shot: Shot
    frame: Frame
    """As the camera gave it."""
    lq_m: np.ndarray
    """Depth as the network sees it, holes and all."""


class LiveSession:
    """One run of ``live``.

    Args:
        predictor: the network; it must not look ahead, or its result comes late.
        camera: camera of the session.
        screen: screen of the result.
        recorder: keeps what was shown; None: nothing is kept.
        refinement: makes depth of the RGB's size coarse, and merges the result with it.
        max_depth_m: depths beyond it are holes.
        report: JSON of rate and latency, written at the end.
        seconds: length of the session [s]; None: as long as the camera gives frames.
    """

    def __init__(  # noqa: PLR0913, PLR0917  what a session consists of
        self,
        predictor: DepthSRPredictor,
        camera: Camera,
        screen: Screen,
        recorder: Recorder | None = None,
        refinement: Refinement | None = None,
        max_depth_m: float | None = None,
        report: Path | None = None,
        seconds: float | None = None,
    ) -> None:
        self.predictor, self.camera, self.screen = predictor, camera, screen
        self.recorder, self.refinement = recorder, refinement
        self.max_depth_m, self.report, self.seconds = max_depth_m, report, seconds
        self.capture, self.latency, self.painter = Capture(camera), Latency(), FramePainter()
        self.blank = 0
        """Frames before the first one with depth."""
        # Clocks of the day may be set meanwhile; frames must stay in order.
        self._began_s = time.time() - time.monotonic()
        self._sizes: dict[str, tuple[int, int]] = {}
        self._finishing = threading.Lock()
        self._said, self._caption = "", self.predictor.describe()
        self._captioned_s = self._told_s = time.monotonic()

    def run(self) -> None:
        """Look, until the camera ends, the time is over or the window is closed.

        Raises:
            ValueError, OSError: what camera, network or disk tell.
        """
        taken: deque[Taken] = deque()
        cleaner = self.predictor.open_cleaner(self.max_depth_m)
        predictions = self.predictor.predict_prepared(
            self._prepared(taken, cleaner), made_coarse=self.refinement is not None
        )
        try:
            for prediction in predictions:
                if not self._show(taken.popleft(), prediction):
                    break
                self._tell()
        finally:
            self.capture.stop()
        for line in cleaner.report.lines(cleaner.range_m):
            LOGGER.warning(line)

    def finish(self) -> str:
        """Complete what is written; return what the session came to, in a line.

        It may be called by any thread, at any moment, more than once.
        """
        with self._finishing:
            if not self._said:
                self.capture.stop()
                self._said = self.in_words()
                if self.recorder is not None:
                    frames = self.recorder.finish()
                    self._said += f"; {frames} frames are in {self.recorder.folder}"
                if self.report is not None:
                    write_json(self.report, self.summary())
            return self._said

    def in_words(self, last_s: float | None = None) -> str:
        """Say rate, latency and drops.

        Args:
            last_s: rate and latency of so many last seconds; None: of all.
        """
        figures = self.latency.figures(last_s)
        return (
            f"{figures.rate_hz:.1f} frames/s, latency {figures.median_ms:.0f} ms (median), "
            f"{figures.p95_ms:.0f} ms (95 %); {self.latency.figures().shown} of "
            f"{self.capture.captured} frames shown, {self.capture.dropped} dropped"
        )

    def summary(self) -> dict[str, Any]:
        """List all figures, as plain values."""
        figures, net = self.latency.figures(), self.predictor.net
        contract = contract_of(net)
        return {
            "camera": self.camera.about,
            "network": self.predictor.describe(),
            "weights": self.predictor.weights.name,
            "sizes": {name: list(size) for name, size in self._sizes.items()},
            "frames": {
                "captured": self.capture.captured,
                "shown": figures.shown,
                "dropped": self.capture.dropped,
                "blank": self.blank,
            },
            "rate_hz": round(figures.rate_hz, 3),
            "latency_ms": {
                "median": round(figures.median_ms, 3),
                "p95": round(figures.p95_ms, 3),
                "largest": round(figures.largest_ms, 3),
                "first": round(figures.first_ms, 3),
            },
            "delay_frames": 0 if contract.causal else contract.halo,
            "slipped_s": round(getattr(self.camera, "slipped_s", 0.0), 3),
            "screen": self.screen.name,
            "device": str(self.predictor.device),
            "precision": self.predictor.precision,
            "runtime": self.predictor.runtime,
            "processor": processor_name(),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
        }

    def _prepared(self, taken: deque[Taken], cleaner: SensorCleaner) -> Iterator[SensorFrame]:
        """Prepare each frame that is taken for the network."""
        began_s, started = time.monotonic(), False
        for shot in self.capture.shots():
            if self.seconds is not None and time.monotonic() - began_s > self.seconds:
                return
            frame = shot.read()
            depth_m, rgb = frame
            self._sizes = {"depth": depth_m.shape, "rgb": rgb.shape[:2]}
            if self.refinement is not None:
                depth_m = self.refinement.coarse(depth_m)
                rgb = self.refinement.padded_rgb(rgb)
            self._sizes["lq"] = depth_m.shape
            started = started or bool(cleaner.measured(depth_m).any())
            if not started:  # nothing to fill holes from: a camera that warms up
                self.blank += 1
                continue
            taken.append(Taken(shot, frame, depth_m))
            yield SensorFrame(*cleaner.clean(depth_m), rgb)

    def _tell(self) -> None:
        """Renew the line on the screen, and say it to the user, every now and then."""
        now_s = time.monotonic()
        if now_s - self._captioned_s >= CAPTION_EVERY_S:
            self._captioned_s, self._caption = now_s, self.in_words(TELL_EVERY_S)
        if now_s - self._told_s >= TELL_EVERY_S:
            self._told_s = now_s
            LOGGER.info("%s", self._caption)

    def _show(self, taken: Taken, prediction: Prediction) -> bool:
        """Draw, show, time and record a frame; False if whoever looked has closed the screen."""
        depth_m, rgb = taken.frame
        if self.refinement is not None:
            prediction = self.refinement.finish(prediction, depth_m)
        picture = self.painter.draw(rgb, taken.lq_m, prediction)
        going_on = self.screen.show(add_caption(picture, self._caption))
        now_s = time.monotonic()
        self.latency.add(taken.shot.captured_s, now_s)
        if self.recorder is not None:
            self.recorder.add(self._began_s + taken.shot.captured_s, taken.frame, prediction)
        return going_on
