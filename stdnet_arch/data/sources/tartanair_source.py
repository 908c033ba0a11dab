"""TarTanAir v1 (Wang et al., IROS 2020): rendered flights through 18 environments, 640x480."""

from pathlib import Path

import numpy as np

from stdnet_arch.data.codecs.depth_codec import load_npy
from stdnet_arch.data.rotation import pose_matrix
from stdnet_arch.data.sources.source import (
    SOURCE_REGISTRY,
    ClipPaths,
    FileSource,
    check_view,
    child_folders,
    choose_layout,
)

INTRINSICS_PX = 320.0, 320.0, 320.0, 240.0
# The axes x right, y down, z forward in those of the pose files: x forward, y right, z down.
_CAMERA_IN_NED = np.array([[0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]], float)
LEVELS = ("Easy", "Hard")
_LAYOUTS = (
    "stdnet = <root>/HR_RGB/<env>/<P###>/{image_left,depth_left}, "
    "native = <root>/<env>/{Easy,Hard}/<P###>/{image_left,depth_left}"
)


@SOURCE_REGISTRY.register()
class TarTanAir(FileSource):
    """Clips ``environment/P###`` of one camera; depth npy in metres, sky far beyond any range.

    STDNet's layout drops the difficulty level and has LR files of shape ``(1, 1, h, w)``. The same
    ``P###`` is another flight at the other level, so the native layout needs ``level``. (STDNet's
    clips are ``Hard``, to judge by frame counts; the shipped clip lists check the counts.)

    Flow and poses are read where ``flow/`` and ``pose_<view>.txt`` lie beside the frames.

    Args:
        root: folder of the dataset.
        layout: ``stdnet``, ``native``, or None to look.
        level: ``Easy`` or ``Hard``; without meaning in STDNet's layout.
        view: ``left``, or ``right``: 0.25 m beside it, rectified; without flow and LR files.
    """

    default_range_m = 30.0
    guide_suffixes = (".png",)

    def __init__(
        self,
        root: str,
        layout: str | None = None,
        level: str | None = None,
        view: str = "left",
    ) -> None:
        """Look which layout the root has."""
        super().__init__(root)
        check_view(view)
        self.view = view
        found = {
            "stdnet": (self.root / "HR_RGB").is_dir(),
            "native": any(any(self.root.glob(f"*/{name}/P*")) for name in LEVELS),
        }
        self.layout = choose_layout(layout, found, f"{_LAYOUTS} in {self.root.absolute()}")
        if level not in {None, *LEVELS} or (self.layout == "native" and level is None):
            raise ValueError(
                f"TarTanAir in its native layout needs source_opt level, {' or '.join(LEVELS)};"
                f" got {level!r}"
            )
        self.level = level
        self._poses: dict[str, np.ndarray] = {}

    def find_clips(self) -> dict[str, ClipPaths]:
        """Every ``environment/P###`` (of the level) that has depth of the view."""
        native = self.layout == "native"
        base = self.root if native else self.root / "HR_RGB"
        return {
            f"{env.name}/{clip.name}": self._of_view(clip)
            for env in child_folders(base)
            for clip in child_folders(env / str(self.level) if native else env)
            if self._of_view(clip).depth.is_dir()
        }

    def _of_view(self, clip: Path) -> ClipPaths:
        return ClipPaths(clip / f"image_{self.view}", clip / f"depth_{self.view}")

    def lq_folder(self, clip: str, scale: int) -> Path | None:
        """``LR/X4/environment/P###``, in STDNet's layout."""
        has_files = self.layout == "stdnet" and self.view == "left"
        return self.root / "LR" / f"X{scale}" / clip if has_files else None

    def flow_px(self, clip: str, i: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Motion (dx, dy) to the next frame [px], ``(2, H, W)``, and where the mask is 0.

        The mask marks occlusions and what leaves the view. None for the last frame, the
        right view, and for clips without a folder ``flow``.
        """
        folder = self.folders(clip).depth.parent / "flow"
        number = int(self._frame(clip, "depth", i).name.split("_")[0])
        is_last = i == len(self._files[clip, "depth"]) - 1
        if not folder.is_dir() or is_last or self.view != "left":
            return None
        stem = f"{number:06d}_{number + 1:06d}"
        flow, mask = (folder / f"{stem}_{what}.npy" for what in ("flow", "mask"))
        for path in (flow, mask):
            if not path.is_file():
                raise FileNotFoundError(
                    f"expected {path}, as {folder} exists; it does not (the masks are a download of"
                    " their own; without flow nothing is needed)"
                )
        return np.moveaxis(load_npy(flow), -1, 0), load_npy(mask) == 0

    def pose(self, clip: str, i: int) -> np.ndarray | None:
        """Camera to world, ``(4, 4)``, metres; x right, y down, z forward, in both frames.

        The files hold ``tx ty tz qx qy qz qw`` with x forward, y right and z down.
        """
        path = self.folders(clip).depth.parent / f"pose_{self.view}.txt"
        if not path.is_file():
            return None
        if clip not in self._poses:
            self._frame(clip, "depth", i)  # lists the clip's frames
            frames, lines = len(self._files[clip, "depth"]), np.loadtxt(path, ndmin=2)
            if lines.shape != (frames, 7):
                raise ValueError(
                    f"{path}: expected {frames} lines, one per frame, of 7 numbers; got"
                    f" {lines.shape[0]} of {lines.shape[1]}"
                )
            self._poses[clip] = lines
        line = self._poses[clip][i]
        ned = pose_matrix(line[:3], line[3:])
        return _CAMERA_IN_NED.T @ ned @ _CAMERA_IN_NED

    def intrinsics_px(self, clip: str) -> tuple[float, float, float, float]:  # noqa: ARG002
        """``fx, fy, cx, cy`` of all frames, as documented for 640x480."""
        return INTRINSICS_PX
