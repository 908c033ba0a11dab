"""Clips of any length in constant memory: frames in, predictions out, as the whole clip's."""

import sys
import warnings
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import cast

from torch import Tensor, nn

from stdnet_arch.archs.contract import contract_of
from stdnet_arch.inference.self_ensemble import name_of
from stdnet_arch.inference.streams.push_stream import (
    FeatureStream,
    NetworkFrame,
    Outputs,
    PushStream,
    WindowStream,
)
from stdnet_arch.inference.streams.tiles import TiledStream
from stdnet_arch.utils.windows import Context


def stream(
    net: nn.Module,
    frames: Iterable[NetworkFrame],
    chunk: int = 1,
    overlap: int | None = None,
    tile: int | None = None,
    tile_overlap: int | None = None,
) -> Iterator[Tensor]:
    """Super-resolve a clip of unknown length, lazily.

    Args:
        net: a network of this plugin, on its device; frames are moved there.
        frames: ``(lq (1, h, w), guide (3, H, W))``, both in [0, 1]; any number, any iterable.
        chunk: frames that are pushed through at once: faster, later, the same result (but for a
            network that is cut with ``overlap``).
        overlap: see :func:`open_stream`.
        tile: see :func:`open_stream`.
        tile_overlap: see :func:`open_stream`.

    Yields:
        ``(1, H, W)``, in order, as soon as the last frame that it needs has come.

    Raises:
        ValueError: ``chunk`` is below 1, or frames differ in size.
    """
    for outputs in stream_outputs(net, frames, chunk, overlap, tile, tile_overlap):
        yield outputs["pred"]


def stream_outputs(
    net: nn.Module,
    frames: Iterable[NetworkFrame],
    chunk: int = 1,
    overlap: int | None = None,
    tile: int | None = None,
    tile_overlap: int | None = None,
) -> Iterator[Outputs]:
    """Super-resolve a clip as :func:`stream`, and give all maps that the network makes.

    Yields:
        ``pred`` and, where the network expects errors, ``error``, ``(1, H, W)`` each.
    """
    if chunk < 1:
        raise ValueError(f"chunk must be at least 1 frame, got {chunk}")
    yield from outputs_of(open_stream(net, overlap, tile, tile_overlap), frames, chunk)


def outputs_of(
    opened: PushStream, frames: Iterable[NetworkFrame], chunk: int = 1
) -> Iterator[Outputs]:
    """Push a clip through a stream, ``chunk`` frames at once; see :func:`stream_outputs`."""
    source = iter(frames)
    while part := list(islice(source, min(chunk, sys.maxsize))):
        yield from opened.push_outputs(part)
    yield from opened.flush_outputs()


def open_stream(
    net: nn.Module,
    overlap: int | None = None,
    tile: int | None = None,
    tile_overlap: int | None = None,
) -> PushStream:
    """The push interface: ``push(lq, guide)`` frame by frame and, at the end, ``flush()``.

    A network that can run on a stream (STDNet, DFlowDepth) computes every feature once. Others with
    a finite ``halo`` run on windows with that context, which is exact too.

    Args:
        net: a network of this plugin.
        overlap: frames of context on each side for a network without finite ``halo``, whose
            result then is an approximation (a warning says so). Not used by others.
        tile: cut frames into squares of so many pixels of ``lq`` that go through the network one
            after the other, and blend their predictions: for frames that do not fit. Not exact for
            a network that pools over the frame (STDNet's channel attention does), nor nearer to a
            tile's border than the network sees. ``inference.streams.cut_error`` measures it. Frames
            should come on the CPU, and predictions come there.
        tile_overlap: pixels of ``lq`` that neighbouring tiles share; None: a quarter of ``tile``.

    Raises:
        ValueError: ``net`` does not make a frame of depth per frame, or tiles are impossible. Or it
            needs the whole clip, and ``overlap`` is missing or too short.
    """
    check_streamable(net, overlap)
    if tile is not None:
        return TiledStream(net, lambda: open_stream(net, overlap), tile, tile_overlap)
    if has_own_stream(net):
        return FeatureStream(net)
    context = contract_of(net).context
    if context is None:
        warnings.warn(
            f"{name_of(net)} is cut into windows with {overlap} frames of context: "
            "not equal to the whole clip's result",
            stacklevel=2,
        )
        context = Context(cast(int, overlap), cast(int, overlap))
    return WindowStream(net, context)


def has_own_stream(net: nn.Module) -> bool:
    """Tell whether a network runs on a stream by itself, exactly.

    It has a method ``open_stream`` and a finite ``halo``, or looks at no later frame (``causal``):
    some forms of recurrent networks need the whole clip.
    """
    contract = contract_of(net)
    return hasattr(net, "open_stream") and (contract.finite or contract.causal)


def runs_exactly(net: nn.Module) -> bool:
    """Tell whether a stream of a network gives what the whole clip at once gives."""
    return contract_of(net).finite or has_own_stream(net)


def check_streamable(net: nn.Module, overlap: int | None = None) -> None:
    """Refuse a network that no stream can run, or not with such an ``overlap``.

    Args:
        net: a network of this plugin.
        overlap: see :func:`open_stream`.

    Raises:
        ValueError: as :func:`open_stream` says of networks and ``overlap``.
    """
    name, needed = type(net).__name__, contract_of(net).min_frames - 1
    _check_makes_depth(net)
    if runs_exactly(net):
        return
    if overlap is None or overlap < 0:
        raise ValueError(
            f"{name} needs the whole clip (it declares no finite halo); choose how many frames of "
            "context each chunk gets (overlap=N, --overlap N), not exactly"
        )
    if overlap < needed:  # else a window could be shorter than what the network can take
        raise ValueError(
            f"{name} takes at least {needed + 1} frames at once: the overlap must be at least "
            f"{needed} (overlap={needed}, --overlap {needed}), got {overlap}"
        )


def _check_makes_depth(net: nn.Module) -> None:
    """Raise ValueError unless a frame of depth comes out for each frame of depth and RGB."""
    channels, time_scale = contract_of(net).lq_channels, contract_of(net).time_scale
    kinds = [f"takes {channels} channels (RGB) instead of depth"] if channels != 1 else []
    if time_scale != 1:
        kinds.append(f"makes the frames between those given (time_scale {time_scale})")
    if kinds:
        model = " and model_type: SpaceTimeModel" if time_scale != 1 else ""
        raise ValueError(
            f"{type(net).__name__} {' and '.join(kinds)}; streams, DepthSRPredictor and "
            "stdnet_arch.infer need a network of depth and RGB that makes one frame of depth for "
            f"each. Run this one from an option file, with python -m stdnet_arch.test -opt{model}"
        )
