"""PlaneBlend's choice: a softmax-weighted mean of the candidates at each pixel.

Ten or so maps at full size, for each of logits, candidates, weights and their sums: the memory's
rate decides how long it takes. Without gradients it is done a few rows at a time, which stay in the
cache, and in place.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from stdnet_arch.archs.plane_blend.candidates import (
    HOLE_PENALTY,
    PlanesAround,
    distance_prior,
    evaluate_planes,
    look_around,
    planes_around,
)
from stdnet_arch.archs.plane_blend.motion import Carried
from stdnet_arch.archs.plane_blend.parts import rows_at_once
from stdnet_arch.ops.local_planes import LocalPlanes
from stdnet_arch.ops.resize import replicate_up

GAIN = 4.0
"""Factor from what the head gives to a logit: small outputs learn faster."""
GATE = 4.0
"""Logits that the carried candidate lacks at first: the network has to learn to trust it."""
EXCLUDED = -1e4
"""Logit of a candidate that does not exist; finite in half precision."""


class Blend(NamedTuple):
    """A softmax-weighted mean of candidates."""

    depth: Tensor
    """``(n, 16, H/4, W/4)``: the 16 pixels of each cell, as channels."""
    spread: Tensor
    """Mean absolute distance of the candidates from that mean, same shape."""
    weight: Tensor | None
    """``(n, j, 16, H/4, W/4)``, sums to 1 over ``j``; None: not kept."""


class KnownCandidates(NamedTuple):
    """All that is known of the candidates beside the network's logits."""

    around: PlanesAround
    bias: Tensor
    """Logits of each LR pixel, ``(n, j, h, w)``."""
    prior: Tensor
    """Result of :func:`~stdnet_arch.archs.plane_blend.candidates.distance_prior`."""
    place: tuple[Tensor, Tensor]
    """Result of :func:`~stdnet_arch.archs.plane_blend.candidates.places`."""
    carried: Carried | None
    """One more candidate."""

    def rows(self, first: int, last: int, factor: int) -> "KnownCandidates":
        """That of some rows of LR pixels."""
        few, (start, stop) = slice(first, last), (first * factor, last * factor)
        # Each LR pixel has the same places in it, so that the first rows' are those of all.
        prior = self.prior[..., : stop - start, :]
        place = (self.place[0][:, :, : stop - start], self.place[1])
        carried = self.carried and Carried(*(x[:, :, start:stop] for x in self.carried))
        return KnownCandidates(self.around.rows(few), self.bias[:, :, few], prior, place, carried)


def choice_among(
    planes: LocalPlanes,
    measured: Tensor,
    offsets: list[tuple[int, int]],
    place: tuple[Tensor, Tensor],
    carried: Carried | None = None,
) -> KnownCandidates:
    """Gather what is known of the candidates before the network is asked.

    Args:
        planes: planes of the LR pixels, ``(n, 1, h, w)`` each.
        measured: 1, or 0 for a hole, ``(n, 1, h, w)``.
        offsets: offsets of the candidates.
        place: result of :func:`~stdnet_arch.archs.plane_blend.candidates.places`.
        carried: one more candidate.
    """
    bias = -HOLE_PENALTY * (1 - look_around(measured, offsets))
    prior = distance_prior(*place, offsets)
    return KnownCandidates(planes_around(planes, offsets), bias, prior, place, carried)


def choose(
    logits: Tensor, choice: KnownCandidates, factor: int, with_weights: bool = False
) -> Blend:
    """Weigh the candidates.

    Args:
        logits: logits of the head, ``(n, j, 16, H/4, W/4)``; one more candidate if one is carried.
        choice: further facts about them.
        factor: cells per LR pixel along a side.
        with_weights: keep the weights, too.
    """
    h = choice.bias.shape[2]
    rows = None if with_weights else rows_at_once(logits, factor)
    if rows is None or rows >= h:
        return _blend(*_weighed(logits, choice, factor), with_weights)
    parts = []
    for first in range(0, h, rows):
        last = min(first + rows, h)
        some = logits[..., first * factor : last * factor, :]
        parts.append(_blend(*_weighed(some, choice.rows(first, last, factor), factor), False)[:2])
    depth, spread = (torch.cat(part, 2) for part in zip(*parts, strict=True))
    return Blend(depth, spread, None)


def _weighed(logits: Tensor, choice: KnownCandidates, factor: int) -> tuple[Tensor, Tensor]:
    """Logits with all that is known, and the candidates, ``(n, j, 16, H/4, W/4)`` each."""
    candidates = evaluate_planes(choice.around, *choice.place, factor)
    bias = choice.prior + replicate_up(choice.bias, factor)[:, :, None]
    if choice.carried is not None:
        candidates = torch.cat((candidates, choice.carried.depth[:, None]), 1)
        gate = -GATE + (EXCLUDED + GATE) * (1 - choice.carried.inside)
        bias = torch.cat((bias, gate[:, None]), 1)
    return torch.add(bias, logits, alpha=GAIN), candidates


def _blend(logits: Tensor, candidates: Tensor, with_weights: bool) -> Blend:
    """Mean and spread of the candidates; without gradients, ``candidates`` are used up."""
    weight = logits.softmax(1)
    by_parts = not torch.is_grad_enabled() and not torch.compiler.is_compiling()
    if not by_parts or weight.device.type != "cpu":
        depth = (weight * candidates).sum(1)
        spread = (weight * (candidates - depth[:, None]).abs()).sum(1)
        return Blend(depth, spread, weight if with_weights else None)
    first, *others = range(weight.shape[1])
    depth = weight[:, first] * candidates[:, first]
    for j in others:
        depth.addcmul_(weight[:, j], candidates[:, j])
    candidates.sub_(depth[:, None]).abs_()
    spread = weight[:, first] * candidates[:, first]
    for j in others:
        spread.addcmul_(weight[:, j], candidates[:, j])
    return Blend(depth, spread, weight if with_weights else None)
