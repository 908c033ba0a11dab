"""Arithmetic of a network, counted on tensors without content: no memory, no device, no weights.

One rule for all networks: what the publication computes, whatever faster form is run, with sampling
by the same operator everywhere. A multiply-add counts two. Counted are convolutions, matrix
products (so linear layers, attention, and the product inside a deformable convolution), fused
attention, and sampling: a bilinear sample is four multiply-adds, 8 per value. Not counted:
activations, normalisation, sums, resizing, and filters of one multiply-add per value and tap.
"""

import math
import warnings
from copy import deepcopy
from functools import partial
from typing import Any, cast

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode

from stdnet_arch.archs.contract import contract_of
from stdnet_arch.archs.stdan.deformable_aggregation import DeformableAggregation
from stdnet_arch.archs.stdnet.folded import Foldable
from stdnet_arch.evaluation.published_forms import published_aggregation
from stdnet_arch.evaluation.random_clips import padded_size
from stdnet_arch.ops.deform_sample import deform_backend

BILINEAR_SAMPLE = 8
SHORT, LONG = 7, 17
"""Frames of two clips; both odd, for networks that make every second one, and a multiple of five
apart, for IconVSR's key frames."""


def count_flops(net: nn.Module, frames: int, size: tuple[int, int], published: bool = True) -> int:
    """Floating-point operations of one clip.

    Args:
        net: network of this package, on the CPU; left as it is.
        frames: number of frames of the clip.
        size: H and W of the result; padded to what the network takes, as when it predicts.
        published: count what the publication computes; False: the form that is run, in which
            STDNet is folded and STDAN shares what its pairs have in common.
    """
    arch: Any = net
    scale = arch.scale
    contract = contract_of(net)
    H, W = padded_size(size, scale * contract.multiple_of)
    given = (frames - 1) // contract.time_scale + 1
    # A copy: some networks of the toolbox keep tensors of their last call.
    copy = deepcopy(net).eval()
    if published:
        _take_published_forms(copy)
    counter = FlopCounterMode(display=False, custom_mapping=_sampling())
    # Other samplers are made of operators that no counter knows.
    sampling = deform_backend("grid_sample")
    with torch.no_grad(), sampling, FakeTensorMode(allow_non_fake_inputs=True) as mode, counter:
        tensors = copy.state_dict().items()
        state: dict[str, torch.Tensor] = {name: mode.from_tensor(x) for name, x in tensors}
        lq = torch.empty(1, given, 1, H // scale, W // scale)
        guide = torch.empty(1, frames, 3, H, W)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            functional_call(copy, state, (lq, guide))
    return counter.get_total_flops()


def _take_published_forms(net: nn.Module) -> None:
    """Switch every shortcut of a network off, however deep it lies."""
    for module in net.modules():
        if isinstance(module, Foldable):
            module.folds = False
        if isinstance(module, DeformableAggregation):
            cast(Any, module).forward = partial(published_aggregation, module)


def flops_per_frame(net: nn.Module, size: tuple[int, int], published: bool = True) -> float:
    """Operations that one more frame of a long clip costs.

    At the ends of a clip, frames have fewer neighbours: the mean over a short clip would say less.
    Where every frame looks at every other, it is the mean over seven, STDAN's published window.

    Args:
        net: see :func:`count_flops`.
        size: H and W of the result.
        published: see :func:`count_flops`.
    """
    short = count_flops(net, SHORT, size, published)
    if any(isinstance(module, DeformableAggregation) for module in net.modules()):
        return short / SHORT
    return (count_flops(net, LONG, size, published) - short) / (LONG - SHORT)


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
        return taps * (2 * weight[0] * weight[1] + BILINEAR_SAMPLE * x[1])

    return {
        torch.ops.aten.grid_sampler_2d: bilinear,
        torch.ops.torchvision.deform_conv2d: deformable,
    }
