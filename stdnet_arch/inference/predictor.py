"""Frames and metres in, metres out: any number of frames, any two sizes, holes and all."""

import hashlib
import logging
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stdnet_arch.archs.checkpoints.loading import load_network
from stdnet_arch.archs.contract import contract_of
from stdnet_arch.data.recordings.recording import Frame
from stdnet_arch.inference.clip_step import ClipStep
from stdnet_arch.inference.depth_checks import OutsideCount, check_possible
from stdnet_arch.inference.depth_cleaning import SensorCleaner, SensorFrame
from stdnet_arch.inference.lq_origin import ORIGINS, Origin, OriginAdvice
from stdnet_arch.inference.memory_errors import is_memory_error, memory_advice
from stdnet_arch.inference.precision import (
    Precision,
    check_precision,
    in_precision,
    lay_out,
)
from stdnet_arch.inference.self_ensemble import mirrored, name_of
from stdnet_arch.inference.sizes import SizePlan, enlarge_mask, plan_sizes
from stdnet_arch.inference.streams.cut_error import measure_difference
from stdnet_arch.inference.streams.openvino_stream import Runtime, open_runtime
from stdnet_arch.inference.streams.push_stream import Outputs
from stdnet_arch.inference.streams.streaming import (
    check_streamable,
    outputs_of,
    runs_exactly,
    stream_outputs,
)
from stdnet_arch.inference.streams.tiles import check_tiles
from stdnet_arch.utils.device import choose_device
from stdnet_arch.weights.choice import Choice, choose
from stdnet_arch.weights.shipped import find_weights

LOGGER = logging.getLogger(__name__)
DEFAULT_SCALE = 4
"""Ratio of RGB to depth that stands for an unknown one."""
COMPARED = 3
"""Frames on which tiles are compared with the whole, if nothing else is asked for."""
T = TypeVar("T")


class Prediction(NamedTuple):
    """One frame of the result."""

    depth_m: NDArray[np.float32]
    """Depth [m], ``(H, W)``, at the size of the RGB."""
    measured: NDArray[np.bool_]
    """Pixels where the sensor's pixel below held depth, ``(H, W)``; elsewhere the network
    guessed."""
    error_m: NDArray[np.float32] | None = None
    """Absolute error that the network expects [m], ``(H, W)``; None: it expects none."""


class DepthSRPredictor:
    """Super-resolves depth video with a checkpoint.

    Args:
        weights: a checkpoint of ours (``.pth`` or ``.safetensors``), an official one, or the name
            of shipped weights. None: shipped weights are chosen by ``scale`` and ``sensor``, and a
            message says which and why (:attr:`choice`).
        device: ``auto`` (CUDA if there is any), ``cpu``, ``cuda``, ``cuda:1``.
        scale: H / h; for a checkpoint that does not say it, and for the choice (4 if not given).
        num_feat: channels; only for a checkpoint that does not say it.
        depth_range_m: depth [m] that the network knows as 1; wins over the checkpoint's.
        precision: ``float32``, ``bf16`` or, on CUDA, ``fp16``: what convolutions multiply in where
            PyTorch deems it safe.
        runtime: ``pytorch``, or ``openvino`` (an extra): the same results on a CPU, frame by frame,
            in less time for networks of few channels; it compiles for some seconds.
        chunk: frames that go through the network at once; does not change the result, and fills a
            card (8 or more).
        overlap: frames of context on each side of a chunk, only for a network without finite
            ``halo``; not exact.
        tile: cut frames into tiles of so many depth pixels; not exact, and said how far off.
        tile_overlap: depth pixels that neighbouring tiles share; None: a quarter of ``tile``.
        compare: before a clip, run so many of its first frames as a whole, too, and say how far
            overlap and tiles are from that; None: a few if there are tiles, else none.
        any_ratio: resample also recordings that are just made for a network of another scale.
        sensor: kind of the depth sensor (``dtof``, ``clean``, ``phone``, ``realsense``), for the
            choice of shipped weights; None: unknown.
        step_m: quantisation step of the depth [m], for networks that want to know it; 0: none.
            None: it is found in the first frame of each clip.
        lq_origin: pixel of its block of RGB pixels that a depth pixel shows: ``middle``, or
            ``first`` for depth made by ``depth[::4, ::4]`` or a ``nearest`` of cv2 or PyTorch.
        self_ensemble: average the answers to the clip and its three mirror images; four times as
            slow.
        reason: why these weights were chosen, if the user did not; said in the opening line.

    Raises:
        FileNotFoundError, TypeError, ValueError: the checkpoint or the device cannot be used, or
            the clip cannot be cut as asked.

    Example:
        >>> predictor = DepthSRPredictor("plane_blend_x4", device="cpu")
        >>> depth_m = np.linspace(1, 3, 2 * 12 * 16).reshape(2, 12, 16)  # two frames
        >>> rgb = np.zeros((2, 48, 64, 3), np.uint8)
        >>> predictor.predict(depth_m, rgb).shape
        (2, 48, 64)
    """

    def __init__(  # noqa: PLR0913  one keyword per choice of the user
        self,
        weights: str | Path | None = None,
        device: str = "auto",
        *,
        scale: int | None = None,
        num_feat: int | None = None,
        depth_range_m: float | None = None,
        precision: Precision = "float32",
        runtime: Runtime = "pytorch",
        chunk: int = 1,
        overlap: int | None = None,
        tile: int | None = None,
        tile_overlap: int | None = None,
        compare: int | None = None,
        any_ratio: bool = False,
        sensor: str | None = None,
        step_m: float | None = None,
        lq_origin: Origin = "middle",
        self_ensemble: bool = False,
        reason: str = "",
    ) -> None:
        if chunk < 1:
            raise ValueError(f"chunk must be at least 1 frame, got {chunk}")
        if step_m is not None and not step_m >= 0:
            raise ValueError(f"step_m must be at least 0 metres, got {step_m}")
        if lq_origin not in ORIGINS:
            raise ValueError(f"lq_origin must be {' or '.join(ORIGINS)}; got {lq_origin!r}")
        self.device = choose_device(device)
        check_precision(precision, self.device)
        self.choice: Choice | None = None
        self.reason = reason
        if weights is None:
            self.choice = choose(scale or DEFAULT_SCALE, sensor)
            self.reason = self.choice.reason
            LOGGER.warning(self.reason)
            weights, scale = self.choice.shipped.path, None
        weights = find_weights(weights)
        loaded = load_network(weights, scale, num_feat, depth_range_m)
        self.net = loaded.net.to(self.device)
        lay_out(self.net, self.device, precision)
        self.scale = loaded.scale
        self.depth_range_m = loaded.depth_range_m
        self.about = loaded.about
        self.precision: Precision = precision
        self.weights = weights
        self.step_m, self.lq_origin = step_m, lq_origin
        self.chunk = chunk
        self.overlap, self.tile, self.tile_overlap = overlap, tile, tile_overlap
        self.compare = (COMPARED if tile else 0) if compare is None else compare
        self.any_ratio = any_ratio
        self._check_cutting()
        self.runtime: Runtime = runtime
        self.net = mirrored(self.net, self.about, lq_origin) if self_ensemble else self.net
        cut = chunk > 1 or bool(self.compare or tile or self_ensemble) or overlap is not None
        plain = precision == "float32" and self.device.type == "cpu" and not cut
        self._compiled = open_runtime(self.net, runtime, plain)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the checkpoint: the same weights, wherever they lie."""
        return hashlib.sha256(self.weights.read_bytes()).hexdigest()

    def predict(self, depth_m: NDArray[np.floating], rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Super-resolve a clip in memory.

        Args:
            depth_m: low-resolution depth [m], ``(t, h, w)``; holes are 0, NaN or inf.
            rgb: colours of the same view, ``(t, H, W, 3)``, uint8, RGB; if ``H`` is not ``scale *
                h``, it is resampled, and a message says so.

        Returns:
            Depth [m], ``(t, H, W)``.

        Raises:
            TypeError, ValueError: shapes or dtypes that do not fit; the message names both.
        """
        if depth_m.ndim != 3 or rgb.ndim != 4 or len(depth_m) != len(rgb):
            raise ValueError(
                f"depth_m must be (t, h, w) and rgb (t, H, W, 3) of as many frames; got "
                f"{depth_m.shape} and {rgb.shape}"
            )
        pairs = zip(depth_m, rgb, strict=True)
        depths = [prediction.depth_m for prediction in self.predict_frames(pairs)]
        return np.stack(depths) if depths else np.zeros(rgb.shape[:3], np.float32)

    def predict_frames(
        self, frames: Iterable[Frame], max_m: float | None = None
    ) -> Iterator[Prediction]:
        """Super-resolve a clip of any, even unknown length lazily, in constant memory.

        Args:
            frames: depth [m] ``(h, w)`` and RGB ``(H, W, 3)`` uint8 of each frame, in order.
            max_m: depths beyond it are holes [m].

        Yields:
            The frames of the result, in order, some frames behind (8 with STDNet).
        """
        cleaner = self.open_cleaner(max_m)
        yield from self.predict_prepared(cleaner.frames(frames))
        for line in cleaner.report.lines(cleaner.range_m):
            LOGGER.warning(line)

    def open_cleaner(
        self, max_m: float | None = None, first_m: NDArray[np.floating] | None = None
    ) -> SensorCleaner:
        """Make what prepares the frames of one clip for this network.

        Args:
            max_m: depths beyond it are holes [m].
            first_m: the first frame of the clip that holds depth, if it is known [m].
        """
        contract = contract_of(self.net)
        return SensorCleaner(
            self.depth_range_m,
            max_m,
            first_m,
            keep_holes=contract.takes_holes,
            any_range=contract.any_range,
        )

    def predict_prepared(
        self,
        frames: Iterable[SensorFrame],
        first: SensorFrame | None = None,
        made_coarse: bool = False,
    ) -> Generator[Prediction, None, None]:
        """As :meth:`predict_frames`, for frames that :meth:`open_cleaner` has prepared.

        Args:
            frames: frames of one clip, in order.
            first: the clip's first frame with depth, if ``frames`` begin later; it shows the step.
            made_coarse: depth was made by a ``Refinement``, which shows the middle of its blocks.

        Raises:
            MemoryError: the device's memory is not enough; the message says what helps.
        """
        plan: SizePlan | None = None
        waiting: deque[tuple[SizePlan, SensorFrame]] = deque()
        outside = OutsideCount()
        step = ClipStep(self.net, self.depth_range_m, self.step_m)
        advice = OriginAdvice(needed=self.lq_origin == "middle" and not made_coarse)
        if first is not None:
            step.see(first)

        def inputs() -> Iterator[tuple[Tensor, Tensor]]:
            nonlocal plan
            for frame in frames:
                plan = self._plan(plan, frame)
                step.see(frame)
                waiting.append((plan, frame))
                yield advice.see(*self._to_network(plan, frame))

        @contextmanager
        def context() -> Iterator[None]:
            with in_precision(self.precision, self.device), step.told():
                yield

        try:
            for number, outputs in enumerate(_under(context, self._stream(inputs()))):
                sizes, frame = waiting.popleft()
                yield self._to_prediction(sizes, frame, outputs, outside, number)
            for line in outside.lines():
                LOGGER.warning(line)
        except RuntimeError as error:
            if plan is None or not is_memory_error(error):
                raise
            cut = self.chunk, self.tile, self.precision, self.runtime
            raise MemoryError(memory_advice(self.device, plan.net, *cut)) from error

    def describe(self) -> str:
        """Say which network it is and what it was chosen for, for people."""
        limit = "" if contract_of(self.net).any_range else f", up to {self.depth_range_m:g} m"
        chosen = f"; {self.reason}" if self.reason else ""
        return f"{name_of(self.net)} x{self.scale}{limit} ({self.weights.name}{chosen})"

    def _to_prediction(
        self,
        sizes: SizePlan,
        frame: SensorFrame,
        outputs: Outputs,
        outside: OutsideCount,
        number: int,
    ) -> Prediction:
        maps = {
            name: (sizes.from_network(value)[0] * self.depth_range_m).cpu().numpy()
            for name, value in outputs.items()
        }
        pred_m = maps["pred"]
        if frame.measured.any():
            check_possible(pred_m, number, self.depth_range_m)
        # A mean of measured surfaces stays among them by itself.
        if not contract_of(self.net).any_range:
            pred_m = outside.clip(pred_m, frame.lq_m)
        measured = enlarge_mask(frame.measured, sizes.rgb)
        return Prediction(pred_m, measured, maps.get("error"))

    def _stream(self, frames: Iterator[tuple[Tensor, Tensor]]) -> Iterator[Outputs]:
        """The network on a stream, cut as asked; before that, what the cutting costs."""
        cutting = (self.chunk, self.overlap, self.tile, self.tile_overlap)
        first = list(islice(frames, min(self.compare, sys.maxsize)))
        if first:
            LOGGER.warning(self._compare(first, cutting))
        if self._compiled is not None:
            yield from outputs_of(self._compiled.open(), frames)
            return
        yield from stream_outputs(self.net, chain(first, frames), *cutting)

    def _compare(
        self,
        frames: list[tuple[Tensor, Tensor]],
        cutting: tuple[int, int | None, int | None, int | None],
    ) -> str:
        """Say how far cutting changes the result."""
        kind = (
            f"tiles of {self.tile} depth pixels" if self.tile else f"chunks of {self.chunk} frames"
        )
        try:
            difference = measure_difference(self.net, frames, *cutting)
        except torch.OutOfMemoryError:
            return f"{kind}: the whole does not fit, so that no difference can be measured"
        return f"{kind}: {difference.in_words(self.depth_range_m)}"

    def _check_cutting(self) -> None:
        """Refuse what :func:`stream` would refuse, before anything is read."""
        check_streamable(self.net, self.overlap)
        if self.overlap is not None and runs_exactly(self.net):
            LOGGER.warning(
                "%s is exact without an overlap; the one of %d frames is not used",
                type(self.net).__name__,
                self.overlap,
            )
        needed = contract_of(self.net).min_frames
        if 0 < self.compare < needed:
            raise ValueError(
                f"{type(self.net).__name__} takes at least {needed} frames at once: compare "
                f"(--report-difference) at least {needed}, got {self.compare}"
            )
        if self.tile is not None:
            check_tiles(self.tile, self.tile_overlap, contract_of(self.net).multiple_of)

    def plan_sizes(self, lq: tuple[int, int], rgb: tuple[int, int]) -> SizePlan:
        """Plan a clip of these sizes, height and width each.

        Raises:
            ValueError: depth and RGB do not fit together or to the network.
        """
        multiple_of = contract_of(self.net).multiple_of
        return plan_sizes(lq, rgb, self.scale, multiple_of, self.any_ratio, self.lq_origin)

    def _plan(self, plan: SizePlan | None, frame: SensorFrame) -> SizePlan:
        """The plan of the clip; every frame must have the sizes of the first one."""
        lq, rgb = frame.lq_m.shape, frame.rgb.shape
        if len(lq) != 2 or len(rgb) != 3 or rgb[2] != 3 or frame.rgb.dtype != np.uint8:
            raise ValueError(
                f"a frame must be depth (h, w) and RGB (H, W, 3) uint8; got {lq} and {rgb} "
                f"{frame.rgb.dtype}"
            )
        if plan is None:
            plan = self.plan_sizes((lq[0], lq[1]), (rgb[0], rgb[1]))
            if plan.note:
                LOGGER.warning(plan.note)
        if (plan.lq, plan.rgb) != (lq, rgb[:2]):
            raise ValueError(
                f"all frames must be as the first one, depth {plan.lq} and RGB {plan.rgb}; got "
                f"{lq} and {rgb[:2]}"
            )
        return plan

    def _to_network(self, plan: SizePlan, frame: SensorFrame) -> tuple[Tensor, Tensor]:
        """Normalised depth ``(1, h, w)`` and RGB ``(3, H, W)``, on the device but for tiles."""
        device = self.device if self.tile is None else torch.device("cpu")
        lq = torch.from_numpy(frame.lq_m / np.float32(self.depth_range_m))[None].to(device)
        rgb = torch.from_numpy(np.ascontiguousarray(frame.rgb)).to(device)
        return plan.to_network(lq, rgb.permute(2, 0, 1).float() / 255)


def _under(context: Callable[[], AbstractContextManager], items: Iterator[T]) -> Iterator[T]:
    """Compute each item without gradients and in a context that is left in between."""
    while True:
        with torch.no_grad(), context():
            try:
                item = next(items)
            except StopIteration:
                return
        yield item
