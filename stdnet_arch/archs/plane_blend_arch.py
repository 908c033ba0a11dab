"""PlaneBlend: choose, for each pixel, among the surfaces that the sensor saw around it."""

import math
from collections.abc import Mapping
from typing import NamedTuple, cast

import torch
from basicsr.utils.registry import ARCH_REGISTRY
from torch import Tensor, nn

from stdnet_arch.archs.plane_blend.candidates import (
    CELL,
    evaluate_planes,
    neighbour_offsets,
    pixels_of,
    places,
    planes_around,
)
from stdnet_arch.archs.plane_blend.choice import choice_among, choose
from stdnet_arch.archs.plane_blend.head import (
    HEADS,
    Detail,
    HeadKind,
    fit_choices,
    make_head,
    start_at_zero,
)
from stdnet_arch.archs.plane_blend.motion import (
    SEEN_CARRIED,
    Carried,
    FrameMotion,
    MotionMemory,
    Traces,
    carry,
    nothing_carried,
    see_carried,
)
from stdnet_arch.archs.plane_blend.refiner import find_surfaces, make_refiner
from stdnet_arch.archs.plane_blend.step import PlaneBlendStep
from stdnet_arch.archs.plane_blend.stream import PlaneBlendStream
from stdnet_arch.archs.plane_blend.trunk import (
    SEEN_COLOUR,
    SEEN_DEPTH,
    UNet,
    see_colour,
    see_depth,
)
from stdnet_arch.archs.shared.blocks import leaky_relu
from stdnet_arch.ops.local_planes import LocalPlanes
from stdnet_arch.ops.precision import at_least_float32
from stdnet_arch.ops.resize import replicate_up
from stdnet_arch.utils.shapes import check_clip

MOST_FLAT = 0.02
"""Share of the depth by which the network may move a plane, beside half a step."""


class _Frame(NamedTuple):
    """Describe a frame of depth before the network runs."""

    planes: LocalPlanes
    measured: Tensor
    """``(n, 1, h, w)``, 1 or 0."""
    seen: Tensor
    """Features of depth, ``(n, c, h, w)``."""
    limit: Tensor
    """By how much a plane may be moved, ``(n, 1, h, w)``."""


@ARCH_REGISTRY.register()
class PlaneBlend(nn.Module):
    """Depth as a softmax-weighted mean of the planes of neighbouring low-resolution pixels.

    A network of this project; no paper. At a depth edge the question is not which depth a pixel has
    but which of the neighbouring surfaces it belongs to. So each LR pixel gets a plane of its own
    surface (:func:`~stdnet_arch.ops.local_planes.fit_local_planes`), and the network weighs the
    planes of the neighbourhood, evaluated at the pixel. A mean of surfaces that were measured makes
    no flying pixels, needs no learning on flat areas, and its spread is an error bar. Untrained it
    is a sharp bilinear interpolation. Relatives: convex upsampling (RAFT, Teed & Deng 2020),
    slanted hypotheses (HITNet, Tankovich et al. 2021).

    Causal: the last prediction, brought to the present frame by a small flow, is one more
    candidate, which the network must learn to trust. Free of scale: depth enters as log ratios.

    Args:
        scale: H / h, a multiple of 4.
        num_feat: channels of the finest of the trunk's three sizes; the others have twice and three
            times as many.
        num_block: residual blocks of the three sizes.
        detail: channels at full size, before and after the trunk, which find edges to the pixel;
            0: all arithmetic on cells of 4x4 pixels, at a fraction of the time.
        head: ``"convolved"``: convolutions at full size after the trunk; ``"linear"``: each cell
            makes a linear function of the features of its pixels (``detail``, at least 1), at a
            fraction of the time.
        reach: candidates are the 3x3 neighbours and, for each further step of reach, eight at that
            distance: for sensors whose errors are wider than a pixel.
        temporal: carry the last prediction along; False: every frame by itself.
        motion_feat: channels of the features that the flow compares.
        refine: channels of the part that takes the steps out of ``lq`` before planes are fitted
            (:class:`~stdnet_arch.archs.plane_blend.refiner.Refiner`); 0: none.
        step: quantisation step of ``lq``, in its unit, if ``forward`` is not told; 0: continuous.
        with_weights: give the candidates' weights, too (18 times the memory of a prediction).

    Raises:
        ValueError: ``scale``, ``num_feat``, ``reach``, ``refine`` or ``head`` is not one of these.
    """

    multiple_of = 1
    takes_holes = True
    """A 0 in ``lq`` is a hole; the network fills it itself."""
    any_range = True
    """``lq`` and ``step`` times a factor give ``pred`` times it: no depth range is needed."""
    expects_error = True

    def __init__(  # noqa: PLR0913  one keyword per choice, as archs have
        self,
        scale: int,
        num_feat: int = 48,
        num_block: tuple[int, int, int] = (2, 3, 3),
        detail: int = 16,
        head: HeadKind = "convolved",
        reach: int = 1,
        temporal: bool = True,
        motion_feat: int = 24,
        refine: int = 0,
        step: float = 0.0,
        with_weights: bool = False,
    ) -> None:
        super().__init__()
        if scale < CELL or scale % CELL:
            raise ValueError(f"scale must be a multiple of {CELL} (4, 8, 12, 16), got {scale}")
        if num_feat < 1 or reach < 1:
            raise ValueError(f"num_feat and reach must be >= 1, got {num_feat} and {reach}")
        if head not in HEADS:
            raise ValueError(f"head must be one of {', '.join(HEADS)}; got {head!r}")
        if head == "linear" and not detail:
            raise ValueError("head linear needs a detail of at least 1 channel; got 0")
        self.scale, self.step, self.with_weights = scale, step, with_weights
        self.temporal = temporal
        self.causal = True
        self.halo = None if temporal else 0
        self.offsets = neighbour_offsets(reach)
        pixels = CELL**2
        self.choices = len(self.offsets) + int(temporal)
        self.colour_in = nn.Conv2d(SEEN_COLOUR, num_feat, 3, padding=1)
        self.depth_in = nn.Sequential(
            nn.Conv2d(SEEN_DEPTH, num_feat, 3, padding=1),
            leaky_relu(),
            nn.Conv2d(num_feat, num_feat, 3, padding=1),
        )
        # Where a cell lies in its LR pixel; at scale 4 they are the same.
        self.place_in = nn.Conv2d(2, num_feat, 1, bias=False) if scale > CELL else None
        if temporal:
            self.motion = FrameMotion(motion_feat)
            self.carried_in = start_at_zero(nn.Conv2d(SEEN_CARRIED, num_feat, 3, padding=1))
        self.refiner = make_refiner(refine)
        self.trunk = UNet((num_feat, 2 * num_feat, 3 * num_feat), tuple(num_block))  # type: ignore[arg-type]
        self.head = make_head(num_feat, self.choices, detail, head)
        self.detail = Detail(detail, num_feat) if detail else None
        self.plane_head = nn.Sequential(nn.LeakyReLU(0.1), nn.Conv2d(num_feat, 3, 1))
        self.error_head = nn.Sequential(
            nn.Conv2d(num_feat + 2 * pixels, num_feat, 1),
            leaky_relu(),
            nn.Conv2d(num_feat, pixels, 1),
        )
        for last in (self.plane_head[1], self.error_head[2]):
            start_at_zero(last)  # type: ignore[arg-type]

    @torch.no_grad()
    def scale_expected_errors(self, factor: float) -> None:
        """Expect errors ``factor`` times as large from now on, within the limits of the head.

        Predictions stay, but for those of a network with a memory, which reads expected errors.
        """
        bias = cast(Tensor, self.error_head[2].bias)
        bias += math.log(factor)

    def forward(self, lq: Tensor, guide: Tensor, step: Tensor | None = None) -> dict[str, Tensor]:
        """Super-resolve a clip of any length.

        Args:
            lq: low-resolution depth, ``(b, t, 1, h, w)``, >= 0; 0: a hole.
            guide: RGB, ``(b, t, 3, H, W)`` in [0, 1].
            step: quantisation step of ``lq``, in its unit, ``(b,)``; None: the network's own.

        Returns:
            ``pred``, ``(b, t, 1, H, W)``; ``error``, the expected absolute error in the unit of
            ``lq``, same shape. If asked for, ``weights``, ``(b, t, j, H, W)``, and for losses
            ``flow`` [px] to the frame before, ``(b, t - 1, 2, H/4, W/4)``.

        Raises:
            TypeError, ValueError: see :mod:`stdnet_arch.utils.shapes`.
        """
        return self.advance(lq, guide, step)[0]

    def adapt_state(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Begin with weights of a PlaneBlend of less reach, or without a memory.

        Candidates that it lacks start as untrained. One with a memory must have the same reach.
        """
        own = self.state_dict()
        return dict(state) if "motion.log_sharpness" in state else fit_choices(state, own)

    def open_stream(self) -> PlaneBlendStream:
        """Super-resolve frame by frame, without delay; see :class:`PlaneBlendStream`."""
        return PlaneBlendStream(self)

    def open_step(self) -> PlaneBlendStep:
        """One frame of a stream as a function of tensors; see :class:`PlaneBlendStep`."""
        return PlaneBlendStep(self)

    def advance(
        self,
        lq: Tensor,
        guide: Tensor,
        step: Tensor | None = None,
        memory: MotionMemory | None = None,
    ) -> tuple[dict[str, Tensor], MotionMemory | None]:
        """Super-resolve the next frames of a clip; see :meth:`forward`.

        Args:
            lq: see :meth:`forward`.
            guide: see :meth:`forward`.
            step: see :meth:`forward`.
            memory: memory of the frame before these; None: there is none.

        Returns:
            As :meth:`forward` (with a memory, flow of the first frame, too), and the memory; None
            if the network carries nothing along.
        """
        check_clip(lq, guide, self.scale)
        steps = lq.new_full((len(lq),), self.step) if step is None else step.to(lq)
        if not self.temporal:  # no frame knows of another: all at once
            t = lq.shape[1]
            each = lq.flatten(0, 1), guide.flatten(0, 1), steps.repeat_interleave(t)
            out, _ = self.advance_frame(*each, None)
            return {key: value.unflatten(0, (-1, t)) for key, value in out.items()}, None
        frames: list[dict[str, Tensor]] = []
        for i in range(lq.shape[1]):
            out, memory = self.advance_frame(lq[:, i], guide[:, i], steps, memory)
            frames.append(out)
        keys = sorted({key for frame in frames for key in frame})
        maps = {key: torch.stack([f[key] for f in frames if key in f], 1) for key in keys}
        if "flow" not in maps:
            h, w = (side // CELL for side in guide.shape[-2:])
            maps["flow"] = lq.new_zeros(len(lq), 0, 2, h, w)
        return maps, memory

    def advance_frame(
        self, lq: Tensor, guide: Tensor, step: Tensor, memory: MotionMemory | None
    ) -> tuple[dict[str, Tensor], MotionMemory | None]:
        """Super-resolve one frame.

        Args:
            lq: ``(b, 1, h, w)``.
            guide: ``(b, 3, H, W)``.
            step: ``(b,)``.
            memory: see :meth:`advance`.

        Returns:
            The maps of :meth:`forward` without ``t``, and the memory for the next frame.
        """
        frame = self._see(at_least_float32(lq), step)
        y, x = places(lq.shape[-2], lq.shape[-1], self.scale, frame.limit)
        factor = self.scale // CELL
        colour = see_colour(at_least_float32(guide))
        maps: dict[str, Tensor] = {}
        feat = self.colour_in(colour) + replicate_up(self.depth_in(frame.seen), factor)
        if self.place_in is not None:
            middle = (at.mean(1, keepdim=True).expand(-1, -1, *feat.shape[-2:]) for at in (y, x))
            feat = feat + self.place_in(torch.cat(tuple(middle), 1))
        sharp = None
        if self.detail is not None:
            sharp = self.detail(colour)
            feat = feat + self.detail.to_cells(sharp)
        carried = None
        if self.temporal:
            own = evaluate_planes(planes_around(frame.planes, [(0, 0)]), y, x, factor)[:, 0]
            traces = self.motion.traces(colour)
            if memory is None:
                carried = nothing_carried(own)
            else:
                maps["flow"] = self.motion(traces, Traces(memory.fine, memory.coarse))
                carried = carry(memory, guide, maps["flow"], own)
            feat = feat + self.carried_in(see_carried(carried, own))
        feat = self.trunk(feat)
        logits = at_least_float32(self.head(feat, sharp))
        maps |= self._decide(feat, logits, frame, (y, x), carried)
        if not self.temporal:
            return maps, None
        pred, error = maps["pred"].detach(), maps["error"].detach()
        return maps, MotionMemory(guide, pred, error, traces.fine, traces.coarse)

    def _see(self, lq: Tensor, step: Tensor) -> _Frame:
        """Fit planes, and describe the depth around each LR pixel."""
        surfaces = find_surfaces(lq, step, self.refiner)
        unit = step[:, None, None, None]
        seen = see_depth(surfaces.depth, surfaces.measured, surfaces.planes, unit)
        limit = 0.5 * unit + MOST_FLAT * surfaces.depth
        return _Frame(surfaces.planes, surfaces.measured.to(lq.dtype), seen, limit)

    def _decide(
        self,
        feat: Tensor,
        logits: Tensor,
        frame: _Frame,
        place: tuple[Tensor, Tensor],
        carried: Carried | None,
    ) -> dict[str, Tensor]:
        """Weigh the candidates, and say how far off the result may be."""
        factor = self.scale // CELL
        planes = self._move_planes(feat, frame, factor)
        choice = choice_among(planes, frame.measured, self.offsets, place, carried)
        blended = choose(logits, choice, factor, self.with_weights)
        error = self._expect_error(feat, blended.depth, blended.spread, frame.limit, factor)
        maps = {"pred": pixels_of(blended.depth), "error": pixels_of(error)}
        if blended.weight is not None:
            maps["weights"] = pixels_of(blended.weight.flatten(1, 2))
        return maps

    def _move_planes(self, feat: Tensor, frame: _Frame, factor: int) -> LocalPlanes:
        """Let the network correct the planes within what quantisation and noise allow."""
        moved = at_least_float32(self.plane_head(feat))
        if factor > 1:
            moved = nn.functional.avg_pool2d(moved, factor)
        by, by_x, by_y = (frame.limit * torch.tanh(part) for part in moved.split(1, 1))
        depth, slope_x, slope_y = frame.planes
        return LocalPlanes(depth + by, slope_x + 0.5 * by_x, slope_y + 0.5 * by_y)

    def _expect_error(
        self, feat: Tensor, depth: Tensor, spread: Tensor, limit: Tensor, factor: int
    ) -> Tensor:
        """Expected absolute error of each pixel; gradients stay in the error's own layers."""
        depth, spread = depth.detach(), spread.detach()
        floor = 0.25 * replicate_up(limit, factor)
        scale = depth.clamp_min(1e-6)
        seen = (feat.detach(), 10 * spread / scale, 10 * (floor / scale).expand_as(depth))
        answer = at_least_float32(self.error_head(torch.cat(seen, 1)))
        return (spread + floor) * torch.exp(answer.clamp(-5, 5))
