"""Stage 1 only by geometry: plane sweeps between frames whose cameras are known."""

import logging
from collections.abc import Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from stdnet_arch.data.recordings.recording import Intrinsics
from stdnet_arch.ops.matching.plane_sweep import View, agrees, pick_depth, plane_depths, sweep_cost
from stdnet_arch.ops.matching.semi_global import semi_global
from stdnet_arch.ops.resize import resample
from stdnet_arch.stereodiff.matcher import MATCHER_REGISTRY
from stdnet_arch.stereodiff.posed_video import Lately, PosedVideo
from stdnet_arch.utils.device import choose_device

LOGGER = logging.getLogger(__name__)
LEAST_PARALLAX_PX = 1.0
"""Between the nearest and the farthest plane; a view with less tells nothing."""
EDGE = 0.05
"""A step of grey that halves the cost of a jump in depth."""


@MATCHER_REGISTRY.register()
class PlaneSweep:
    """Multi-view stereo of static scenes on known poses: no network, no weights, metric depth.

    Each frame is swept against others before and after it, and made smooth by semi-global matching.
    Its depth is kept where enough other frames confirm it. What moves by itself does not fit the
    cameras' geometry: mostly it finds no confirmation, and is left unknown (0).

    Args:
        near_m: the nearest plane [m].
        far_m: the farthest plane [m].
        planes: number of planes, evenly spaced in 1 / depth.
        offsets: frames that a frame is swept against, relative to it.
        window_px: side of the correlation windows, odd.
        step_cost: cost of a change by one plane to the neighbouring pixel (correlation runs from
            0 to 2); 0 together with ``jump_cost`` 0: no semi-global matching.
        jump_cost: cost of a larger change, where the picture has no edge.
        confirm_offsets: frames whose depth is asked for confirmation, relative to the frame.
        votes: number of frames that must confirm a depth; fewer where fewer frames have
            the point in view, but at least one; 0: none is needed.
        tolerance: share by which confirming depths may differ.
        longest_px: longer sides of pictures are reduced to this before matching (the paper: 512).
        reduce: depth is written at 1 / this of the RGB's size, nearest pixels.
        device: ``auto``, ``cpu``, ``cuda``.

    Raises:
        ValueError: an option that cannot be; the message says which.
    """

    def __init__(  # noqa: PLR0913, PLR0917  one keyword per choice of the user
        self,
        near_m: float = 0.5,
        far_m: float = 20.0,
        planes: int = 64,
        offsets: Sequence[int] = (-12, -6, -3, 3, 6, 12),
        window_px: int = 5,
        step_cost: float = 0.1,
        jump_cost: float = 0.5,
        confirm_offsets: Sequence[int] = (-6, -3, 3, 6),
        votes: int = 2,
        tolerance: float = 0.05,
        longest_px: int = 512,
        reduce: int = 1,
        device: str = "auto",
    ) -> None:
        self.planes_m = plane_depths(near_m, far_m, planes)
        for name, given in (("offsets", offsets), ("confirm_offsets", confirm_offsets)):
            if not given or 0 in given or len(set(given)) < len(given):
                raise ValueError(f"{name} must be frames beside the frame, got {list(given)}")
        if not 0 <= step_cost <= jump_cost:
            raise ValueError(
                f"costs must be 0 <= step_cost <= jump_cost, got {step_cost}, {jump_cost}"
            )
        if min(reduce, longest_px) < 1 or votes < 0 or not tolerance > 0:
            raise ValueError(
                "reduce and longest_px must be at least 1, votes at least 0, tolerance above 0; "
                f"got {reduce}, {longest_px}, {votes}, {tolerance}"
            )
        if window_px < 1 or window_px % 2 == 0:
            raise ValueError(f"window_px must be odd, got {window_px}")
        self.offsets, self.confirm_offsets = tuple(offsets), tuple(confirm_offsets)
        self.window_px, self.step_cost, self.jump_cost = window_px, step_cost, jump_cost
        self.votes, self.tolerance = votes, tolerance
        self.longest_px, self.reduce = longest_px, reduce
        self.device = choose_device(device)

    def check(self, video: PosedVideo) -> None:
        """See :class:`~stdnet_arch.stereodiff.matcher.Matcher`."""
        for i in range(len(video)):
            _camera(video, i)

    def depths(self, video: PosedVideo, start: int) -> Iterator[NDArray[np.float32]]:
        """See :class:`~stdnet_arch.stereodiff.matcher.Matcher`."""
        blind = 0
        reach = max(map(abs, self.confirm_offsets))
        views = Lately(lambda i: self._views(video, i), 2 * (reach + max(map(abs, self.offsets))))
        first = max(start - reach, 0)
        swept = Lately(lambda i: self._swept(views, len(video), i), 2 * reach + 1)
        swept[first]  # from there on in order, so that nothing is made twice
        rgb_size = next(video.colors()).shape[:2]
        size = -(-rgb_size[0] // self.reduce), -(-rgb_size[1] // self.reduce)
        for i in range(start, len(video)):
            swept[min(i + reach, len(video) - 1)]
            depth_m = self._confirmed(views, swept, len(video), i)
            blind += not bool((depth_m > 0).any())
            yield _nearest(depth_m, size)[0].cpu().numpy()
        if blind:
            LOGGER.warning(
                "%d frames got no depth: no other frame saw them from elsewhere (a camera that "
                "stands still gives no stereo)", blind,
            )  # fmt: skip

    def _views(self, video: PosedVideo, start: int) -> Iterator[View]:
        for i, rgb in enumerate(video.colors(start), start):
            H, W = rgb.shape[:2]
            shrink = min(1.0, self.longest_px / max(H, W))
            size = max(1, round(H * shrink)), max(1, round(W * shrink))
            gray = torch.from_numpy(rgb.astype(np.float32)).to(self.device).mean(-1)
            camera, pose = _camera(video, i)
            yield View(
                resample(gray[None] / 255, size, "bilinear", antialias=True),
                torch.tensor(resized(camera, (H, W), size), device=self.device),
                torch.from_numpy(pose).to(self.device),
            )

    def _swept(self, views: Lately[View], frames: int, start: int) -> Iterator[Tensor]:
        """Depth of each frame from its own sweep, ``(1, h, w)``; all 0 without parallax."""
        for i in range(start, frames):
            beside = [i + k for k in self.offsets if 0 <= i + k < frames]
            around = {k: views[k] for k in sorted([i, *beside])}
            others = [around[k] for k in beside if self._sees_depth(around[i], around[k])]
            yield self._sweep(around[i], others)

    def _sweep(self, view: View, others: Sequence[View]) -> Tensor:
        if not others:
            return torch.zeros_like(view.gray)
        cost = sweep_cost(view, others, self.planes_m, self.window_px)
        if self.jump_cost > 0:
            jump = (self.jump_cost / (1 + _edges(view.gray[0]) / EDGE)).clamp(min=self.step_cost)
            cost = semi_global(cost, self.step_cost, jump)
        return pick_depth(cost, self.planes_m.to(cost.device))

    def _confirmed(self, views: Lately[View], swept: Lately[Tensor], frames: int, i: int) -> Tensor:
        """Depth of a frame where others confirm it, 0 elsewhere, ``(1, h, w)``."""
        beside = [i + k for k in self.confirm_offsets if 0 <= i + k < frames]
        depths = {k: swept[k] for k in sorted([i, *beside])}
        depth_m = depths[i]
        if not self.votes:
            return depth_m
        agreed = torch.zeros_like(depth_m, dtype=torch.int64)
        seen = torch.zeros_like(agreed)
        for k in beside:
            vote, inside = agrees(depth_m, views[i], depths[k], views[k], self.tolerance)
            agreed, seen = agreed + vote, seen + inside
        needed = seen.clamp(min=1, max=self.votes)
        return torch.where(agreed >= needed, depth_m, 0)

    def _sees_depth(self, view: View, other: View) -> bool:
        """Tell whether the nearest and the farthest plane look different from there."""
        baseline_m = float((view.pose[:3, 3] - other.pose[:3, 3]).norm())
        spread = float(1 / self.planes_m[0] - 1 / self.planes_m[-1])
        return float(view.intrinsics_px[0]) * baseline_m * spread >= LEAST_PARALLAX_PX


def resized(
    camera: Intrinsics, size: tuple[int, int], new_size: tuple[int, int]
) -> tuple[float, float, float, float]:
    """``fx, fy, cx, cy`` of a picture ``(H, W)`` that was resampled, borders kept in place."""
    down, across = new_size[0] / size[0], new_size[1] / size[1]
    return (
        camera.fx_px * across,
        camera.fy_px * down,
        (camera.cx_px + 0.5) * across - 0.5,
        (camera.cy_px + 0.5) * down - 0.5,
    )


def _camera(video: PosedVideo, i: int) -> tuple[Intrinsics, NDArray[np.float64]]:
    camera, pose = video.intrinsics(i), video.pose(i)
    missing = [name for name, x in (("intrinsics", camera), ("pose", pose)) if x is None]
    if camera is None or pose is None:
        raise ValueError(
            f"the matcher PlaneSweep needs the camera of every frame; {video.where} has no "
            f"{' and no '.join(missing)} of frame {i}: give them, or take the matcher SensorDepth"
        )
    if not np.isfinite(pose).all():
        raise ValueError(f"{video.where}: the pose of frame {i} is not finite")
    return camera, pose


def _edges(gray: Tensor) -> Tensor:
    """The larger step of grey to the pixel on the left and to the one above, ``(H, W)``."""
    across = F.pad((gray[:, 1:] - gray[:, :-1]).abs(), (1, 0))
    down = F.pad((gray[1:] - gray[:-1]).abs(), (0, 0, 1, 0))
    return torch.maximum(across, down)


def _nearest(depth_m: Tensor, size: tuple[int, int]) -> Tensor:
    """``(1, h, w)`` at ``size``: the pixel that each centre lies in."""
    return F.interpolate(depth_m[None], size=size, mode="nearest-exact")[0]
