"""Whole RGB clips for test: Vid4, SPMCS, and what else is a folder of frames per clip."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from basicsr.utils.registry import DATASET_REGISTRY
from torch.utils.data import Dataset

from stdnet_arch.data.dataset_options import read_options
from stdnet_arch.data.rgb.rgb_clip_options import RGBTestOptions
from stdnet_arch.data.rgb.rgb_clip_reader import RGBClipReader, to_rgb_item, whole_frame
from stdnet_arch.data.rgb.rgb_store import ClipFolders, open_store
from stdnet_arch.data.sources.clip_list import resolve_spans


@DATASET_REGISTRY.register()
class RGBClipTestDataset(Dataset):
    """One item per listed clip, all its frames in LR and HR; nothing random.

    Args:
        opt: the dataset section of the YAML; see :class:`RGBTestOptions`.
    """

    options_kind = RGBTestOptions

    def __init__(self, opt: Mapping[str, Any]) -> None:
        """Read the options, list the clips, read a first frame."""
        self.opt = opt
        self.options = options = read_options(self.options_kind, opt)
        gt = open_store(options.dataroot_gt, options.io_backend, ClipFolders)
        lq = None
        if options.dataroot_lq is not None:
            lq = open_store(options.dataroot_lq, options.io_backend, ClipFolders)
        available = {clip: gt.count(clip) for clip in gt.clips()}
        self.spans = resolve_spans(options.clips, available)
        times = Counter(span.clip for span in self.spans)
        self.names = [span.clip if times[span.clip] == 1 else span.label for span in self.spans]
        self.reader = RGBClipReader(gt, lq, options.scale, options.mod_crop)
        self.reader.check(list(times))
        first = self.spans[0]
        self.reader.read(first.clip, [first.start], [first.start], whole_frame)

    def __len__(self) -> int:
        """Number of clips."""
        return len(self.spans)

    def __getitem__(self, index: int) -> dict[str, object]:
        """``lq (t,3,h,w)``, ``gt (t,3,H,W)`` float32 in [0, 1], ``clip``, ``frame``."""
        span = self.spans[index]
        frames = range(span.start, span.stop)
        clip = self.reader.read(span.clip, frames, frames, whole_frame)
        return to_rgb_item(clip, self.names[index], span.start)
