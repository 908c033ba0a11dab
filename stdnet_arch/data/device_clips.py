"""Training batches made on the device: scenes, augmentation and sensors, without a loader."""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from stdnet_arch.data.device_scenes import (
    CELL,
    SceneMaker,
    Scenes,
    continued,
    cut_out,
    mirrored,
)
from stdnet_arch.ops.warp import warp_to_edges

MISALIGNED_PX = ((None, 1.0), (16, 0.7), (3, 0.7))
"""Shifts of depth against RGB: size of the moving parts, None: all as one; and spread [px]."""
UNREGISTERED_PX = 7.0
"""Spread of the shift of depth that was not brought to the RGB's camera [px]."""
ROUNDED_M = (2e-4, 1e-2)
"""Finest and coarsest step that continuous depth is rounded to [m]."""
SHADOW_PX = (2.0, 16.0)
"""Least and greatest disparity [px] of the nearest thing: how wide shadows beside it get."""


class TrainingClips(NamedTuple):
    """A batch, on the device, in metres."""

    lq_m: Tensor
    """``(b, t, 1, h, w)``; holes are 0."""
    guide: Tensor
    """``(b, t, 3, H, W)`` in [0, 1]."""
    depth_m: Tensor
    """``(b, t, 1, H, W)``; 0 where unknown."""
    step_m: Tensor
    """Quantisation step of ``lq_m``, ``(b,)``."""
    flow_px: Tensor
    """Flow to the frame before, ``(b, t - 1, 2, H/4, W/4)``."""
    flow_valid: Tensor
    """Pixels where it is known and seen in the frame before, bool ``(b, t - 1, 1, H/4, W/4)``."""


@dataclass(frozen=True)
class Augmentation:
    """Rates and sizes of the changes of samples; each is drawn again for each sample."""

    log_depth: tuple[float, float] = (-0.4, 0.8)
    """Depth is multiplied by the exponential of a number between these."""
    wrong_guide: float = 0.03
    """Share of samples that get the RGB of another one: it must not be trusted blindly."""
    dark_guide: float = 0.03
    """Share of samples in the dark."""
    holes: float = 0.12
    """Share of samples whose depth gets holes."""
    misaligned: float = 0.0
    """Share of samples whose depth has its outlines beside those of the RGB, as real sensors do."""
    unregistered: float = 0.0
    """Share of samples whose depth lies far beside the RGB, as from two cameras that were not
    brought together."""
    unseen: float = 0.0
    """Share of samples with depth that no sensor saw: in shadows beside near things, in patches."""
    rounded: float = 0.0
    """Share of samples of continuous depth that is rounded to a fine step, as files hold it."""
    cuts: float = 0.0
    """Share of clips that go on, from some frame, in another place: what was carried there is wrong
    there."""


class DeviceClips:
    """Draws batches; the same seed draws the same ones on the same device.

    Args:
        makers: each with its share of a batch.
        degrade: ``(depth_m (n, 1, H, W), rgb (n, 3, H, W), scale, preset, generator,
            frames)`` -> ``lq_m``, ``measured``, ``step_m``.
        presets: presets of sensors, each with its share of the batches' groups.
        scale: H / h.
        batch: clips in a batch.
        device: device of all tensors.
        seed: seed of everything that is drawn here.
        groups: parts of a batch that get a sensor each.
        echoes: batches made of the same scenes, each turned, coloured and sensed again.
        pan_px: frames are cut out up to so many pixels, a multiple of 4, beside the middle of what
            the makers draw: those make sides larger by twice that. Motion to learn from.
        augmentation: see :class:`Augmentation`.

    Raises:
        ValueError: ``pan_px`` is not such a number.
    """

    def __init__(  # noqa: PLR0913  one keyword per ingredient
        self,
        makers: Sequence[tuple[SceneMaker, float]],
        degrade: Callable[..., Sequence[Any]],
        presets: Mapping[str, float],
        *,
        scale: int,
        batch: int,
        device: torch.device,
        seed: int,
        groups: int = 3,
        echoes: int = 1,
        pan_px: int = 0,
        augmentation: Augmentation = Augmentation(),  # noqa: B008  frozen
    ) -> None:
        if pan_px < 0 or pan_px % CELL:
            raise ValueError(f"pan_px must be a multiple of {CELL}, 0 or more; got {pan_px}")
        self.pan_px = pan_px
        total = sum(share for _, share in makers)
        counts = [round(batch * share / total) for _, share in makers]
        counts[0] += batch - sum(counts)
        self.makers = [(maker, n) for (maker, _), n in zip(makers, counts, strict=True) if n]
        self.degrade, self.presets, self.scale = degrade, dict(presets), scale
        self.groups, self.augmentation = groups, augmentation
        self.echoes, self._left = echoes, 0
        self._made: list[Scenes] = []
        self.random = random.Random(seed)  # noqa: S311  not for secrets
        self.generator = torch.Generator(device=device).manual_seed(seed)
        self.device = device

    def __call__(self) -> TrainingClips:
        """Draw the next batch."""
        if self._left == 0:
            self._made = [maker.scenes(n) for maker, n in self.makers]
            self._left = self.echoes
        self._left -= 1
        parts = [self._pan(self._turn(scenes)) for scenes in self._made]
        scenes = Scenes(*(torch.cat(tensors) for tensors in zip(*parts, strict=True)))
        order = torch.randperm(len(scenes.rgb), generator=self.generator, device=self.device)
        scenes = self._cut(Scenes(*(x[order] for x in scenes)))
        factor = self._uniform(len(order), *self.augmentation.log_depth).exp()
        depth_m = self._misalign(scenes.depth_m * factor.view(-1, 1, 1, 1, 1))
        depth_m = self._hide(depth_m)
        lq_m, step_m = self._round(*self._sense(depth_m, scenes.rgb))
        guide = self._recolour(scenes.rgb)
        return TrainingClips(lq_m, guide, depth_m, step_m, scenes.flow_px, scenes.flow_valid)

    def _uniform(self, n: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        return low + (high - low) * torch.rand(n, generator=self.generator, device=self.device)

    def _turn(self, scenes: Scenes) -> Scenes:
        """Flip and transpose all clips of a maker; flow turns along."""
        if self.random.random() < 0.5:
            scenes = mirrored(scenes)
        if self.random.random() < 0.3:
            scenes = mirrored(scenes, axis=-2)
        if self.random.random() < 0.4:
            rgb, depth_m, flow, valid = (x.transpose(-1, -2) for x in scenes)
            scenes = Scenes(rgb, depth_m, flow.flip(2), valid)
        return scenes

    def _pan(self, scenes: Scenes) -> Scenes:
        """Cut frames out of larger ones, each at a place of its own: calm clips and hasty ones."""
        if not self.pan_px:
            return scenes
        b, t = scenes.rgb.shape[:2]
        most = self.pan_px // CELL
        h, w = (side - 2 * self.pan_px for side in scenes.rgb.shape[-2:])
        amount = self._uniform(b).view(b, 1, 1)
        drawn = torch.rand(b, t, 2, generator=self.generator, device=self.device)
        corner = (most + most * amount * (2 * drawn - 1)).round().long()  # (y, x) in cells
        return cut_out(scenes, corner, h, w)

    def _cut(self, scenes: Scenes) -> Scenes:
        """Let some clips go on as another one, or as their own mirror image, from some frame on."""
        b, t = scenes.rgb.shape[:2]
        if not self.augmentation.cuts or t < 2:
            return scenes
        if self.random.random() < 0.5:
            other = mirrored(scenes)
        else:
            other = Scenes(*(x.roll(1, 0) for x in scenes))
        first = self._uniform(b, 1, t).long()[:, None]
        first = torch.where(self._uniform(b)[:, None] < self.augmentation.cuts, first, t)
        return continued(scenes, other, first)

    def _sense(self, depth_m: Tensor, rgb: Tensor) -> tuple[Tensor, Tensor]:
        """Low-resolution depth, a sensor for each group of clips; and its step."""
        t = depth_m.shape[1]
        lq, step = [], []
        kinds, shares = list(self.presets), list(self.presets.values())
        for depth, colour in zip(depth_m.chunk(self.groups), rgb.chunk(self.groups), strict=True):
            kind = self.random.choices(kinds, shares)[0]
            made = self.degrade(
                depth.flatten(0, 1),
                colour.flatten(0, 1),
                self.scale,
                kind,
                self.generator,
                frames=t,
            )
            lq_m, measured, step_m = made[:3]
            lq.append((lq_m * measured).unflatten(0, (-1, t)))
            step.append(step_m.expand(len(lq_m)).unflatten(0, (-1, t))[:, 0])
        return self._punch(torch.cat(lq)), torch.cat(step)

    def _misalign(self, depth_m: Tensor) -> Tensor:
        """Move the outlines of some clips' depth by a few pixels, as one, smoothly and raggedly.

        Two cameras are never calibrated to the pixel, and a sensor's outlines are ragged. Depth is
        looked up at the nearest pixel: between two surfaces there is none. Where nobody brought
        the cameras together, all depth lies many pixels aside.
        """
        plan = self.augmentation
        chosen = self._uniform(len(depth_m)) < plan.misaligned
        far = torch.zeros_like(chosen)
        if plan.unregistered:
            far = self._uniform(len(depth_m)) < plan.unregistered
        index = (chosen | far).nonzero()[:, 0]
        if len(index) == 0:
            return depth_m
        clips = depth_m[index]
        b, t, _, h, w = clips.shape
        moved_px = torch.zeros(b, 2, h, w, device=self.device)
        for cell_px, spread_px in MISALIGNED_PX:
            size = (1, 1) if cell_px is None else (max(h // cell_px, 2), max(w // cell_px, 2))
            field = torch.randn(b, 2, *size, generator=self.generator, device=self.device)
            moved_px += spread_px * F.interpolate(field, (h, w), mode="bilinear")
        moved_px *= self._uniform(b, 0.2, 1.5).view(b, 1, 1, 1)
        if plan.unregistered:
            aside = torch.randn(b, 2, 1, 1, generator=self.generator, device=self.device)
            moved_px += UNREGISTERED_PX * aside * far[index].view(b, 1, 1, 1)
        found, _ = warp_to_edges(clips.flatten(0, 1), moved_px.repeat_interleave(t, 0), "nearest")
        return depth_m.index_copy(0, index, found.unflatten(0, (b, t)))

    def _hide(self, depth_m: Tensor) -> Tensor:
        """Make some clips' depth unknown where recordings have none, before a sensor measures it.

        Projector and camera stand apart: beside near things lies a shadow, on one side of them
        (:func:`in_shadow`). Dark or shiny things are missing in patches.
        """
        if not self.augmentation.unseen:
            return depth_m
        b, t, _, h, w = depth_m.shape
        chosen = self._uniform(b) < self.augmentation.unseen
        nearest_px = self._uniform(b, *SHADOW_PX).view(b, 1, 1, 1, 1)
        shadow = in_shadow(depth_m, nearest_px, to_left=self.random.random() < 0.5)
        blobs = self._blobs((b, t, h, w), 16, 0.2)
        level = self._uniform(b, 0.6, 2.4).view(b, 1, 1, 1, 1)
        hidden = (shadow | (blobs > level)) & chosen.view(b, 1, 1, 1, 1)
        return depth_m.masked_fill(hidden, 0)

    def _round(self, lq_m: Tensor, step_m: Tensor) -> tuple[Tensor, Tensor]:
        """Round some clips of continuous depth to a step; without them any step means a coarse one.

        Args:
            lq_m: low-resolution depth [m], ``(b, t, 1, h, w)``.
            step_m: its step [m], ``(b,)``; 0: continuous.
        """
        if not self.augmentation.rounded:
            return lq_m, step_m
        drawn_m = self._uniform(len(step_m), *(math.log(end) for end in ROUNDED_M)).exp()
        chosen = (self._uniform(len(step_m)) < self.augmentation.rounded) & (step_m == 0)
        unit = drawn_m.view(-1, 1, 1, 1, 1)
        rounded_m = (lq_m / unit).round() * unit
        shape = chosen.view(-1, 1, 1, 1, 1)
        return torch.where(shape, rounded_m, lq_m), torch.where(chosen, drawn_m, step_m)

    def _punch(self, lq_m: Tensor) -> Tensor:
        """Holes of all sizes into some clips; they move little from frame to frame."""
        b, t, _, h, w = lq_m.shape
        blobs = self._blobs((b, t, h, w), 4, 0.35)
        level = self._uniform(b, 0.8, 2.2).view(b, 1, 1, 1, 1)
        chosen = (self._uniform(b) < self.augmentation.holes).view(b, 1, 1, 1, 1)
        return lq_m.masked_fill((blobs > level) & chosen, 0)

    def _blobs(self, size: tuple[int, int, int, int], cell: int, grain: float) -> Tensor:
        """Draw a smooth field for each clip, and grain that is new in each frame.

        Args:
            size: ``(b, t, h, w)``.
            cell: about the size of a blob [px].
            grain: spread of the grain; that of the field is about 1.

        Returns:
            ``(b, t, 1, h, w)``.
        """
        b, t, h, w = size
        small = b, 1, max(h // cell, 2), max(w // cell, 2)
        coarse = torch.randn(small, generator=self.generator, device=self.device)
        smooth = F.interpolate(coarse, (h, w), mode="bicubic", align_corners=False)[:, None]
        fine = torch.randn(b, t, 1, h, w, generator=self.generator, device=self.device)
        return smooth + grain * fine

    def _recolour(self, rgb: Tensor) -> Tensor:
        """Order of channels, gamma, gains, noise; some in the dark, some of another clip."""
        b = len(rgb)
        plan = self.augmentation
        order = torch.rand(b, 3, generator=self.generator, device=self.device).argsort(1)
        rgb = rgb.gather(2, order.view(b, 1, 3, 1, 1).expand_as(rgb))
        shape = (b, 1, 1, 1, 1)
        gain = self._uniform(b, -0.5, 0.3).exp().view(shape)
        gamma = self._uniform(b, -0.4, 0.4).exp().view(shape)
        rgb = (rgb * gain).clamp(1e-4, 1) ** gamma
        dark = (self._uniform(b) < plan.dark_guide).view(shape)
        rgb = torch.where(dark, 0.06 * rgb, rgb)
        noise = torch.randn(rgb.shape, generator=self.generator, device=self.device)
        level = self._uniform(b, -0.01, 0.03).clamp_min(0).view(shape)
        rgb = (rgb + level * noise).clamp(0, 1)
        wrong = (self._uniform(b) < plan.wrong_guide).view(shape)
        return torch.where(wrong, rgb.roll(1, 0), rgb)


def in_shadow(depth: Tensor, nearest_px: Tensor, to_left: bool) -> Tensor:
    """Tell which points a second camera beside the first one does not see.

    Args:
        depth: ``(b, t, 1, H, W)``, > 0.
        nearest_px: disparity of the nearest point of each clip [px], ``(b, 1, 1, 1, 1)``.
        to_left: shadows lie to the left of near things; else to the right.

    Returns:
        A mask of the shape of ``depth``.
    """
    disparity = nearest_px * depth.amin((1, 2, 3, 4), keepdim=True) / depth
    if not to_left:
        disparity = disparity.flip(-1)
    hidden = torch.zeros_like(disparity, dtype=torch.bool)
    width = disparity.shape[-1]
    for step in range(1, min(math.ceil(float(nearest_px.max())), width - 1) + 1):
        # The point `step` pixels to the right is nearer and covers this one in the other picture.
        covered = disparity[..., step:] - disparity[..., :-step] > step
        hidden[..., :-step] |= covered
    return hidden if to_left else hidden.flip(-1)
