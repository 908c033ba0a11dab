"""Another initialisation for training from scratch: no feature map starts faded."""

import torch
from torch import nn

from stdnet_arch.archs.shared.blocks import (
    ChannelAttention,
    ChannelAttentionBlock,
    ResidualBlock,
    ResidualGroup,
)
from stdnet_arch.archs.stdnet.spatial_difference import SpatialDifference
from stdnet_arch.archs.stdnet.temporal_difference import TemporalDifference

BRANCH_GAIN = 0.1  # residual branches start small, as the paper's residual blocks do
HEAD_STD = 3e-3  # first predictions stay within about two hundredths of the depth range of bilinear


@torch.no_grad()
def balance(net: nn.Module) -> None:
    """Initialise in place so that the signal neither fades nor grows on its way through the stages.

    With PyTorch's default (the paper's initialisation) each of about ten plain convolutions in a
    row keeps 0.4 of the spread of its input: behind the depth encoder edges of a metre differ by
    less than the zero padding does, and training stalls at bilinear. Kaiming normal keeps the
    spread; residual branches are damped, sums are divided, and the first prediction is nearly
    bilinear.

    Args:
        net: an STDNet, or a part of one.
    """
    keep = _already_chosen(net)
    for module in net.modules():
        if isinstance(module, nn.Conv2d) and module.bias is not None and module not in keep:
            nn.init.kaiming_normal_(module.weight, a=0.1, nonlinearity="leaky_relu")
            nn.init.zeros_(module.bias)
    for name, module in net.named_modules():
        _damp(module)
        if name.endswith("prediction_head"):
            nn.init.normal_(module[-1].weight, std=HEAD_STD)


def _damp(module: nn.Module) -> None:
    """Make the outputs of branches and sums as large as their inputs."""
    if isinstance(module, ChannelAttention):
        # A narrow network squeezes to a single unit, which must not start dead.
        nn.init.ones_(module.conv_du[0].get_parameter("bias"))
    elif isinstance(module, ChannelAttentionBlock):
        module.body[2].get_parameter("weight").mul_(BRANCH_GAIN)
    elif isinstance(module, ResidualGroup):
        module.body[-1].get_parameter("weight").mul_(BRANCH_GAIN)
    elif isinstance(module, SpatialDifference):
        nn.init.kaiming_normal_(module.conv_fuse.weight, nonlinearity="linear")
        module.kernel_generator.conv.weight /= 3  # sums of nine taps
    elif isinstance(module, TemporalDifference):
        nn.init.kaiming_normal_(module.conv_fuse.weight, nonlinearity="linear")
        module.conv_fuse.weight /= 2**0.5  # two neighbours are summed
        # Masks start at 1/2.
        nn.init.kaiming_normal_(module.weight, nonlinearity="linear").mul_(2)


def _already_chosen(net: nn.Module) -> set[nn.Module]:
    """Convolutions whose published initialisation is the better one: residual blocks, offsets."""
    keep: set[nn.Module] = set()
    for module in net.modules():
        if isinstance(module, ResidualBlock):
            keep |= {module.conv1, module.conv2}
        elif isinstance(module, TemporalDifference):
            keep.add(module.conv_offset_mask)
    return keep
