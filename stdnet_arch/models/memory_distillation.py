"""The ConvLSTM that compares what is remembered of two clips, and a guard against its collapse."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from stdnet_arch.archs.shared.conv_lstm import ConvLSTM
from stdnet_arch.losses.distill_loss import common_size
from stdnet_arch.ops.resize import area_down


class MemoryReader(nn.Module):
    """One ConvLSTM for the features of student and teacher alike.

    Both are brought to one size: the larger is averaged down. If their widths differ, a 1x1
    convolution brings the student's to the teacher's.

    Args:
        student_feat: channels of the student's features.
        teacher_feat: channels of the teacher's.
        num_feat: channels of the memory.
        kernel: side of the ConvLSTM's convolution.
        radius: a memory is read at each frame from the ``2 * radius + 1`` frames around it, the
            first and last frame repeated, as in the paper; None: once, from the whole clip.
        pool: features are first averaged over ``pool x pool`` pixels, since a ConvLSTM at full
            size costs more than a small student.

    Raises:
        ValueError: ``radius`` or ``pool`` below 1.
    """

    def __init__(
        self,
        student_feat: int,
        teacher_feat: int,
        num_feat: int = 32,
        kernel: int = 3,
        radius: int | None = None,
        pool: int = 1,
    ) -> None:
        super().__init__()
        if pool < 1 or (radius is not None and radius < 1):
            raise ValueError(
                f"distill.memory needs radius >= 1 or ~, and pool >= 1; got {radius} and {pool}"
            )
        self.radius, self.pool = radius, pool
        self.adapter: nn.Module = nn.Identity()
        if student_feat != teacher_feat:
            self.adapter = nn.Conv2d(student_feat, teacher_feat, 1, bias=False)
        self.recurrence = ConvLSTM(teacher_feat, num_feat, kernel)

    def forward(
        self, student: Tensor, teacher: Tensor, valid: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Read both clips.

        Args:
            student: ``(b, t, c, h, w)``.
            teacher: ``(b, t, c', h', w')``.
            valid: bool, ``(b, t, 1, H, W)``.

        Returns:
            The last memory cells of student and teacher, ``(n, num_feat, h, w)``, and the share of
            valid pixels that each place saw, ``(n, 1, h, w)``. ``n`` is ``b`` or, with a radius,
            ``b * t``.

        Raises:
            ValueError: one size is no whole multiple of the other, or of ``pool``.
        """
        h, w = common_size(student, teacher)
        if h % self.pool or w % self.pool:
            raise ValueError(f"distill.memory.pool: {self.pool} must divide features of {h}x{w}")
        size = h // self.pool, w // self.pool
        mine, theirs = (area_down(x, size) for x in (student, teacher.detach()))
        mine = self.adapter(mine.flatten(0, 1)).unflatten(0, mine.shape[:2])
        share = area_down(valid.to(mine.dtype), size)
        if self.radius is not None:
            mine, theirs, share = (frames_around(x, self.radius) for x in (mine, theirs, share))
        memories = [self.recurrence(x)[1] for x in (mine, theirs)]
        return memories[0], memories[1], share.mean(1)


def frames_around(clip: Tensor, radius: int) -> Tensor:
    """Each frame with its neighbours, the border frames repeated.

    Args:
        clip: ``(b, t, c, h, w)``.
        radius: neighbours on each side.

    Returns:
        ``(b * t, 2 * radius + 1, c, h, w)``.
    """
    t = clip.shape[1]
    steps = torch.arange(-radius, radius + 1, device=clip.device)
    frames = (torch.arange(t, device=clip.device)[:, None] + steps).clamp(0, t - 1)
    return clip[:, frames].flatten(0, 1)


class CollapseGuard(nn.Module):
    """Says when the ConvLSTM must learn no more; what it knows is in its state dict.

    A ConvLSTM that maps everything to zero makes both memories equal. The paper freezes it once the
    loss is below 1e-8. That comes late. So it is also frozen once the spread of the teacher's
    memory falls below a share of that at the start.

    Args:
        min_distance: the paper's 1e-8.
        min_spread: that share, in [0, 1); 0 is only the paper's rule.

    Raises:
        ValueError: ``min_spread`` is no such share.
    """

    frozen: Tensor
    first_spread: Tensor

    def __init__(self, min_distance: float = 1e-8, min_spread: float = 0.1) -> None:
        super().__init__()
        if not 0 <= min_spread < 1:
            raise ValueError(f"distill.min_spread must be in [0, 1), got {min_spread}")
        self.min_distance, self.min_spread = min_distance, min_spread
        self.register_buffer("frozen", torch.tensor(False))
        self.register_buffer("first_spread", torch.tensor(math.nan))

    def observe(self, distance: float, spread: float) -> str | None:
        """Look at a step.

        Args:
            distance: distance of the memories, before its loss weight.
            spread: standard deviation of the teacher's memory.

        Returns:
            Why the ConvLSTM is frozen from now on, once; otherwise None.
        """
        if bool(self.first_spread.isnan()):
            self.first_spread.fill_(spread)
        if bool(self.frozen):
            return None
        lowest = self.min_spread * float(self.first_spread)
        reason = None
        if distance < self.min_distance:
            reason = f"the memories' distance {distance:.3g} is below {self.min_distance:g}"
        elif spread < lowest:
            reason = f"the teacher's memory spreads by {spread:.3g}, less than {lowest:.3g}"
        self.frozen.fill_(reason is not None)
        return reason


def spread_of(memory: Tensor, share: Tensor) -> Tensor:
    """Standard deviation of memory cells ``(n, c, h, w)`` over the places that count, a scalar."""
    weight = share.expand_as(memory)
    total = weight.sum().clamp(min=1e-12)
    mean = (memory * weight).sum() / total
    return ((memory - mean).square() * weight).sum().div(total).sqrt()


def forget_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Leave these parameters out of the next step."""
    for parameter in parameters:
        parameter.grad = None
