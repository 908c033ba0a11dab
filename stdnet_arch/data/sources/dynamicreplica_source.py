"""Dynamic Replica (Karaev et al., CVPR 2023): rendered rooms with people and animals, 1280x720."""

from pathlib import Path

import numpy as np

from stdnet_arch.data.codecs.depth_codec import (
    as_plane,
    float16_codes_to_metres,
    load_npy,
    load_png16,
)
from stdnet_arch.data.codecs.rgb_codec import read_rgb
from stdnet_arch.data.sources.frame_annotations import Annotation, read_annotations
from stdnet_arch.data.sources.source import (
    SOURCE_REGISTRY,
    ClipPaths,
    FileSource,
    child_folders,
    choose_layout,
    frame_numbers,
    number_of,
)

DECODINGS = ("float16_png", "uint16_raw", "metres")
RAW_RANGE = 17700.0
_NEAREST_M = 1e-5
_LAYOUTS = (
    "stdnet = <root>/HR_RGB/<part>/<clip>/{color,depth}, "
    "native = <root>/<split>/<clip>/{images,depths}"
)


@SOURCE_REGISTRY.register()
class DynamicReplica(FileSource):
    """Clips ``part/clip`` (STDNet's layout, npy) or ``split/clip`` (native, PNG).

    The dataset stores each depth as the 16 bits of a float16 number of metres, in a 16-bit PNG.
    STDNet's evaluation seems to have read these codes as if they were proportional to depth and
    divided them by 17700, which is float16(5.14 m). So ``depth_decode`` is one of

    * ``float16_png`` (default): the codes are float16 bits, the result is metres;
    * ``uint16_raw``: parity with the paper, the "metres" are raw codes, range 17700. The paper's
      centimetres are codes / 100, 10,000 times less than what our metrics then print. Never
      compare these numbers with those in metres;
    * ``metres``: files that hold metres already.

    Poses and intrinsics are read where ``frame_annotations_*.jgz`` lies beside the clips, as in the
    native layout. Flow is read where ``flow_forward/`` and ``flow_forward_mask/`` lie in the folder
    of a clip.

    LR files of STDNet's layout are ``(1, h, w)``. They need not hold whole codes, which only
    ``uint16_raw`` can read; with metres let the dataset make LR itself (``lq: dtof_peak``).

    Args:
        root: folder of the dataset.
        layout: ``stdnet``, ``native``, or None to look.
        depth_decode: see above.
    """

    default_range_m = 10.0

    def __init__(
        self, root: str, layout: str | None = None, depth_decode: str = "float16_png"
    ) -> None:
        """Look which layout the root has."""
        super().__init__(root)
        found = {
            "stdnet": (self.root / "HR_RGB").is_dir(),
            "native": any(self.root.glob("*/*/depths")),
        }
        self.layout = choose_layout(layout, found, f"{_LAYOUTS} in {self.root.absolute()}")
        if depth_decode not in DECODINGS:
            raise ValueError(
                f"depth_decode must be one of {', '.join(DECODINGS)}; got {depth_decode!r}"
            )
        self.depth_decode = depth_decode
        self._annotations: dict[Path, dict[str, dict[int, Annotation]]] = {}
        self._flow_files: dict[Path, dict[int, Path]] = {}
        self.depth_suffixes = (".png",) if self.layout == "native" else (".npy",)
        if depth_decode == "uint16_raw":
            self.default_range_m = RAW_RANGE
            self.unit_of_depth = "raw code"

    def find_clips(self) -> dict[str, ClipPaths]:
        """Every ``part/clip`` or ``split/clip``."""
        native = self.layout == "native"
        base = self.root if native else self.root / "HR_RGB"
        guide, depth = ("images", "depths") if native else ("color", "depth")
        return {
            f"{part.name}/{clip.name}": ClipPaths(clip / guide, clip / depth)
            for part in child_folders(base)
            for clip in child_folders(part)
            if (clip / depth).is_dir()
        }

    def lq_folder(self, clip: str, scale: int) -> Path | None:
        """``LR/X4/part/clip``, in STDNet's layout."""
        return None if self.layout == "native" else self.root / "LR" / f"X{scale}" / clip

    def lq_m(self, clip: str, i: int, scale: int) -> np.ndarray | None:
        """LR depth frame; raw codes cannot do without a file (a sensor simulation needs metres)."""
        lq = super().lq_m(clip, i, scale)
        if lq is None and self.depth_decode == "uint16_raw":
            folder = self.lq_folder(clip, scale)
            raise FileNotFoundError(
                f"depth_decode uint16_raw: expected LR files in {folder or self.root}; got none"
            )
        return lq

    def pose(self, clip: str, i: int) -> np.ndarray | None:
        """Camera to world, ``(4, 4)``, metres; x right, y down, z forward; None without file."""
        found = self._annotation(clip, i)
        return None if found is None else found.pose

    def intrinsics_px(self, clip: str) -> tuple[float, float, float, float] | None:
        """``fx, fy, cx, cy`` of the first frame; None without annotations."""
        found = self._annotation(clip, 0)
        return None if found is None else found.intrinsics_px

    def flow_px(self, clip: str, i: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Motion (dx, dy) to the next frame [px], ``(2, H, W)``, and where the mask holds it.

        None for the last frame and for clips without a folder ``flow_forward``.
        """
        folder = self.folders(clip).depth.parent / "flow_forward"
        frame = self._frame(clip, "depth", i)
        if not folder.is_dir() or i == len(self._files[clip, "depth"]) - 1:
            return None
        number = number_of(frame)
        flow, mask = (
            self._numbered(place, number)
            for place in (folder, folder.with_name("flow_forward_mask"))
        )
        both = as_plane(float16_codes_to_metres(load_png16(flow), flow), flow)
        return np.stack(np.split(both, 2, axis=1)), np.asarray(read_rgb(mask).any(axis=-1))

    def _numbered(self, folder: Path, number: int) -> Path:
        """The file of a frame in a folder that may lack the last frame."""
        if folder not in self._flow_files:
            self._flow_files[folder] = frame_numbers(folder, (".png",))
        if number not in self._flow_files[folder]:
            raise FileNotFoundError(f"expected frame {number} in {folder}; got none")
        return self._flow_files[folder][number]

    def _annotation(self, clip: str, i: int) -> Annotation | None:
        depth = self.folders(clip).depth
        files = sorted(depth.parent.parent.glob("frame_annotations_*.jgz"))
        if len(files) != 1:
            return None
        if files[0] not in self._annotations:
            self._annotations[files[0]] = read_annotations(files[0])
        number = number_of(self._frame(clip, "depth", i))
        frames = self._annotations[files[0]].get(depth.parent.name, {})
        if number not in frames:
            raise ValueError(f"{files[0]}: expected frame {number} of {clip!r}; got none")
        return frames[number]

    def decode_depth(self, path: Path) -> np.ndarray:
        """One file as float32 ``(H, W)``: metres, or raw codes if so asked."""
        stored = load_png16(path) if path.suffix == ".png" else load_npy(path)
        if self.depth_decode == "metres":
            return as_plane(stored, path)
        if self.depth_decode == "uint16_raw":
            return as_plane(stored.astype(np.float32), path)
        depth_m = as_plane(float16_codes_to_metres(stored, path), path)
        return np.where(np.abs(depth_m) < _NEAREST_M, np.float32(0), depth_m)
