"""Arithmetic of a network, counted on tensors without content: no memory, no device, no weights.

A multiply-add counts two. Counted are convolutions, matrix products (so linear layers, attention,
and the product inside a deformable convolution), fused attention, and sampling: a bilinear sample
is four multiply-adds, 8 per value. Not counted: activations, normalisation, sums, resizing, and
filters of one multiply-add per value and tap.
"""

import math
import warnings
from copy import deepcopy
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode

from stdnet_arch.archs.contract import contract_of
from stdnet_arch.evaluation.random_clips import padded_size

BILINEAR_SAMPLE = 8
SHORT, LONG = 7, 17
"""Frames of two clips; both odd, for networks that make every second one, and a multiple of five
apart, for IconVSR's key frames."""
ALL_PAIRS = frozenset({"STDAN"})
"""Archs in which every frame looks at every other one."""


def count_flops(net: nn.Module, frames: int, size: tuple[int, int]) -> int:
    """Floating-point operations of one clip.

    Args:
        net: network of this package, on the CPU; left as it is.
        frames: number of frames of the clip.
        size: H and W of the result; padded to what the network takes, as when it predicts.
    """
    arch: Any = net
    scale = arch.scale
    contract = contract_of(net)
    H, W = padded_size(size, scale * contract.multiple_of)
    given = (frames - 1) // contract.time_scale + 1
    # A copy: some networks of the toolbox keep tensors of their last call.
    copy: Any = deepcopy(net).eval()
    if hasattr(copy, "fuse"):
        copy.fuse(False)  # the arithmetic of the network as published, not of a shortcut
    counter = FlopCounterMode(display=False, custom_mapping=_sampling())
    with torch.no_grad(), FakeTensorMode(allow_non_fake_inputs=True) as mode, counter:
        tensors = copy.state_dict().items()
        state: dict[str, torch.Tensor] = {name: mode.from_tensor(x) for name, x in tensors}
        lq = torch.empty(1, given, 1, H // scale, W // scale)
        guide = torch.empty(1, frames, 3, H, W)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            functional_call(copy, state, (lq, guide))
    return counter.get_total_flops()


def flops_per_frame(net: nn.Module, size: tuple[int, int]) -> float:
    """Operations that one more frame of a long clip costs.

    At the ends of a clip, frames have fewer neighbours: the mean over a short clip would say less.
    Where every frame looks at every other, it is the mean over seven, STDAN's published window.

    Args:
        net: see :func:`count_flops`.
        size: H and W of the result.
    """
    if type(net).__name__ in ALL_PAIRS:
        return count_flops(net, SHORT, size) / SHORT
    return (count_flops(net, LONG, size) - count_flops(net, SHORT, size)) / (LONG - SHORT)


def _sampling() -> dict[Any, Any]:
    """Operators that PyTorch's counter does not know."""

    def bilinear(*shapes: object, out_shape: tuple[int, ...], **options: object) -> int:
        return BILINEAR_SAMPLE * math.prod(out_shape)

    def deformable(
        x: tuple[int, ...],
        weight: tuple[int, ...],
        *shapes: object,
        out_shape: tuple[int, ...],
        **options: object,
    ) -> int:
        taps = weight[2] * weight[3] * out_shape[0] * out_shape[2] * out_shape[3]
        return taps * (2 * weight[0] * weight[1] + (BILINEAR_SAMPLE + 1) * x[1])

    return {
        torch.ops.aten.grid_sampler_2d: bilinear,
        torch.ops.torchvision.deform_conv2d: deformable,
    }
