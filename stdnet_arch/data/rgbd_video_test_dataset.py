"""Whole RGB-D clips for validation and test."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from basicsr.utils.registry import DATASET_REGISTRY
from torch.utils.data import Dataset

from stdnet_arch.data.augment import CropBox
from stdnet_arch.data.clip_reader import ClipReader, to_item
from stdnet_arch.data.dataset_options import TestOptions, read_options
from stdnet_arch.data.geometry import GeometryReader
from stdnet_arch.data.sources.clip_list import ClipSpan


@DATASET_REGISTRY.register()
class RGBDVideoTestDataset(Dataset):
    """One item per listed clip, all its frames; noise, if asked for, is the same at every read.

    Args:
        opt: the dataset section of the YAML; see :class:`TestOptions`.
    """

    options_kind = TestOptions

    def __init__(self, opt: Mapping[str, Any]) -> None:
        """Read the options and list the clips."""
        self.opt = opt
        self.options = read_options(self.options_kind, opt)
        self.reader = ClipReader(self.options)
        spans = self.reader.spans
        for span in spans:
            self._check_length(span)
        times = Counter(span.clip for span in spans)
        self.names = [span.clip if times[span.clip] == 1 else span.label for span in spans]
        self.boxes = [self._box(span.clip) for span in spans]
        self.geometry = GeometryReader(self.reader.source, self.options.extras)
        self.geometry.check(spans)

    def __len__(self) -> int:
        """Number of clips."""
        return len(self.reader.spans)

    def __getitem__(self, index: int) -> dict[str, object]:
        """One clip; see :func:`stdnet_arch.data.clip_reader.to_item`."""
        span = self.reader.spans[index]
        frames, seed = range(span.start, span.stop), self.options.sensor_opt.seed
        clip = self.reader.read(span.clip, frames, self.boxes[index], seed)
        item = to_item(clip, self.reader.range_m, span, self.names[index])
        return item | self.geometry.read(span, self.boxes[index].hr(self.options.scale))

    def _check_length(self, span: ClipSpan) -> None:
        every, length = self.options.lq_every, span.stop - span.start
        if (length - 1) % every:
            last = span.stop - (length - 1) % every
            raise ValueError(
                f"clip {span.clip!r} under {self.options.dataroot!r}: lq_every {every} needs 1 plus"
                f" a multiple of {every} frames, so that the last has LR depth; got {length}"
                f" ({span.start}..{span.stop - 1}); name the frames in the clip list, for example"
                f" '{span.clip} {span.start} {last}'"
            )

    def _box(self, clip: str) -> CropBox:
        h, w = self.reader.lr_size(clip)
        if self.options.center_crop is None:
            return CropBox(0, 0, h, w)
        height, width = (side // self.options.scale for side in self.options.center_crop)
        if height > h or width > w:
            scale = self.options.scale
            raise ValueError(
                f"clip {clip!r} under {self.options.dataroot!r}: expected frames of at least"
                f" center_crop {self.options.center_crop}; got {h * scale}x{w * scale}"
            )
        return CropBox((h - height) // 2, (w - width) // 2, height, width)
