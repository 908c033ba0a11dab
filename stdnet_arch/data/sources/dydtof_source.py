"""DyDToF (Sun et al., CVPR 2023): rendered indoor clips with moving animals, 45k frames."""

from pathlib import Path

import numpy as np

from stdnet_arch.data.sources.camera_table import TURNS, CameraRow, read_camera_table
from stdnet_arch.data.sources.source import (
    SOURCE_REGISTRY,
    ClipPaths,
    FileSource,
    child_folders,
    choose_layout,
    number_of,
)

_LAYOUTS = (
    "stdnet = <root>/DyDToF_HR_RGB/<scene>/<clip>/{color,depth}, "
    "native = <root>/<scene>/<clip>/{ColorImage,DepthMap}"
)


@SOURCE_REGISTRY.register()
class DyDToF(FileSource):
    """Clips ``scene/clip``; float32 depth in metres, windows at 50 m.

    STDNet's layout holds 528x960 frames and LR files; the native one 540x960 frames and none. 540
    rows do not divide by 8 and 16, so native frames lose rows at the top and bottom, half of them
    each. The rows that STDNet's authors removed are not documented.

    Poses and intrinsics are read where ``CameraPoses.csv`` lies in the folder of a clip, in either
    layout. There is no flow.

    Args:
        root: folder of the dataset.
        layout: ``stdnet``, ``native``, or None to look.
        rows: number of rows of a native frame that are kept.
        pose_axes: axes of the table: ``left_handed`` (Unreal's own) or ``right_handed``. The right
            one gives the truth a TAE of about 0.
    """

    default_range_m = 40.0

    def __init__(
        self,
        root: str,
        layout: str | None = None,
        rows: int = 528,
        pose_axes: str = "left_handed",
    ) -> None:
        """Look which layout the root has."""
        if pose_axes not in TURNS:
            raise ValueError(f"pose_axes must be {' or '.join(TURNS)}; got {pose_axes!r}")
        super().__init__(root)
        found = {
            "stdnet": (self.root / "DyDToF_HR_RGB").is_dir(),
            "native": any(self.root.glob("*/*/DepthMap")),
        }
        self.layout = choose_layout(layout, found, f"{_LAYOUTS} in {self.root.absolute()}")
        self.rows, self.pose_axes = rows, pose_axes
        self._cameras: dict[str, dict[int, CameraRow]] = {}

    def find_clips(self) -> dict[str, ClipPaths]:
        """Every ``scene/clip`` of the layout."""
        native = self.layout == "native"
        base = self.root if native else self.root / "DyDToF_HR_RGB"
        guide, depth = ("ColorImage", "DepthMap") if native else ("color", "depth")
        return {
            f"{scene.name}/{clip.name}": ClipPaths(clip / guide, clip / depth)
            for scene in child_folders(base)
            for clip in child_folders(scene)
            if (clip / depth).is_dir()
        }

    def lq_folder(self, clip: str, scale: int) -> Path | None:
        """``DyDToF_LR/X4/scene/clip/depth``, in STDNet's layout."""
        if self.layout == "native":
            return None
        return self.root / "DyDToF_LR" / f"X{scale}" / clip / "depth"

    def guide(self, clip: str, i: int) -> np.ndarray:
        """Colour frame: uint8 ``(H, W, 3)``, RGB."""
        return self._keep_rows(super().guide(clip, i), clip, i, "guide")

    def guide_bytes(self, clip: str, i: int) -> tuple[bytes, tuple[int, int] | None]:
        """A colour file as it is; and the rows that belong to the frame, None for all."""
        data, _ = super().guide_bytes(clip, i)
        if self.layout == "stdnet":
            return data, None
        height = super().guide(clip, i).shape[0]
        kept = self._kept_rows(height, clip, i, "guide")
        return data, (kept.start, kept.stop)

    def depth_m(self, clip: str, i: int) -> np.ndarray:
        """Depth frame: float32 ``(H, W)`` metres, memory-mapped."""
        return self._keep_rows(super().depth_m(clip, i), clip, i, "depth")

    def pose(self, clip: str, i: int) -> np.ndarray | None:
        """Camera to world, ``(4, 4)``, metres; x right, y down, z forward; None without a table."""
        camera = self._camera(clip, i)
        return None if camera is None else camera.pose

    def intrinsics_px(self, clip: str) -> tuple[float, float, float, float] | None:
        """``fx, fy, cx, cy`` of the first frame, of the rows that are kept; None without a table.

        The table's centre is half the size of the whole frame. As many rows are kept above as below
        it.
        """
        camera = self._camera(clip, 0)
        if camera is None:
            return None
        fx, fy, cx, cy = camera.intrinsics_px
        above = int(2 * cy - self.depth_m(clip, 0).shape[0]) // 2
        return fx, fy, cx - 0.5, cy - above - 0.5

    def _camera(self, clip: str, i: int) -> CameraRow | None:
        path = self.folders(clip).depth.parent / "CameraPoses.csv"
        if not path.is_file():
            return None
        if clip not in self._cameras:
            self._cameras[clip] = read_camera_table(path, self.pose_axes)
        number = number_of(self._frame(clip, "depth", i))
        if number not in self._cameras[clip]:
            raise ValueError(f"{path}: expected a row of id {number}; got none")
        return self._cameras[clip][number]

    def _keep_rows(self, frame: np.ndarray, clip: str, i: int, what: str) -> np.ndarray:
        if self.layout == "stdnet":
            return frame
        return frame[self._kept_rows(frame.shape[0], clip, i, what)]

    def _kept_rows(self, height: int, clip: str, i: int, what: str) -> slice:
        extra = height - self.rows
        if extra < 0:
            name = self.location(clip, i, what)
            raise ValueError(f"{name}: expected at least {self.rows} rows; got {height}")
        return slice(extra // 2, extra // 2 + self.rows)
