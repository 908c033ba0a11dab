"""Septuplets of Vimeo-90K (Xue et al., IJCV 2019) for space-time super-resolution of RGB."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from basicsr.utils.registry import DATASET_REGISTRY
from torch.utils.data import Dataset

from stdnet_arch.data.augment import CropBox, change_at_random, draw_box, mirror_in_time
from stdnet_arch.data.dataset_options import read_options
from stdnet_arch.data.rgb.rgb_clip_options import (
    RGBReadOptions,
    SeptupletTestOptions,
    SeptupletTrainOptions,
)
from stdnet_arch.data.rgb.rgb_clip_reader import RGBClipReader, to_rgb_item, whole_frame
from stdnet_arch.data.rgb.rgb_store import SEPTUPLET, SeptupletFolders, open_store
from stdnet_arch.data.sources.clip_list import read_entries

LOGGER = logging.getLogger("basicsr")

# The lists of Zooming Slow-Mo leave them out of STDAN's 4,983 medium and 1,616 slow clips.
BLACK_CLIPS = frozenset({
    "00036/0974", "00046/0113", "00047/0865", "00047/0866", "00048/0034", "00088/0794",
    "00014/0030", "00014/0043", "00048/0137",
})  # fmt: skip
"""Test clips with black frames, six medium and three slow."""


@DATASET_REGISTRY.register()
class VimeoSeptupletDataset(Dataset):
    """One random crop of each listed septuplet: seven HR frames and, by ``lq_every``, LR frames.

    All draws come from torch's generator, as those of ``RGBDVideoDataset``.

    Args:
        opt: the dataset section of the YAML; see :class:`SeptupletTrainOptions`.
    """

    options_kind = SeptupletTrainOptions

    def __init__(self, opt: Mapping[str, Any]) -> None:
        """Read the options and the list."""
        self.opt = opt
        self.options = read_options(self.options_kind, opt)
        self.names = list_septuplets(self.options.clips)
        self.reader = open_septuplets(self.options, self.names)

    def __len__(self) -> int:
        """Number of septuplets."""
        return len(self.names)

    def __getitem__(self, index: int) -> dict[str, object]:
        """``lq (4,3,h,w)``, ``gt (7,3,H,W)`` float32 in [0, 1], ``clip``, ``frame`` (0).

        With ``lq_every: 1``, ``lq`` has seven frames; with ``mirror``, both have fourteen.
        """
        name, frames = self.names[index], range(SEPTUPLET)
        clip = self.reader.read(name, frames, frames[:: self.options.lq_every], self._draw_box)
        clip = change_at_random(clip, self.options)
        return to_rgb_item(mirror_in_time(clip) if self.options.mirror else clip, name)

    def _draw_box(self, h: int, w: int) -> CropBox:
        scale, side = self.options.scale, self.options.gt_size // self.options.scale
        if side > min(h, w):
            raise ValueError(
                f"expected frames of at least gt_size {side * scale}x{side * scale} in"
                f" {self.options.dataroot_gt}; got {h * scale}x{w * scale}"
            )
        return draw_box(h, w, side)


@DATASET_REGISTRY.register()
class VimeoSeptupletTestDataset(Dataset):
    """Every listed septuplet whole, all seven frames in LR and HR; nothing random.

    Args:
        opt: the dataset section of the YAML; see :class:`SeptupletTestOptions`.
    """

    options_kind = SeptupletTestOptions

    def __init__(self, opt: Mapping[str, Any]) -> None:
        """Read the options and the list."""
        self.opt = opt
        self.options = read_options(self.options_kind, opt)
        listed = list_septuplets(self.options.clips)
        black = BLACK_CLIPS if self.options.drop_black else frozenset[str]()
        self.names = [name for name in listed if name not in black]
        self.dropped = [name for name in listed if name in black]
        if self.dropped:
            LOGGER.info(
                "%d black clips of %d are left out: %s",
                len(self.dropped), len(listed), ", ".join(self.dropped),
            )  # fmt: skip
        self.reader = open_septuplets(self.options, self.names)

    def __len__(self) -> int:
        """Number of septuplets that are not left out."""
        return len(self.names)

    def __getitem__(self, index: int) -> dict[str, object]:
        """``lq (7,3,h,w)``, ``gt (7,3,H,W)`` float32 in [0, 1], ``clip``, ``frame`` (0)."""
        name, frames = self.names[index], range(SEPTUPLET)
        return to_rgb_item(self.reader.read(name, frames, frames, whole_frame), name)


def list_septuplets(clips: str | Sequence[str] | None) -> list[str]:
    """Clip names of a list, ``00001/0001`` each; what else a line of the toolbox's lists says goes.

    Raises:
        ValueError: no list, an empty one, or a line that names no septuplet.
    """
    if clips is None:
        raise ValueError("clips must name a list, for example sep_testlist.txt; got null")
    names = [entry.split()[0] for entry in read_entries(clips)]
    wrong = [name for name in names if name.count("/") != 1]
    if wrong or not names:
        got = repr(wrong[0]) if wrong else "none"
        raise ValueError(f"{clips}: expected lines like 00001/0001; got {got}")
    return names


def open_septuplets(options: RGBReadOptions, names: Sequence[str]) -> RGBClipReader:
    """A reader whose stores hold all these clips.

    Raises:
        FileNotFoundError: a folder, or a clip in it, does not exist.
        ValueError: an LMDB without all seven frames (the toolbox's own recipe for HR stores the
            only the fourth).
    """
    gt = open_store(options.dataroot_gt, options.io_backend, SeptupletFolders)
    lq = None
    if options.dataroot_lq is not None:
        lq = open_store(options.dataroot_lq, options.io_backend, SeptupletFolders)
    reader = RGBClipReader(gt, lq, options.scale)
    reader.check(names, SEPTUPLET)
    return reader
