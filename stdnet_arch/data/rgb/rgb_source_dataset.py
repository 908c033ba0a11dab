"""The RGB of any RGB-D source as clips for space-time super-resolution of RGB."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from basicsr.utils.registry import DATASET_REGISTRY
from torch.utils.data import Dataset

from stdnet_arch.data.augment import CropBox, change_at_random, draw_box
from stdnet_arch.data.dataset_options import read_options
from stdnet_arch.data.rgb.rgb_clip_options import LQ_EVERY
from stdnet_arch.data.rgb.rgb_clip_reader import RGBClipReader, to_rgb_item, whole_frame
from stdnet_arch.data.sources.clip_list import ClipSpan, resolve_spans
from stdnet_arch.data.sources.source import Source, build_source, location


@dataclass(frozen=True, kw_only=True)
class SourceRGBOptions:
    """Options: with ``num_frame`` random windows for training, without it whole clips."""

    source: str
    """Name of a registered source."""
    scale: int
    """HR side / LR side; the toolbox copies it from the top of the YAML."""
    dataroot: str = ""
    """Folder of the raw dataset."""
    source_opt: Mapping[str, Any] = field(default_factory=dict)
    """Keyword arguments of the source."""
    clips: str | list[str] | None = None
    """Clip list; None for all clips of the source."""
    num_frame: int | None = None
    """Frames of a window; None: whole clips, nothing random."""
    lq_every: int = 2
    """2: a window has ``lq`` at every second frame, and its length is odd and at least 3; 1: at all
    of them, for networks that make none."""
    gt_size: int = 128
    """Side of the square HR crop of a window."""
    use_hflip: bool = True
    use_vflip: bool = True
    use_transpose: bool = True
    use_reverse: bool = True
    """Each with probability 1/2, for the whole window."""

    def __post_init__(self) -> None:
        """Check the sizes."""
        size = self.num_frame
        if self.lq_every not in LQ_EVERY:
            raise ValueError(f"lq_every must be 1 or 2; got {self.lq_every!r}")
        if size is not None and self.lq_every == 2 and (size < 3 or size % 2 == 0):
            raise ValueError(f"num_frame must be odd and at least 3, or null; got {size}")
        if size is not None and size < 1:
            raise ValueError(f"num_frame must be at least 1, or null; got {size}")
        if self.gt_size <= 0 or self.gt_size % self.scale:
            raise ValueError(
                f"gt_size must be a multiple of scale {self.scale}; got {self.gt_size}"
            )


@DATASET_REGISTRY.register()
class SourceRGBDataset(Dataset):
    """Colour frames of a source at every time, and by bicubic at low resolution.

    Args:
        opt: the dataset section of the YAML; see :class:`SourceRGBOptions`.
    """

    options_kind = SourceRGBOptions

    def __init__(self, opt: Mapping[str, Any]) -> None:
        """Build the source and list clips or windows."""
        self.opt = opt
        self.options = options = read_options(SourceRGBOptions, opt)
        source = build_source(options.source, options.dataroot, options.source_opt)
        spans = resolve_spans(options.clips, source.clips())
        self.spans = [window for span in spans for window in self._windows(span)]
        self.reader = RGBClipReader(SourceFrames(source), None, options.scale)

    def __len__(self) -> int:
        """Number of clips or windows."""
        return len(self.spans)

    def __getitem__(self, index: int) -> dict[str, object]:
        """``lq`` and ``gt``, float32 in [0, 1], ``clip``, ``frame`` (of the first).

        A window has ``lq`` at every second frame, ``((t+1)/2,3,h,w)``; with ``lq_every: 1`` it has
        it at all of them, as a whole clip has, ``(t,3,h,w)``; ``gt (t,3,H,W)``.
        """
        span = self.spans[index]
        frames = range(span.start, span.stop)
        if self.options.num_frame is None:
            return to_rgb_item(
                self.reader.read(span.clip, frames, frames, whole_frame), span.clip, span.start
            )
        clip = self.reader.read(span.clip, frames, frames[:: self.options.lq_every], self._draw_box)
        return to_rgb_item(change_at_random(clip, self.options), span.clip, span.start)

    def _windows(self, span: ClipSpan) -> list[ClipSpan]:
        length = self.options.num_frame
        if length is None:
            return [span]
        if span.stop - span.start < length:
            raise ValueError(
                f"clip {span.clip!r}: expected at least num_frame {length} frames; got "
                f"{span.stop - span.start}"
            )
        starts = range(span.start, span.stop - length + 1)
        return [ClipSpan(span.clip, start, start + length) for start in starts]

    def _draw_box(self, h: int, w: int) -> CropBox:
        scale, side = self.options.scale, self.options.gt_size // self.options.scale
        if side > min(h, w):
            raise ValueError(
                f"expected frames of at least gt_size {self.options.gt_size}; got "
                f"{h * scale}x{w * scale}"
            )
        return draw_box(h, w, side)


class SourceFrames:
    """The colour frames of a source as a store of RGB clips."""

    def __init__(self, source: Source) -> None:
        """Keep the source."""
        self.source = source

    def clips(self) -> list[str]:
        """Names of the clips."""
        return list(self.source.clips())

    def count(self, clip: str) -> int:
        """Number of frames of a clip."""
        return self.source.clips()[clip]

    def read(self, clip: str, i: int) -> np.ndarray:
        """One frame: uint8 ``(H, W, 3)``, RGB."""
        return np.asarray(self.source.guide(clip, i)[:, :])

    def location(self, clip: str, i: int) -> str:
        """The frame's file, or its name."""
        return location(self.source, clip, i, "guide")
