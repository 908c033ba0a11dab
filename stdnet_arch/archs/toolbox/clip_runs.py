"""Running the toolbox's networks on a clip: frame by frame, window by window, or as a whole."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stdnet_arch.archs.toolbox.guided_convolution import handing_out
from stdnet_arch.ops.resize import upsample

Guides = dict[str, Sequence[Any]]
"""Name of a module to what its calls get; see :func:`handing_out`."""


class Hint(NamedTuple):
    """RGB of a clip, for networks that work at a quarter of its size."""

    rgb: Tensor
    """``(b, t, 3, 4h, 4w)``."""
    packed: Tensor
    """All of it at the network's size, by pixel-unshuffle: ``(b, t, 48, h, w)``."""
    small: Tensor
    """Its means at the network's size, for flow: ``(b, t, 3, h, w)``."""

    @classmethod
    def of(cls, rgb: Tensor) -> "Hint":
        """From RGB ``(b, t, 3, 4h, 4w)``."""
        return cls(
            rgb,
            F.pixel_unshuffle(rgb, 4),
            F.avg_pool2d(rgb.flatten(0, 1), 4).unflatten(0, rgb.shape[:2]),
        )

    def frames(self, index: Sequence[int]) -> "Hint":
        """Those of some frames."""
        return Hint(*(x[:, index] for x in self))


def frames_around(i: int, radius: int, length: int) -> list[int]:
    """The frames of a window; beyond the ends, time runs back.

    >>> frames_around(0, 2, 3)
    [2, 1, 0, 1, 2]
    """
    last = max(length - 1, 0)
    frames = []
    for j in range(i - radius, i + radius + 1):
        k = abs(j) % (2 * last) if last else 0
        frames.append(min(k, 2 * last - k))
    return frames


def run_images(net: nn.Module, x: Tensor, hint: Hint | None, entries: Sequence[str]) -> Tensor:
    """Run on each frame by itself: ``x (b, t, c, h, w)`` -> ``(b, t, c, 4h, 4w)``."""
    guides = {name: [hint.packed.flatten(0, 1)] for name in entries} if hint else {}
    with handing_out(net, guides):
        return net(x.flatten(0, 1)).unflatten(0, x.shape[:2])


def run_edvr(net: nn.Module, x: Tensor, hint: Hint | None, entries: Sequence[str]) -> Tensor:
    """Each frame from the five around it; forms as in :func:`run_images`."""
    return _over_windows(
        net, x, hint, 5, lambda seen: {name: [seen.packed.flatten(0, 1)] for name in entries}
    )


def run_duf(net: nn.Module, x: Tensor, hint: Hint | None, entries: Sequence[str]) -> Tensor:
    """Each frame from the seven around it; time is the third axis of DUF's convolutions."""
    return _over_windows(
        net, x, hint, 7, lambda seen: {name: [seen.packed.transpose(1, 2)] for name in entries}
    )


def run_toflow(net: nn.Module, x: Tensor, hint: Hint | None, entries: Sequence[str]) -> Tensor:
    """Each frame from the seven around it, which TOFlow takes enlarged already."""

    def guides(seen: Hint) -> Guides:
        frames = [cast(Any, net).normalize(frame) for frame in seen.rgb.unbind(1)]
        pairs = [(frames[3], frames[i]) for i in range(7) if i != 3]
        return {"spynet": pairs, **{name: [seen.rgb[:, 3]] for name in entries}}

    return _over_windows(net, upsample(x, 4, "bilinear"), hint, 7, guides)


def _over_windows(
    net: nn.Module,
    x: Tensor,
    hint: Hint | None,
    size: int,
    guides: Callable[[Hint], Guides],
) -> Tensor:
    """``net`` on the ``size`` frames around each frame; ``guides`` are those of a window."""
    outs = []
    for i in range(x.shape[1]):
        window = frames_around(i, size // 2, x.shape[1])
        given = {} if hint is None else guides(hint.frames(window))
        with handing_out(net, given):
            outs.append(net(x[:, window]))
    return torch.stack(outs, 1)


def run_basicvsr(net: nn.Module, x: Tensor, hint: Hint | None, entries: Sequence[str]) -> Tensor:
    """The whole clip, at least two frames; forms as in :func:`run_images`."""
    guides = {} if hint is None else {**trunk_guides(hint, entries), "spynet": flow_pairs(hint)}
    with handing_out(net, guides):
        return net(x)


def run_iconvsr(net: nn.Module, x: Tensor, hint: Hint | None, entries: Sequence[str]) -> Tensor:
    """The whole clip, at least five frames; its key frames see the two around them, too."""
    guides: Guides = {}
    if hint is not None:
        *trunks, keyframe_entry = entries
        t = x.shape[1]
        # basicsr/archs/basicvsr_arch.py:185: beyond the ends, a window takes frames from inside.
        order = [4, 3, *range(t), t - 4, t - 5]
        keys = sorted({*range(0, t, cast(int, net.keyframe_stride)), t - 1})
        windows = [hint.packed[:, order[i : i + 5]].flatten(0, 1) for i in keys]
        guides = {**trunk_guides(hint, trunks), "spynet": flow_pairs(hint)}
        guides[keyframe_entry] = windows
    with handing_out(net, guides):
        return net(x)


def run_basicvsr_plus_plus(
    net: nn.Module, x: Tensor, hint: Hint | None, entries: Sequence[str]
) -> Tensor:
    """The whole clip, at least two frames.

    Through its methods, in the order of its own forward (basicsr/archs/basicvsrpp_arch.py:276):
    that refuses frames below 64 x 64, which only the flow needs, and makes for itself
    (:class:`SpyNetFlow`). Extending the crops of a training would cost many times as much.
    """
    whole = cast(Any, net)
    whole.cpu_cache = False  # its forward sets it, for clips that are moved through .cuda()
    guides: Guides = {}
    if hint is not None:
        guides = {name: [hint.packed.flatten(0, 1)] for name in entries}
        guides["spynet"] = flow_pairs(hint)
    with handing_out(net, guides):
        feat = whole.feat_extract(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        feats = {"spatial": list(feat.unbind(1))}
        flows = dict(zip(("forward", "backward"), whole.compute_flow(x), strict=True))
        for branch in ("backward_1", "forward_1", "backward_2", "forward_2"):
            feats[branch] = []
            feats = whole.propagate(feats, flows[branch.split("_")[0]], branch)
        return whole.upsample(x, feats)


def trunk_guides(hint: Hint, trunks: Sequence[str]) -> Guides:
    """Make the guidance of BasicVSR's trunks: one starts at the last frame, one at the first."""
    backward, forward = trunks
    frames = list(hint.packed.unbind(1))
    return {backward: frames[::-1], forward: frames}


def flow_pairs(hint: Hint) -> list[tuple[Tensor, Tensor]]:
    """The two calls of SPyNet: each frame and the next one, and the other way round."""
    before, after = hint.small[:, :-1].flatten(0, 1), hint.small[:, 1:].flatten(0, 1)
    return [(before, after), (after, before)]
