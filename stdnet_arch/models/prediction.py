"""Running networks on whole clips: in one piece, in exact chunks, or in space-time windows."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from stdnet_arch.archs.contract import contract_of
from stdnet_arch.models.calling import call_network
from stdnet_arch.ops.resize import PADDINGS, pad_to_multiple, unpad
from stdnet_arch.utils.windows import time_windows

FULL_SIZE = ("pred", "error")
"""Outputs of a network that have the size of the guide: depth, and its expected absolute error."""


class ClipPrediction(Protocol):
    """A way to run a network on a clip."""

    def __call__(self, net: nn.Module, lq: Tensor, guide: Tensor | None, length: int) -> Tensor:
        """All ``length`` frames, normalised, ``(b, length, c, H, W)`` float32, no gradients."""

    def given(self, length: int) -> Tensor:
        """Mark the frames that the network is given (rather than makes), bool ``(length,)``."""


@dataclass(frozen=True)
class FramePrediction:
    """For networks that give a frame for each frame.

    Sides that are no multiple of the network's ``multiple_of`` are padded, and the prediction is
    cropped.
    """

    chunk_frames: int | None = None
    """Frames that go through the network at once, beside ``net.halo`` frames of context on each
    side: the same result in bounded memory. None: the whole clip."""

    def __post_init__(self) -> None:
        """Refuse a chunk that is none."""
        chunk = self.chunk_frames
        if chunk is not None and not (isinstance(chunk, int) and chunk >= 1):
            raise ValueError(
                f"val.chunk_frames must be a number of frames >= 1 or ~, got {chunk!r}"
            )

    def __call__(
        self,
        net: nn.Module,
        lq: Tensor,
        guide: Tensor | None,
        length: int,  # noqa: ARG002  the form of ClipPrediction
    ) -> Tensor:
        """``lq (b, t, c, h, w)``, ``guide (b, t, 3, H, W)`` -> ``(b, t, c, H, W)``.

        Raises:
            ValueError: ``chunk_frames`` is set for a network that needs the whole clip.
        """
        return self.outputs(net, lq, guide)["pred"]

    def outputs(self, net: nn.Module, lq: Tensor, guide: Tensor | None) -> dict[str, Tensor]:
        """Predict, and return every map of :data:`FULL_SIZE` that the network makes.

        Raises:
            ValueError: as :meth:`__call__`.
        """
        if self.chunk_frames is None:
            return outputs_padded(net, lq, guide)
        context = contract_of(net).context
        if context is None:
            raise ValueError(
                f"val.chunk_frames: {type(net).__name__} needs whole clips (it declares no halo), "
                f"got chunk_frames: {self.chunk_frames}; leave it out"
            )
        parts = []
        for part in time_windows(lq.shape[1], self.chunk_frames, *context):
            maps = outputs_padded(net, lq[:, part.read], _frames(guide, part.read))
            parts.append({name: value[:, part.keep] for name, value in maps.items()})
        return {name: torch.cat([maps[name] for maps in parts], dim=1) for name in parts[0]}

    def given(self, length: int) -> Tensor:
        """All of them."""
        return torch.ones(length, dtype=torch.bool)


@dataclass(frozen=True)
class SpaceTimePrediction:
    """For networks that are given every second frame and make the others (STDAN's test protocol).

    A clip is cut into windows that overlap by one frame; the first and the last frame of a window
    are given. A last window covers the end of the clip, whatever its overlap. Each frame is kept
    from the first window it appears in.
    """

    window_frames: int | None = 7
    """Frames that come out of the network at once, odd, 7 in the paper. A shorter clip is one
    window (two, if its number of frames is even). None: the whole clip."""
    pad: str = "replicate"
    """Padding of sides that do not fit: ``replicate``, or ``zeros`` as in the paper."""

    def __post_init__(self) -> None:
        """Refuse windows that do not begin and end with a given frame."""
        size = self.window_frames
        if size is not None and not (isinstance(size, int) and size >= 3 and size % 2):
            raise ValueError(f"val.window_frames must be odd and at least 3, or ~; got {size!r}")
        if self.pad not in PADDINGS:
            raise ValueError(f"val.pad must be one of {', '.join(PADDINGS)}, got {self.pad!r}")

    def __call__(self, net: nn.Module, lq: Tensor, guide: Tensor | None, length: int) -> Tensor:
        """Every frame of a clip.

        Args:
            net: a network with ``time_scale`` 2.
            lq: all frames, ``(b, length, c, h, w)``, or every second one,
                ``(b, (length + 1) / 2, c, h, w)``; what is not given to a window is not looked at.
            guide: ``(b, length, 3, H, W)`` or None.
            length: frames to make.

        Raises:
            ValueError: ``net`` makes no frames, or ``lq`` has another number of frames.
        """
        if (time_scale := contract_of(net).time_scale) != 2:
            raise ValueError(
                f"space-time prediction needs a network that makes every second frame, got "
                f"{type(net).__name__} (time_scale {time_scale})"
            )
        step = _step_of(lq.shape[1], length)
        parts = []
        for window in self.windows(length):
            seen = lq[:, window.start // step : (window.stop - 1) // step + 1 : 2 // step]
            inside = _frames(guide, slice(window.start, window.stop))
            pred = predict_padded(net, seen, inside, self.pad)
            parts.append(pred[:, window.new - window.start :])
        return torch.cat(parts, dim=1)

    def given(self, length: int) -> Tensor:
        """Every second frame of each window; see the class."""
        is_given = torch.ones(length, dtype=torch.bool)
        for window in self.windows(length):
            frames = torch.arange(window.new, window.stop)
            is_given[frames] = (frames - window.start) % 2 == 0
        return is_given

    def windows(self, length: int) -> Iterator["SpaceTimeWindow"]:
        """The windows of a clip in order; at least three frames are required."""
        if length < 3:
            raise ValueError(f"space-time prediction needs a clip of 3 frames, got {length}")
        longest = length if length % 2 else length - 1
        size = min(self.window_frames or longest, longest)
        covered = 0
        for start in [*range(0, length - size + 1, size - 1), length - size]:
            if start + size > covered:
                yield SpaceTimeWindow(start, start + size, covered)
                covered = start + size


class SpaceTimeWindow(NamedTuple):
    """Frames ``start`` to ``stop - 1`` of a clip; those from ``new`` on are kept."""

    start: int
    stop: int
    new: int


def given_frames(lq: Tensor, length: int) -> Tensor:
    """Every second frame of a window of ``length`` frames, whether ``lq`` has all or just these."""
    return lq[:, :: 2 // _step_of(lq.shape[1], length)]


def predict_padded(
    net: nn.Module, lq: Tensor, guide: Tensor | None, pad: str = "replicate"
) -> Tensor:
    """Run a network once and return its ``pred``; see :func:`outputs_padded`."""
    return outputs_padded(net, lq, guide, pad)["pred"]


def outputs_padded(
    net: nn.Module, lq: Tensor, guide: Tensor | None, pad: str = "replicate"
) -> dict[str, Tensor]:
    """Run a network once, without gradients and in evaluation mode, on sides of any length.

    Args:
        net: a network of this plugin; its mode is restored.
        lq: ``(b, n, c, h, w)``.
        guide: ``(b, t, 3, H, W)``, or None for a network without.
        pad: see :func:`stdnet_arch.ops.resize.pad_to_multiple`.

    Returns:
        The maps of :data:`FULL_SIZE` that the network makes, ``(b, t, c, H, W)`` float32.
    """
    multiple = contract_of(net).multiple_of
    scale = 1 if guide is None else max(guide.shape[-1] // lq.shape[-1], 1)
    lq, padding = pad_to_multiple(lq, multiple, pad)
    if guide is not None:
        guide, _ = pad_to_multiple(guide, multiple * scale, pad)
    training = net.training
    net.eval()
    try:
        with torch.no_grad():
            made = call_network(net, lq, guide)
            if guide is None:
                scale = made["pred"].shape[-1] // lq.shape[-1]
            maps = {name: made[name].float() for name in FULL_SIZE if name in made}
            return {name: unpad(value, padding, scale) for name, value in maps.items()}
    finally:
        net.train(training)


def _step_of(given: int, length: int) -> int:
    """1 if ``lq`` holds all frames of a clip, 2 if it holds every second one."""
    if given == length:
        return 1
    if 2 * given - 1 == length:
        return 2
    raise ValueError(
        f"lq must hold all {length} frames of the clip, or every second one of an odd number; "
        f"got {given}"
    )


def _frames(guide: Tensor | None, which: slice) -> Tensor | None:
    return None if guide is None else guide[:, which]
