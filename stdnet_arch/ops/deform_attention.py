"""Attention over deformably sampled taps, without sampling what is not used (STDAN, Eqs. 4-8).

A query looks at ``k * k`` displaced taps of another frame, keeps the best few by inner product,
and takes their values. Keys are sampled at every tap, since all are judged; their samples are
reduced to scores at once. Values are sampled at the chosen taps alone.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from stdnet_arch.ops.deform_sample import _by_grid_sample as sample_at
from stdnet_arch.ops.deform_sample import _tap_positions as tap_positions
from stdnet_arch.ops.deform_sample import deform_sample


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
    unscaled; the chosen ones are weighted by a softmax over their similarities.

    Args:
        query: ``(b, c, h, w)``.
        key: what is judged, ``(b, c, h, w)``.
        value: what is taken, ``(b, c, h, w)``.
        offset: ``(b, 2 * groups * 9, h, w)``, pixels, (dy, dx) per tap.
        mask: modulation of keys and values, ``(b, groups * 9, h, w)``.
        groups: channel groups with their own offsets.
        top: taps that are kept.

    Returns:
        Their weighted score and value.
    """
    b, _, h, w = query.shape
    samples = deform_sample(key, offset, mask, groups=groups)  # (b, c, 9, h, w)
    score = torch.einsum("bchw,bckhw->bkhw", query, samples)
    best, tap = score.topk(top, dim=1)  # (b, top, h, w)
    weight = best.softmax(1)
    position = tap_positions(offset, kernel=3, padding=1, dilation=1, groups=groups)
    picked = tap.repeat_interleave(groups, 0)  # (b*g, top, h, w)
    position = position.gather(1, picked[..., None].expand(-1, -1, -1, -1, 2))
    share = mask.reshape(b * groups, -1, h, w).gather(1, picked)
    share = share * weight.repeat_interleave(groups, 0)
    rows = value.unflatten(1, (groups, -1)).flatten(0, 1)  # (b*g, c/g, h, w)
    taken = (sample_at(rows, position) * share[:, None]).sum(2)
    return Chosen((weight * best).sum(1), taken.unflatten(0, (b, groups)).flatten(1, 2))
