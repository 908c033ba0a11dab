"""Space-time distillation (Xiao et al., CVPR 2021): how far features are from a teacher's.

Built from the paper's formulas; what it leaves open (normalisation of the maps, mean or sum) is
decided here and said at each class.
"""

import torch
from basicsr.utils.registry import LOSS_REGISTRY
from torch import Tensor, nn

from stdnet_arch.ops.precision import at_least_float32
from stdnet_arch.ops.resize import area_down


@LOSS_REGISTRY.register()
class SpatialAttentionDistillLoss(nn.Module):
    """The student's features must be strong where the teacher's are (the paper's L_SD).

    ``(1 / N) sum_t |M_t of the student - M_t of the teacher|_2``, ``M_t = sum_c |F_t,c|^p``. With
    ``normalize`` each map is divided by its own L2 norm first, as attention transfer (Zagoruyko and
    Komodakis, ICLR 2017) does: then neither the number of channels nor their scale matters.

    Args:
        loss_weight: factor of the loss (the paper's lambda 1, unpublished).
        p: exponent of the map; 2 in the paper.
        normalize: see above.

    Raises:
        ValueError: ``p`` is not positive.
    """

    def __init__(self, loss_weight: float = 0.1, p: float = 2, normalize: bool = True) -> None:
        super().__init__()
        if not p > 0:
            raise ValueError(f"p must be positive (2 in the paper), got {p}")
        self.loss_weight, self.p, self.normalize = loss_weight, p, normalize

    def forward(self, student: Tensor, teacher: Tensor, valid: Tensor | None = None) -> Tensor:
        """Compute the loss.

        Args:
            student: features, ``(b, t, c, h, w)``.
            teacher: features, ``(b, t, c', h', w')``; the larger maps are averaged down to the
                smaller ones, which must divide them. Nothing flows back into them.
            valid: bool, ``(b, t, 1, H, W)``, sides multiples of the maps'; a place counts by the
                share of its pixels that are valid, before the norms are taken.

        Returns:
            A scalar, the mean over frames; 0 with zero gradients where nothing is valid.
        """
        maps = [attention_map(student, self.p), attention_map(teacher.detach(), self.p)]
        size = common_size(*maps)
        mine, theirs = (area_down(x, size) for x in maps)
        if valid is not None:
            share = area_down(valid.to(mine.dtype), size)
            mine, theirs = mine * share, theirs * share
        if self.normalize:
            mine, theirs = unit_length(mine), unit_length(theirs)
        return self.loss_weight * torch.linalg.vector_norm(mine - theirs, dim=(-2, -1)).mean()


@LOSS_REGISTRY.register()
class TemporalMemoryDistillLoss(nn.Module):
    """Compare a ConvLSTM's memory of the student's clip with that of the teacher's.

    The paper's L_TD, the L2 distance of the last memory cells, divided by the root of the number of
    values. So it is a root mean square, and its weight does not depend on the size of crops.

    Args:
        loss_weight: factor of the loss (the paper's lambda 2, unpublished).
    """

    def __init__(self, loss_weight: float = 0.1) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, student: Tensor, teacher: Tensor, share: Tensor | None = None) -> Tensor:
        """Compute the loss.

        Args:
            student: memory cells, ``(n, c, h, w)``.
            teacher: the same shape; nothing flows back into them.
            share: weight of each place, in [0, 1], ``(n, 1, h, w)``; None: all alike.

        Returns:
            A scalar, the mean over cells; 0 with zero gradients where nothing counts.
        """
        distance = memory_distance(student, teacher.detach(), share)
        return self.loss_weight * distance.mean()


def attention_map(feat: Tensor, p: float = 2) -> Tensor:
    """``sum_c |F_c|^p``, ``(b, t, c, h, w)`` -> ``(b, t, 1, h, w)``, at least float32."""
    return at_least_float32(feat).abs().pow(p).sum(dim=2, keepdim=True)


def unit_length(x: Tensor) -> Tensor:
    """Each map ``(..., h, w)`` divided by its L2 norm; a map of zeros stays one."""
    norm = torch.linalg.vector_norm(x, dim=(-2, -1), keepdim=True)
    return x / norm.clamp(min=1e-12)


def common_size(one: Tensor, other: Tensor) -> tuple[int, int]:
    """The smaller height and the smaller width of two maps ``(..., h, w)``."""
    (h, w), (h2, w2) = one.shape[-2:], other.shape[-2:]
    return min(h, h2), min(w, w2)


def memory_distance(student: Tensor, teacher: Tensor, share: Tensor | None = None) -> Tensor:
    """Root mean square difference of each cell, ``(n, c, h, w)`` -> ``(n,)``; see above."""
    difference = at_least_float32(student) - teacher
    if share is None:
        share = torch.ones_like(difference[:, :1])
    count = (share.sum((1, 2, 3)) * student.shape[1]).clamp(min=1)
    # A norm, and not the root of a sum: its gradient at zero is zero.
    return torch.linalg.vector_norm(difference * share.sqrt(), dim=(1, 2, 3)) / count.sqrt()
