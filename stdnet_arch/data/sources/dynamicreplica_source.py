"""Dynamic Replica (Karaev et al., CVPR 2023): rendered rooms with people and animals, 1280x720."""

from pathlib import Path

import numpy as np

from stdnet_arch.data.codecs.depth_codec import (
    as_plane,
    float16_codes_to_metres,
    load_npy,
    load_png16,
)
from stdnet_arch.data.sources.source import (
    SOURCE_REGISTRY,
    ClipPaths,
    FileSource,
    child_folders,
    choose_layout,
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

    def decode_depth(self, path: Path) -> np.ndarray:
        """One file as float32 ``(H, W)``: metres, or raw codes if so asked."""
        stored = load_png16(path) if path.suffix == ".png" else load_npy(path)
        if self.depth_decode == "metres":
            return as_plane(stored, path)
        if self.depth_decode == "uint16_raw":
            return as_plane(stored.astype(np.float32), path)
        depth_m = as_plane(float16_codes_to_metres(stored, path), path)
        return np.where(np.abs(depth_m) < _NEAREST_M, np.float32(0), depth_m)
