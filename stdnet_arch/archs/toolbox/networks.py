"""The toolbox's super-resolution networks: how each is built for depth, and what it needs."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from basicsr.utils.registry import ARCH_REGISTRY
from torch import Tensor, nn

from stdnet_arch.archs.shared.flow import FlowGuidedAlignment, SpyNetFlow
from stdnet_arch.archs.toolbox import clip_runs
from stdnet_arch.archs.toolbox.guided_convolution import GuidedConv, GuidedFlow, use_own_deformation
from stdnet_arch.ops.precision import at_least_float32

PACKED = 48
"""Channels of RGB after pixel-unshuffle by 4."""
Run = Callable[[nn.Module, Tensor, clip_runs.Hint | None, Sequence[str]], Tensor]
Options = Mapping[str, Any]


@dataclass(frozen=True)
class ToolboxNetwork:
    """Use of one network of the toolbox on depth."""

    run: Run = clip_runs.run_images
    """``(net, x (b, t, c, h, w), hint, entries)`` -> ``(b, t, c, 4h, 4w)``."""
    entries: tuple[str, ...] = ("conv_first",)
    """Convolutions that see the guide."""
    guide_channels: int = PACKED
    """Channels of what they see."""
    has_base: bool = True
    """Its result holds the enlarged depth already."""
    channels: tuple[int, ...] = (3,)
    """Channels of depth that it can take."""
    channel_options: tuple[str, ...] = ()
    """Its options for these."""
    fixed: Options = field(default_factory=dict)
    """Options that are not the user's to choose."""
    preset: Options = field(default_factory=dict)
    """Defaults other than the toolbox's."""
    multiple_of: int = 1
    """Sides of what it takes, at a quarter of the output's size, must be divisible by this."""
    halo: int | None = 0
    """Frames of context on each side; None: the whole clip."""
    min_frames: int = 1
    """Shorter clips are extended."""


TRUNKS = ("backward_trunk.main.0", "forward_trunk.main.0")
CHANNELS_IN_OUT = ("num_in_ch", "num_out_ch")
# Weights of SPyNet come through flow_weights; without these keys nothing is read or fetched.
NO_FILES = {"spynet_path": None}
# Depth in [0, 1] is no photograph: no factor of 255.
PLAIN_IMAGE = {"upscale": 4, "img_range": 1.0}

NETWORKS: Mapping[str, ToolboxNetwork] = {
    "BasicVSR": ToolboxNetwork(
        clip_runs.run_basicvsr, TRUNKS, fixed=NO_FILES, halo=None, min_frames=2
    ),
    "IconVSR": ToolboxNetwork(
        clip_runs.run_iconvsr,
        (*TRUNKS, "edvr.conv_first"),
        fixed={**NO_FILES, "edvr_path": None, "temporal_padding": 2},
        multiple_of=4,
        halo=None,
        min_frames=5,
    ),
    "BasicVSRPlusPlus": ToolboxNetwork(
        clip_runs.run_basicvsr_plus_plus,
        ("feat_extract.main.0",),
        # Clips beyond the cache length are sent through .cuda().
        fixed={**NO_FILES, "is_low_res_input": True, "cpu_cache_length": 1 << 30},
        halo=None,
        min_frames=2,
    ),
    "EDVR": ToolboxNetwork(
        clip_runs.run_edvr,
        channels=(1, 3),
        channel_options=("num_in_ch",),
        fixed={"num_frame": 5, "hr_in": False, "with_predeblur": False, "center_frame_idx": None},
        multiple_of=4,
        halo=2,
    ),
    "DUF": ToolboxNetwork(  # its result is a weighted mean of depth, plus a residual
        clip_runs.run_duf,
        ("conv3d1",),
        fixed={"scale": 4, "adapt_official_weights": False},
        preset={"num_layer": 16},
        halo=3,
    ),
    "TOFlow": ToolboxNetwork(
        clip_runs.run_toflow,
        ("conv_1",),
        guide_channels=3,
        fixed={"adapt_official_weights": False},
        multiple_of=4,
        halo=3,
    ),
    "RCAN": ToolboxNetwork(
        has_base=False, channels=(1, 3), channel_options=CHANNELS_IN_OUT, fixed=PLAIN_IMAGE
    ),
    "EDSR": ToolboxNetwork(
        has_base=False, channels=(1, 3), channel_options=CHANNELS_IN_OUT, fixed=PLAIN_IMAGE
    ),
    "RRDBNet": ToolboxNetwork(
        has_base=False, channels=(1, 3), channel_options=CHANNELS_IN_OUT, fixed={"scale": 4}
    ),
    "SwinIR": ToolboxNetwork(
        has_base=False,
        channels=(1, 3),
        channel_options=("in_chans",),
        fixed={**PLAIN_IMAGE, "upsampler": "pixelshuffle", "window_size": 8},
        multiple_of=8,
    ),
}


def build(name: str, channels: int, is_guided: bool, options: Options) -> nn.Module:
    """Build a network of the toolbox for depth.

    Args:
        name: key of :data:`NETWORKS`.
        channels: number of channels of depth.
        is_guided: its entries see a guide, too.
        options: its own arguments.

    Raises:
        ValueError: the network cannot take so many channels, or an option is not to be chosen.
        TypeError: an option is unknown.
    """
    spec = NETWORKS[name]
    if channels not in spec.channels:
        allowed = " or ".join(map(str, spec.channels))
        raise ValueError(f"{name} takes depth as {allowed} channels, got {channels}")
    fixed = {**spec.fixed, **dict.fromkeys(spec.channel_options, channels)}
    taken = sorted(fixed.keys() & options.keys())
    if taken:
        raise ValueError(f"options of {name} must leave out what ToolboxVSR sets: {taken}")
    # On the CPU: SwinIR reads back numbers while it is built, which a meta device does not have.
    with torch.device("cpu"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Deformable alignment module is not added")
        try:
            net = ARCH_REGISTRY.get(name)(**{**spec.preset, **options, **fixed})
        except TypeError as error:
            raise TypeError(f"{name} cannot be built from {dict(options)}: {error}") from error
        if hasattr(net, "deform_align"):
            _complete_plus_plus(net, options)
        _adapt(net, spec, is_guided)
    return net


def _adapt(net: nn.Module, spec: ToolboxNetwork, is_guided: bool) -> None:
    """Make a network run on every device, on every size, on depth and, if asked for, guided."""
    if isinstance(getattr(net, "mean", None), Tensor) and "mean" not in dict(net.named_buffers()):
        net.mean = torch.zeros(1, 1, 1, 1)  # of photographs
    use_own_deformation(net)
    if spec.has_base and isinstance(getattr(net, "conv_last", None), nn.Conv2d):
        # Depth is added to what it gives, in place: bfloat16 would round depth to a 256th.
        cast(nn.Conv2d, net.conv_last).register_forward_hook(_in_float32)
    if spec.halo is None:
        net.spynet = SpyNetFlow()
    if is_guided:
        if hasattr(net, "spynet"):
            net.spynet = GuidedFlow(cast(nn.Module, net.spynet))
        for entry in spec.entries:
            conv = cast(nn.Conv2d, net.get_submodule(entry))
            net.set_submodule(entry, GuidedConv(conv, spec.guide_channels))


def _complete_plus_plus(net: nn.Module, options: Options) -> None:
    """Give BasicVSR++ its alignment, and both of its flows for every clip.

    It leaves its alignment out where there is no CUDA (basicsr/archs/basicvsrpp_arch.py:76), so
    that its parameters depend on the machine. Ours has the same and runs anywhere. And once it has
    met a clip that runs back to its start, it takes every later one for such (line 119).
    """
    whole = cast(Any, net)
    max_residue_px = options.get("max_residue_magnitude", 10)
    for branch in whole.backbone:
        whole.deform_align[branch] = FlowGuidedAlignment(
            whole.mid_channels, max_residue_px=max_residue_px
        )
    whole.is_with_alignment = True
    whole.check_if_mirror_extended = _leave_alone


def _in_float32(module: nn.Module, inputs: object, output: Tensor) -> Tensor:  # noqa: ARG001
    """Raise the precision of a convolution's result."""
    return at_least_float32(output)


def _leave_alone(lqs: Tensor) -> None:
    """In place of a check."""
