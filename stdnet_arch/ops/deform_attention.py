"""Attention over deformably sampled taps, without sampling what is not used (STDAN, Eqs. 4-8).

A query looks at ``k * k`` displaced taps of another frame, keeps the best few by inner product,
and takes their values. Keys are sampled at every tap, since all are judged; their samples are
reduced to scores at once. Values are sampled only at the chosen taps.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from stdnet_arch.ops.deform_sample import sample_at, tap_positions


class Chosen(NamedTuple):
    """The best taps of every pixel."""

    score: Tensor
    """Weighted mean of the chosen taps' scores, ``(b, h, w)``."""
    value: Tensor
    """Weighted mean of their values, ``(b, c, h, w)``."""


def attend_best_taps(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    offset: Tensor,
    mask: Tensor,
    *,
    groups: int,
    top: int,
) -> Chosen:
    """Attend to the ``top`` most similar of 3 x 3 deformable taps.

    The similarity of a tap is the inner product of the query with the masked sample of the key,
    unscaled. The chosen ones are weighted by a softmax over their similarities.

    Args:
        query: ``(b, c, h, w)``.
        key: features that are judged, ``(b, c, h, w)``.
        value: features that are taken, ``(b, c, h, w)``.
        offset: ``(b, 2 * groups * 9, h, w)``, pixels, (dy, dx) per tap.
        mask: modulation of keys and values, ``(b, groups * 9, h, w)``.
        groups: channel groups with their own offsets.
        top: taps that are kept.

    Returns:
        Their weighted score and value.

    Example:
        >>> query, key, value = torch.rand(3, 1, 8, 5, 6).unbind(0)
        >>> offset, mask = torch.zeros(1, 18, 5, 6), torch.ones(1, 9, 5, 6)
        >>> best = attend_best_taps(query, key, value, offset, mask, groups=1, top=2)
        >>> [tuple(x.shape) for x in best]
        [(1, 5, 6), (1, 8, 5, 6)]
    """
    dtype = torch.promote_types(query.dtype, torch.float32)
    position = tap_positions(offset, 3, 1, 1, groups, dtype)  # (b, g, 9, 2, h, w)
    trust = mask.unflatten(1, (groups, -1)).to(dtype)  # (b, g, 9, h, w)
    score = _scores(query.to(dtype), key, position, trust)  # summed in float32
    best, tap = score.topk(top, dim=1)  # (b, top, h, w)
    weight = best.softmax(1)
    picked = tap[:, None].expand(-1, groups, -1, -1, -1)  # (b, g, top, h, w)
    there = position.gather(2, picked[:, :, :, None].expand(-1, -1, -1, 2, -1, -1))
    share = trust.gather(2, picked) * weight[:, None]
    value_taken = sample_at(value, there, share).sum(2)
    return Chosen((weight * best).sum(1), value_taken)


def _scores(query: Tensor, key: Tensor, position: Tensor, trust: Tensor) -> Tensor:
    """Inner products of the query with the sampled keys, ``(b, 9, h, w)``."""
    groups = position.shape[1]
    per_group = (
        query.unflatten(1, (groups, -1)).flatten(0, 1),
        key.unflatten(1, (groups, -1)).flatten(0, 1),
        position.flatten(0, 1)[:, None],
    )
    if torch.is_grad_enabled():
        # Sampled again in the backward pass instead of kept: a quarter of all that training keeps.
        by_group = checkpoint(
            _scores_of_part, *per_group, use_reentrant=False, preserve_rng_state=False
        )
    else:
        # Nine samples of every channel are needed only until they are summed: group by group they
        # stay in the cache and out of memory.
        parts = zip(*(x.split(1) for x in per_group), strict=True)
        by_group = torch.cat([_scores_of_part(*part) for part in parts])
    return (by_group.unflatten(0, (-1, groups)) * trust).sum(1)


def _scores_of_part(query: Tensor, key: Tensor, position: Tensor) -> Tensor:
    """``(n, c, h, w)`` twice, ``(n, 1, 9, 2, h, w)`` -> ``(n, 9, h, w)``."""
    return (sample_at(key, position) * query[:, :, None]).sum(1)
