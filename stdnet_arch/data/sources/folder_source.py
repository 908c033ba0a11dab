"""Your own clips: a folder of colour frames and a folder of depth frames."""

from pathlib import Path

import numpy as np

from stdnet_arch.data.codecs.depth_codec import metres_per_unit
from stdnet_arch.data.codecs.depth_file import FLOAT16, SUFFIXES, read_depth
from stdnet_arch.data.sources.source import SOURCE_REGISTRY, ClipPaths, FileSource, child_folders


@SOURCE_REGISTRY.register()
class Folder(FileSource):
    """Frames as PNG or JPEG, depth as npy, npz, 16-bit PNG, TIFF or EXR.

    Three arrangements: ``<root>/rgb/*`` (one clip, called like the root), ``<root>/<clip>/rgb/*``
    (clips at any depth) or ``<root>/rgb/<clip>/*``; depth and LR lie the same way. Frames belong
    together by the last number in their names.

    Args:
        root: folder of the clips.
        guide: name of the folder of colour frames.
        depth: name of the folder of depth frames.
        lq: name of the folder of LR depth, if any; ``{scale}`` stands for 4, 8 or 16.
        unit: unit of stored depth: ``m``, ``mm``, metres per stored unit, or ``float16`` (16-bit
            codes are float16 bits). None is metres for floats and mm for PNG and TIFF.
        invalid: a stored value that means "no depth", beside 0, NaN and inf.
        npz_key: name of the array of a npz file, if it holds several.
        consecutive: False if the numbers in the names have gaps by nature (timestamps); frames then
            belong together by their order.
    """

    default_range_m = 10.0
    depth_suffixes = SUFFIXES

    def __init__(  # noqa: PLR0913  one keyword per option of the YAML
        self,
        root: str,
        *,
        guide: str = "rgb",
        depth: str = "depth",
        lq: str | None = None,
        unit: str | float | None = None,
        invalid: float | None = None,
        npz_key: str | None = None,
        consecutive: bool = True,
    ) -> None:
        """Keep the options; look which arrangement the root has."""
        super().__init__(root)
        self.guide_name = guide
        self.depth_name = depth
        self.lq_name = lq
        if unit not in {None, FLOAT16}:
            metres_per_unit(unit)  # an unknown unit is refused before a file is read
        self.unit = unit
        self.invalid = invalid
        self.npz_key = npz_key
        self.consecutive = consecutive
        top = self.root / guide
        if not top.is_dir():
            self._arrangement = "{clip}/{name}"
        elif any(path.is_file() for path in top.iterdir()):
            self._arrangement = "{name}"
        else:
            self._arrangement = "{name}/{clip}"

    def find_clips(self) -> dict[str, ClipPaths]:
        """The clips of whichever arrangement the root has."""
        if self._arrangement == "{name}":
            clips = [self.root.resolve().name]
        elif self._arrangement == "{name}/{clip}":
            clips = [child.name for child in child_folders(self.root / self.guide_name)]
        else:
            found = sorted(self.root.glob(f"**/{self.guide_name}"))
            depths = len(Path(self.guide_name).parts)
            clips = [f.relative_to(self.root).parents[depths - 1].as_posix() for f in found]
        return {
            clip: ClipPaths(
                self._folder(clip, self.guide_name), self._folder(clip, self.depth_name)
            )
            for clip in clips
        }

    def lq_folder(self, clip: str, scale: int) -> Path | None:
        """The folder of LR depth beside that of depth, if the options name one."""
        if self.lq_name is None:
            return None
        return self._folder(clip, self.lq_name.format(scale=scale))

    def list_frames(self, folder: Path, suffixes: tuple[str, ...]) -> dict[int, Path]:
        """Frame number to file; by order instead if numbers have gaps by nature."""
        if self.consecutive:
            return super().list_frames(folder, suffixes)
        if not folder.is_dir():
            raise FileNotFoundError(f"expected a folder of frames at {folder}; it does not exist")
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in suffixes)
        if not paths:
            raise FileNotFoundError(f"expected frames in {folder}; got none")
        return dict(enumerate(paths))

    def decode_depth(self, path: Path) -> np.ndarray:
        """One depth file as float32 ``(H, W)`` metres."""
        return read_depth(path, self.unit, self.invalid, self.npz_key)

    def _folder(self, clip: str, name: str) -> Path:
        return self.root / self._arrangement.format(clip=clip, name=name)
