"""Clips of any length in constant memory: frames in, predictions out, as the whole clip's."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import torch
from torch import Tensor, nn

Frame = tuple[Tensor, Tensor]
"""``lq (1, h, w)`` and ``guide (3, H, W)``, both in [0, 1]."""


def stream(
    net: nn.Module, frames: Iterable[Frame], chunk: int = 1, overlap: int | None = None
) -> Iterator[Tensor]:
    """Super-resolve a clip of unknown length, lazily.

    Args:
        net: a network of this plugin, on its device; frames are moved there.
        frames: ``(lq (1, h, w), guide (3, H, W))``, both in [0, 1]; any number, any iterable.
        chunk: frames that are pushed through at once: faster, later, the same result.
        overlap: see :func:`open_stream`.

    Yields:
        ``(1, H, W)``, in order, as soon as the last frame that it needs has come.

    Raises:
        ValueError: ``chunk`` is below 1, or frames differ in size.
    """
    if chunk < 1:
        raise ValueError(f"chunk must be at least 1 frame, got {chunk}")
    opened = open_stream(net, overlap)
    source = iter(frames)
    while part := list(islice(source, chunk)):
        yield from opened.push_chunk(part)
    yield from opened.flush()


def open_stream(net: nn.Module, overlap: int | None = None) -> "PushStream":
    """The push interface: ``push(lq, guide)`` frame by frame and, at the end, ``flush()``.

    A network that can run on a stream (STDNet) computes every feature once. Others with a finite
    ``halo`` run on windows with that context, which is exact too.

    Args:
        net: a network of this plugin.
        overlap: frames of context on each side for a network without finite ``halo``, whose
            result then is an approximation (a warning says so). Not used by others.

    Raises:
        ValueError: ``net`` needs the whole clip and no ``overlap`` is given.
    """
    if hasattr(net, "open_stream"):
        return _FeatureStream(net)
    halo = getattr(net, "halo", None)
    if halo is None:
        if overlap is None:
            raise ValueError(
                f"{type(net).__name__} declares no finite halo: its result depends on the whole "
                "clip; give overlap=N to cut the clip with N frames of context, not exactly"
            )
        warnings.warn(
            f"{type(net).__name__} is cut into windows with {overlap} frames of context: "
            "not equal to the whole clip's result",
            stacklevel=2,
        )
        halo = overlap
    return _WindowStream(net, halo)


class PushStream(ABC):
    """What :func:`open_stream` gives: a camera loop drives it."""

    def __init__(self, net: nn.Module) -> None:
        self.net = net
        self.shapes: tuple[torch.Size, torch.Size] | None = None

    def push(self, lq: Tensor, guide: Tensor) -> list[Tensor]:
        """Take the next frame; give the predictions that are complete.

        Args:
            lq: ``(1, h, w)`` in [0, 1].
            guide: ``(3, H, W)`` in [0, 1].

        Returns:
            ``(1, H, W)`` each, in order; often none or one.
        """
        return self.push_chunk([(lq, guide)])

    @abstractmethod
    def push_chunk(self, frames: Sequence[Frame]) -> list[Tensor]:
        """As :meth:`push`, with several frames at once."""

    @abstractmethod
    def flush(self) -> list[Tensor]:
        """There are no more frames: give the remaining predictions."""

    def _prepare(self, frames: Sequence[Frame]) -> tuple[list[Tensor], list[Tensor]]:
        """``lq (1, 1, h, w)`` and ``guide (1, 3, H, W)`` of each frame.

        Raises:
            ValueError: a frame has another shape than the first one.
        """
        parameter = next(self.net.parameters(), None)
        for lq, guide in frames:
            self.shapes = self.shapes or (lq.shape, guide.shape)
            if (lq.shape, guide.shape) != self.shapes:
                first = " and ".join(str(tuple(shape)) for shape in self.shapes)
                raise ValueError(
                    f"all frames must be as the first one, lq and guide {first}; "
                    f"got {tuple(lq.shape)} and {tuple(guide.shape)}"
                )
        device = frames[0][0].device if parameter is None else parameter.device
        lqs, guides = zip(*frames, strict=True)
        return [x[None].to(device) for x in lqs], [x[None].to(device) for x in guides]


class _FeatureStream(PushStream):
    """A network that runs on a stream by itself."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__(net)
        self.inner = net.open_stream()  # type: ignore[operator]

    def push_chunk(self, frames: Sequence[Frame]) -> list[Tensor]:
        """See :class:`PushStream`."""
        if not frames:
            return []
        return [pred[0] for pred in self.inner.push(*self._prepare(frames))]

    def flush(self) -> list[Tensor]:
        """See :class:`PushStream`."""
        return [pred[0] for pred in self.inner.push([], [], last=True)]


class _WindowStream(PushStream):
    """Any other network, on windows with context."""

    def __init__(self, net: nn.Module, halo: int) -> None:
        super().__init__(net)
        self.halo = halo
        self.lq: list[Tensor] = []
        self.guide: list[Tensor] = []
        self.done = 0  # frames at the start of what is kept that are context alone

    def push_chunk(self, frames: Sequence[Frame]) -> list[Tensor]:
        """See :class:`PushStream`."""
        if frames:
            lq, guide = self._prepare(frames)
            self.lq += lq
            self.guide += guide
        return self._predict(len(self.lq) - self.halo)

    def flush(self) -> list[Tensor]:
        """See :class:`PushStream`."""
        return self._predict(len(self.lq))

    @torch.no_grad()
    def _predict(self, stop: int) -> list[Tensor]:
        """Predictions up to ``stop``, an index into what is kept."""
        if stop <= self.done:
            return []
        pred = self.net(torch.stack(self.lq, dim=1), torch.stack(self.guide, dim=1))["pred"]
        ready = list(pred[0, self.done : stop].unbind(0))
        drop = max(stop - self.halo, 0)
        self.lq, self.guide, self.done = self.lq[drop:], self.guide[drop:], stop - drop
        return ready
