"""SceneFlow (Mayer et al., CVPR 2016): FlyingThings3D, Monkaa and Driving, stereo, 540x960."""

from pathlib import Path

import numpy as np

from stdnet_arch.data.codecs.pfm_codec import load_pfm
from stdnet_arch.data.sources.source import SOURCE_REGISTRY, ClipPaths, FileSource, check_view

PASSES = ("cleanpass", "finalpass")
FOCAL_PX = 1050.0
WIDE_FOCAL_PX = 450.0
"""Focal length [px] of Driving's clips under ``15mm_focallength``."""
CENTER_PX = 479.5, 269.5
BASELINE = 1.0
"""Distance of the two cameras in the scenes' own unit, which is no metre but is taken as one."""


@SOURCE_REGISTRY.register()
class SceneFlow(FileSource):
    """Clips are all folders with ``left`` and ``right``: ``TRAIN/A/0000``, ``a_rain_of_stones_x2``,
    ``35mm_focallength/scene_forwards/fast``.

    Colours lie under ``frames_cleanpass`` (or ``frames_finalpass``), disparities under
    ``disparity``, in folders of the same names; depth is ``focal length * baseline / disparity``.

    Args:
        root: folder that holds these two.
        view: ``left`` or ``right``.
        render: ``cleanpass`` or ``finalpass`` (with blur and defocus).
        under: only clips below this folder, such as ``TRAIN`` or ``TEST``; names stay whole.
    """

    default_range_m = 100.0
    guide_suffixes = (".png", ".webp")
    depth_suffixes = (".pfm",)

    def __init__(
        self, root: str, view: str = "left", render: str = "cleanpass", under: str = ""
    ) -> None:
        """Look for the frames."""
        super().__init__(root)
        check_view(view)
        if render not in PASSES:
            raise ValueError(f"render must be {' or '.join(PASSES)}; got {render!r}")
        self.view = view
        self.frames = self.root / f"frames_{render}"
        self.disparities = self.root / "disparity"
        self.under = under
        for folder in (self.frames / under, self.disparities / under):
            if not folder.is_dir():
                raise FileNotFoundError(
                    f"expected {folder} (an archive of its own, unpacked there); it does not exist"
                )

    def find_clips(self) -> dict[str, ClipPaths]:
        """Every folder of frames that has a sub-folder of the view."""
        places = [
            folder.relative_to(self.frames)
            for folder in (self.frames / self.under).rglob(self.view)
        ]
        return {
            str(place.parent): ClipPaths(self.frames / place, self.disparities / place)
            for place in sorted(places)
        }

    def decode_depth(self, path: Path) -> np.ndarray:
        """One disparity file as depth, float32 ``(H, W)``; 0 where disparity is not finite or 0."""
        # Some releases store the disparity of one view with a minus.
        disparity_px = np.abs(load_pfm(path))
        seen = np.isfinite(disparity_px) & (disparity_px > 0)
        depth = np.zeros_like(disparity_px)
        depth[seen] = _focal_px(path.parts) * BASELINE / disparity_px[seen]
        return depth

    def intrinsics_px(self, clip: str) -> tuple[float, float, float, float]:
        """``fx, fy, cx, cy`` of all frames of a clip."""
        focal = _focal_px(Path(clip).parts)
        return focal, focal, *CENTER_PX


def _focal_px(parts: tuple[str, ...]) -> float:
    return WIDE_FOCAL_PX if "15mm_focallength" in parts else FOCAL_PX
