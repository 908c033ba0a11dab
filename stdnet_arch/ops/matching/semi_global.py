"""Semi-global matching: a cost volume made smooth along straight lines through the image."""

import torch
from torch import Tensor


def semi_global(cost: Tensor, step_cost: float, jump_cost: Tensor) -> Tensor:
    """Aggregate matching costs along the four directions of rows and columns.

    Hirschmueller, "Stereo Processing by Semiglobal Matching and Mutual Information" (TPAMI 2008),
    equation 13: along a path ``r`` that enters pixel ``p`` from ``q``,
    ``L(p, d) = C(p, d) + min(L(q, d), L(q, d +- 1) + P1, min_k L(q, k) + P2) - min_k L(q, k)``.

    Args:
        cost: cost of each label at each pixel, ``(d, H, W)``, finite.
        step_cost: ``P1``, of a change by one label, >= 0.
        jump_cost: ``P2`` of a larger change on entering a pixel, ``(H, W)``, >= ``P1``.

    Returns:
        The mean of ``L`` over the four directions, ``(d, H, W)``.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> cost = torch.rand(4, 5, 6)  # of 4 labels
        >>> tuple(semi_global(cost, 0.1, torch.ones(5, 6)).shape)
        (4, 5, 6)
    """
    if cost.ndim != 3 or jump_cost.shape != cost.shape[1:]:
        raise ValueError(
            f"jump_cost must be (H, W) of a cost (d, H, W); got {tuple(jump_cost.shape)} for "
            f"{tuple(cost.shape)}"
        )
    rows = _both_ways(cost.permute(2, 1, 0), step_cost, jump_cost.T)  # (W, H, d)
    columns = _both_ways(cost.permute(1, 2, 0), step_cost, jump_cost)  # (H, W, d)
    return ((rows.transpose(0, 1) + columns) / 4).permute(2, 0, 1)


def _both_ways(cost: Tensor, step_cost: float, jump_cost: Tensor) -> Tensor:
    """Sum of ``L`` along the first axis and against it, ``(n, lines, d)``."""
    forth_and_back = torch.stack([cost, cost.flip(0)], 1)  # (n, 2, lines, d)
    jumps = torch.stack([jump_cost, jump_cost.flip(0)], 1).unsqueeze(-1)
    path = torch.empty_like(forth_and_back)
    before = forth_and_back.new_zeros(forth_and_back.shape[1:])
    for i, (here, jump) in enumerate(zip(forth_and_back, jumps, strict=True)):
        least = before.amin(-1, keepdim=True)
        best = torch.minimum(before, least + jump)
        best[..., 1:] = torch.minimum(best[..., 1:], before[..., :-1] + step_cost)
        best[..., :-1] = torch.minimum(best[..., :-1], before[..., 1:] + step_cost)
        before = here + best - least
        path[i] = before
    return path[:, 0] + path[:, 1].flip(0)
