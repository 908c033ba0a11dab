"""DFlow's motion: a first flow by large-kernel attention, then small changes of it."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from stdnet_arch.archs.shared.blocks import leaky_relu
from stdnet_arch.ops.precision import at_least_float32


class LargeKernelAttention(nn.Module):
    """``x + conv(u * attention(u))``, ``u = gelu(conv(x))``; attention looks 23 pixels wide.

    The block of the Visual Attention Network (Guo et al. 2022, Eqs. 1-2), without normalisation.

    Args:
        num_feat: channels.
    """

    def __init__(self, num_feat: int) -> None:
        super().__init__()
        self.conv_in = nn.Sequential(nn.Conv2d(num_feat, num_feat, 1), nn.GELU())
        self.attention = nn.Sequential(
            nn.Conv2d(num_feat, num_feat, 5, padding=2, groups=num_feat),
            nn.Conv2d(num_feat, num_feat, 7, padding=9, dilation=3, groups=num_feat),
            nn.Conv2d(num_feat, num_feat, 1),
        )
        self.conv_out = nn.Conv2d(num_feat, num_feat, 1)

    def forward(self, x: Tensor) -> Tensor:
        """``(b, c, h, w)`` -> ``(b, c, h, w)``."""
        seen = self.conv_in(x)
        return x + self.conv_out(seen * self.attention(seen))


class InitialFlow(nn.Module):
    """Flow between two frames from three views of their difference (the paper's IME).

    The views: features of the difference, of both frames together, and the difference of their
    features.

    Args:
        num_feat: channels of each view.
        in_channels: channels of a frame.
        num_block: attention blocks of each view.
        each_bias: the features whose difference is taken have a bias, which cancels: in the
            published parameters, never trained.
    """

    def __init__(
        self, num_feat: int, in_channels: int = 3, num_block: int = 2, each_bias: bool = True
    ) -> None:
        super().__init__()
        self.conv_difference = nn.Conv2d(in_channels, num_feat, 3, padding=1)
        self.conv_pair = nn.Conv2d(2 * in_channels, num_feat, 3, padding=1)
        self.conv_each = nn.Conv2d(in_channels, num_feat, 3, padding=1, bias=each_bias)
        self.views = nn.ModuleList(
            nn.Sequential(*(LargeKernelAttention(num_feat) for _ in range(num_block)))
            for _ in range(3)
        )
        self.conv_flow = nn.Conv2d(3 * num_feat, 2, 1)

    def forward(self, frame: Tensor, other: Tensor) -> Tensor:
        """Find each pixel of ``frame`` in ``other``.

        Args:
            frame: ``(b, in_channels, h, w)``.
            other: the same shape.

        Returns:
            Flow [px], (dx, dy), ``(b, 2, h, w)``, at least float32.
        """
        seen = (
            self.conv_difference(frame - other),
            self.conv_pair(torch.cat((frame, other), 1)),
            self.conv_each(frame) - self.conv_each(other),
        )
        views = [view(x) for view, x in zip(self.views, seen, strict=True)]
        with torch.autocast(frame.device.type, enabled=False):  # parts of a pixel matter
            return self.conv_flow(at_least_float32(torch.cat(views, 1)))


class FlowUpdate(nn.Module):
    """The flow of the next pair from that of the last one and the difference of the frames.

    Linear as published: no activation stands between the two convolutions.

    Args:
        num_feat: channels between.
        in_channels: channels of a frame.
        is_linear: as published; False puts a LeakyReLU between.
    """

    def __init__(self, num_feat: int, in_channels: int = 3, is_linear: bool = True) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(in_channels + 2, num_feat, 3, padding=1)
        self.activation = nn.Identity() if is_linear else leaky_relu()
        self.conv_out = nn.Conv2d(num_feat, 2, 1)

    def forward(self, frame: Tensor, other: Tensor, flow: Tensor) -> Tensor:
        """As :class:`InitialFlow`, with the flow of the pair before, ``(b, 2, h, w)``."""
        with torch.autocast(frame.device.type, enabled=False):
            seen = torch.cat((at_least_float32(frame - other), flow), 1)
            return self.conv_out(self.activation(self.conv_in(seen)))


class ClipFlow(nn.Module):
    """Flows of a clip in one direction: the first estimated, each further one updated.

    Args:
        num_feat: channels.
        is_linear: see :class:`FlowUpdate`.
    """

    def __init__(self, num_feat: int, is_linear: bool = True) -> None:
        super().__init__()
        self.initial = InitialFlow(num_feat)
        self.update = FlowUpdate(num_feat, is_linear=is_linear)

    def forward(self, frames: Tensor) -> Tensor:
        """From each frame but the first to the one before.

        Args:
            frames: ``(b, t, 3, h, w)``, in the order in which features will be propagated.

        Returns:
            Flows [px], (dx, dy), ``(b, t - 1, 2, h, w)``; the first one is that of frame 1.
        """
        flows: list[Tensor] = []
        for before, frame in pairwise(frames.unbind(1)):
            if flows:
                flows.append(self.update(frame, before, flows[-1]))
            else:
                flows.append(self.initial(frame, before))
        if not flows:
            return _no_flow(frames)
        return torch.stack(flows, 1)


class PairFlow(nn.Module):
    """Flows of a clip in one direction, each estimated from its own two frames.

    Args:
        num_feat: channels.
    """

    def __init__(self, num_feat: int) -> None:
        super().__init__()
        self.initial = InitialFlow(num_feat, each_bias=False)
        for parameter in self.initial.conv_flow.parameters():
            nn.init.zeros_(parameter)

    def forward(self, frames: Tensor) -> Tensor:
        """As :class:`ClipFlow`; all pairs at once."""
        clip = (frames.shape[0], frames.shape[1] - 1)
        if not clip[1]:
            return _no_flow(frames)
        flows = self.initial(frames[:, 1:].flatten(0, 1), frames[:, :-1].flatten(0, 1))
        return flows.unflatten(0, clip)


def _no_flow(frames: Tensor) -> Tensor:
    """Make the empty flow of a clip of one frame."""
    return frames.new_zeros(frames.shape[0], 0, 2, *frames.shape[-2:])
