"""The options of the datasets of RGB clips; ``read_options`` reads them as those of RGB-D clips."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

BACKENDS = ("disk", "lmdb")
LQ_EVERY = (1, 2)


@dataclass(frozen=True, kw_only=True)
class RGBReadOptions:
    """Options that say what is read."""

    scale: int
    """HR side / LR side; the toolbox copies it from the top of the YAML."""
    dataroot_gt: str
    """Folder of clips (HR frames), or an LMDB of the toolbox; of Vimeo-90K the folder that holds
    ``00001/0001/im1.png``, or an LMDB with all seven frames."""
    dataroot_lq: str | None = None
    """The same for LR frames; None makes them by bicubic."""
    io_backend: Mapping[str, Any] = field(default_factory=lambda: {"type": "disk"})
    """``{type: disk}`` or ``{type: lmdb}``, for both."""
    clips: str | list[str] | None
    """Clip list: a path (of Vimeo-90K ``sep_trainlist.txt``, ``sep_testlist.txt``, ...), or
    entries."""

    def __post_init__(self) -> None:
        """Check what has a limited choice."""
        if self.scale < 1:
            raise ValueError(f"scale must be at least 1; got {self.scale}")
        if self.io_backend not in [{"type": name} for name in BACKENDS]:
            raise ValueError(
                f"io_backend must be {{type: disk}} or {{type: lmdb}}; got {dict(self.io_backend)}"
            )


@dataclass(frozen=True, kw_only=True)
class RGBTestOptions(RGBReadOptions):
    """Whole clips of any length."""

    __test__ = False  # not a test class, whatever its name

    clips: str | list[str] | None = None
    """Entries may be ``clip``, ``clip count`` and ``clip start stop``; None takes all clips."""
    mod_crop: bool = False
    """Cut HR frames at the right and at the bottom to multiples of scale; else they are refused."""


@dataclass(frozen=True, kw_only=True)
class SeptupletTestOptions(RGBReadOptions):
    """Whole septuplets of Vimeo-90K."""

    drop_black: bool = True
    """Leave out the nine test clips that hold black frames, by name: their PSNR is infinite."""


@dataclass(frozen=True, kw_only=True)
class SeptupletTrainOptions(RGBReadOptions):
    """Random crops of septuplets; the defaults are those that STDAN was trained with."""

    gt_size: int = 128
    """Side of the square HR crop."""
    use_hflip: bool = True
    use_vflip: bool = True
    use_transpose: bool = True
    use_reverse: bool = True
    """Each with probability 1/2, for the whole clip."""
    lq_every: int = 2
    """2: LR frames 1, 3, 5 and 7, for space-time networks; 1: all seven."""
    mirror: bool = False
    """The clip and behind it its reverse, 14 frames (the toolbox's ``flip_sequence``), with all LR
    frames."""

    def __post_init__(self) -> None:
        """Check the crop and the frames, too."""
        super().__post_init__()
        if self.lq_every not in LQ_EVERY or (self.mirror and self.lq_every != 1):
            raise ValueError(
                "lq_every must be 1 or 2, and 1 with mirror: true; got "
                f"lq_every: {self.lq_every!r}, mirror: {self.mirror}"
            )
        if self.gt_size <= 0 or self.gt_size % self.scale:
            raise ValueError(
                f"gt_size must be a multiple of scale {self.scale}; got {self.gt_size}"
            )
