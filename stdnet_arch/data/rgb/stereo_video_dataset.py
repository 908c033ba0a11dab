"""Both views of rectified stereo clips, as one clip of six channels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from basicsr.utils.registry import DATASET_REGISTRY
from torch.utils.data import Dataset

from stdnet_arch.data import augment
from stdnet_arch.data.augment import Clip, CropBox, draw_below, draw_box
from stdnet_arch.data.dataset_options import read_options
from stdnet_arch.data.rgb.rgb_clip_reader import RGBClipReader, to_rgb_item, whole_frame
from stdnet_arch.data.rgb.rgb_source_dataset import SourceFrames
from stdnet_arch.data.sources.clip_list import ClipSpan, resolve_spans
from stdnet_arch.data.sources.source import build_source


@dataclass(frozen=True, kw_only=True)
class StereoOptions:
    """Options: with ``num_frame`` random windows for training, without it whole clips."""

    source: str
    """Name of a registered source with two views."""
    scale: int
    """HR side / LR side; the toolbox copies it from the top of the YAML."""
    dataroot: str = ""
    """Folder of the raw dataset."""
    source_opt: Mapping[str, Any] = field(default_factory=dict)
    """Keyword arguments of the source, for both views."""
    left_opt: Mapping[str, Any] = field(default_factory=lambda: {"view": "left"})
    """Those for the left view only."""
    right_opt: Mapping[str, Any] = field(default_factory=lambda: {"view": "right"})
    """Those for the right view only; of ``Folder``, for example, ``{guide: right}``."""
    clips: str | list[str] | None = None
    """Clip list; None for all clips of the source."""
    num_frame: int | None = None
    """Frames of a window; None: whole clips, nothing random."""
    gt_size: int = 256
    """Side of the square HR crop of a window, at the same place in both views."""
    use_hflip: bool = True
    """Left becomes right, and the views change places, so that a near point still lies farther to
    the right in the left view."""
    use_vflip: bool = True
    use_reverse: bool = True
    """Each with probability 1/2, for the whole window. (Both flips are the turn by 180 degrees;
    a transposition would turn rows into columns.)"""
    mod_crop: bool = False
    """Cut HR frames at the right and at the bottom to multiples of scale; else they are refused."""

    def __post_init__(self) -> None:
        """Check the sizes."""
        if self.num_frame is not None and self.num_frame < 1:
            raise ValueError(f"num_frame must be at least 1, or null; got {self.num_frame}")
        if self.gt_size <= 0 or self.gt_size % self.scale:
            raise ValueError(
                f"gt_size must be a multiple of scale {self.scale}; got {self.gt_size}"
            )


@DATASET_REGISTRY.register()
class StereoVideoDataset(Dataset):
    """Colours of both views, and by bicubic at low resolution.

    Args:
        opt: the dataset section of the YAML; see :class:`StereoOptions`.
    """

    options_kind = StereoOptions

    def __init__(self, opt: Mapping[str, Any]) -> None:
        """Build the source twice and list clips or windows."""
        self.opt = opt
        self.options = options = read_options(StereoOptions, opt)
        stores = [
            SourceFrames(
                build_source(options.source, options.dataroot, {**options.source_opt, **of_view})
            )
            for of_view in (options.left_opt, options.right_opt)
        ]
        self.readers = [RGBClipReader(s, None, options.scale, options.mod_crop) for s in stores]
        left, right = (store.source.clips() for store in stores)
        spans = resolve_spans(options.clips, left)
        for span in spans:
            if right.get(span.clip) != left[span.clip]:
                raise ValueError(
                    f"clip {span.clip!r} under {options.dataroot!r}: expected {left[span.clip]} "
                    f"frames of the right view, as of the left one; got {right.get(span.clip, 0)}"
                )
        self.spans = [window for span in spans for window in self._windows(span)]

    def __len__(self) -> int:
        """Number of clips or windows."""
        return len(self.spans)

    def __getitem__(self, index: int) -> dict[str, object]:
        """``lq (t,6,h,w)``, ``gt (t,6,H,W)`` float32 in [0, 1], ``clip``, ``frame`` (of the first).

        Channels are red, green and blue of the left view, then of the right one.
        """
        span = self.spans[index]
        frames = range(span.start, span.stop)
        choose = whole_frame if self.options.num_frame is None else OneBox(self.options)
        views = [reader.read(span.clip, frames, frames, choose) for reader in self.readers]
        if self.options.num_frame is not None:
            views = change_views_at_random(views, self.options)
        both = {key: np.concatenate([view[key] for view in views], axis=3) for key in views[0]}
        return to_rgb_item(both, span.clip, span.start)

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


class OneBox:
    """A crop that is drawn once and the same for both views."""

    def __init__(self, options: StereoOptions) -> None:
        """Draw nothing yet: the size of the frames is not known."""
        self.options = options
        self._box: CropBox | None = None

    def __call__(self, h: int, w: int) -> CropBox:
        """The crop of LR frames of ``h x w``."""
        scale, side = self.options.scale, self.options.gt_size // self.options.scale
        if side > min(h, w):
            raise ValueError(
                f"expected frames of at least gt_size {self.options.gt_size}; got "
                f"{h * scale}x{w * scale}"
            )
        if self._box is None:
            self._box = draw_box(h, w, side)
        return self._box


def change_views_at_random(views: Sequence[Clip], options: StereoOptions) -> list[Clip]:
    """Each allowed change with probability 1/2, drawn from torch's generator.

    Args:
        views: left and right.
        options: changes that are allowed.

    Returns:
        Left and right.
    """
    left, right = views
    if options.use_hflip and draw_below(2):
        left, right = augment.hflip(right), augment.hflip(left)
    for wanted, change in (
        (options.use_vflip, augment.vflip),
        (options.use_reverse, augment.reverse),
    ):
        if wanted and draw_below(2):
            left, right = change(left), change(right)
    return [left, right]
