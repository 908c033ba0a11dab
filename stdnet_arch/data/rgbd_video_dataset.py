"""Training windows of RGB-D clips."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from basicsr.utils.registry import DATASET_REGISTRY
from torch.utils.data import Dataset

from stdnet_arch.data import augment
from stdnet_arch.data.augment import Clip, CropBox, draw_below
from stdnet_arch.data.clip_reader import ClipReader, to_item
from stdnet_arch.data.dataset_options import TrainOptions, read_options
from stdnet_arch.data.geometry import GeometryReader
from stdnet_arch.data.sources.clip_list import ClipSpan


@DATASET_REGISTRY.register()
class RGBDVideoDataset(Dataset):
    """Every window of ``num_frame`` frames of every listed clip, cropped and augmented at random.

    All draws come from torch's generator: a DataLoader seeds it again for each worker and epoch,
    and a fixed ``manual_seed`` repeats the run. The toolbox reseeds ``random`` and numpy alike in
    every epoch (basicsr/data/__init__.py:97).

    Args:
        opt: the dataset section of the YAML; see :class:`TrainOptions`.
    """

    options_kind = TrainOptions

    def __init__(self, opt: Mapping[str, Any]) -> None:
        """Read the options and list the windows."""
        self.opt = opt
        self.options = read_options(self.options_kind, opt)
        self.reader = ClipReader(self.options, far_frames=True)
        self.geometry = GeometryReader(self.reader.source, self.options.extras)
        self.geometry.check_all(self.reader.spans)
        self.windows = [w for span in self.reader.spans for w in self._windows(span)]

    def __len__(self) -> int:
        """Number of windows."""
        return len(self.windows)

    def __getitem__(self, index: int) -> dict[str, object]:
        """One window; see :func:`stdnet_arch.data.clip_reader.to_item`."""
        window = self.windows[index]
        frames = range(window.start, window.stop)
        box = self._draw_box(window)
        seed = draw_below(2**62) if self.reader.is_random else 0
        read = self.reader.read(window.clip, frames, box, seed)
        clip = self._augment({**read, **self._flow(window, box)})
        as_bytes = self.options.guide_bytes
        return to_item(clip, self.reader.range_m, window, window.clip, as_bytes=as_bytes)

    def _windows(self, span: ClipSpan) -> list[ClipSpan]:
        length = self.options.num_frame
        if span.stop - span.start < length:
            raise ValueError(
                f"clip {span.clip!r} under {self.options.dataroot!r}: expected at least num_frame"
                f" {length} frames; got {span.stop - span.start} ({span.start}..{span.stop - 1})"
            )
        h, w = self.reader.lr_size(span.clip)
        scale, size = self.options.scale, self.options.gt_size
        if size > scale * min(h, w):
            raise ValueError(
                f"clip {span.clip!r} under {self.options.dataroot!r}: expected frames of at least"
                f" gt_size {size}x{size}; got {scale * h}x{scale * w}"
            )
        starts = range(span.start, span.stop - length + 1)
        return [ClipSpan(span.clip, start, start + length) for start in starts]

    def _flow(self, window: ClipSpan, box: CropBox) -> Clip:
        """``flow_px (t - 1, H, W, 2)``, if the options ask for it."""
        read = self.geometry.read(window, box.hr(self.options.scale))
        return {name: flow.numpy().transpose(0, 2, 3, 1) for name, flow in read.items()}

    def _draw_box(self, window: ClipSpan) -> CropBox:
        h, w = self.reader.lr_size(window.clip)
        side = self.options.gt_size // self.options.scale
        boxes = [augment.draw_box(h, w, side) for _ in range(self.options.crop_candidates)]
        if len(boxes) == 1:
            return boxes[0]
        middle = (window.start + window.stop) // 2
        return max(boxes, key=lambda box: self.reader.variation(window.clip, middle, box))

    def _augment(self, clip: Clip) -> Clip:
        options = self.options
        clip = augment.change_at_random(clip, options)
        if options.color_jitter:
            factors = 1 + options.color_jitter * (2 * torch.rand(3).numpy() - 1)
            guide = clip["guide"].astype(np.float32) / 255
            clip = {**clip, "guide": augment.jitter_color(guide, *map(float, factors))}
        return clip
