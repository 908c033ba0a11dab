"""Frames of RGB clips, LR and HR, cropped and checked: the one way to the datasets of RGB."""

from collections.abc import Callable, Sequence

import numpy as np

from stdnet_arch.data.augment import Clip, CropBox, as_tensor
from stdnet_arch.data.lq.bicubic import LR_MARGIN, shrink_bicubic, to_8bit
from stdnet_arch.data.rgb.rgb_store import RGBStore

ChooseBox = Callable[[int, int], CropBox]
"""LR height and width of a clip to the part of it that is wanted."""


def whole_frame(h: int, w: int) -> CropBox:
    """All of an LR frame."""
    return CropBox(0, 0, h, w)


class RGBClipReader:
    """Reads clips from a store of HR frames and one of LR frames, or makes LR by bicubic.

    Bicubic LR is what MATLAB's ``imresize`` gives, rounded to 8 bit as in a file.

    Args:
        gt: HR frames.
        lq: LR frames of the same names, or None.
        scale: HR side / LR side.
        mod_crop: cut HR frames at the right and at the bottom to multiples of ``scale``; without it
            frames that are not are an error.
    """

    def __init__(
        self, gt: RGBStore, lq: RGBStore | None, scale: int, mod_crop: bool = False
    ) -> None:
        """Keep the stores."""
        self.gt = gt
        self.lq = lq
        self.scale = scale
        self.mod_crop = mod_crop

    def check(self, clips: Sequence[str], frames: int | None = None) -> None:
        """Raise unless every clip is there, with the same frames in both stores.

        Args:
            clips: names.
            frames: number that each must have; None asks only that LR and HR have the same.
        """
        for store in filter(None, (self.gt, self.lq)):
            known = set(store.clips())
            missing = [clip for clip in clips if clip not in known]
            if missing:
                some = (
                    f"{len(known)} clips ({', '.join(sorted(known)[:5])}, ...)" if known else "none"
                )
                raise FileNotFoundError(
                    f"expected the listed clips in {_root(store)}; got {some}, without"
                    f" {len(missing)} of the {len(clips)} listed, first {missing[0]}"
                )
            for clip in clips:
                wanted = frames or self.gt.count(clip)
                if store.count(clip) != wanted:
                    raise ValueError(
                        f"clip {clip} in {_root(store)}: expected {wanted} frames; got"
                        f" {store.count(clip)}"
                    )

    def read(
        self, clip: str, frames: Sequence[int], lq_frames: Sequence[int], choose: ChooseBox
    ) -> Clip:
        """Frames of a clip.

        Args:
            clip: its name.
            frames: the HR frames.
            lq_frames: the LR frames, a part of ``frames``.
            choose: part of the frames to read.

        Returns:
            ``lq (t', h, w, 3)`` and ``gt (t, H, W, 3)``, uint8.
        """
        wholes = {i: self.gt.read(clip, i) for i in frames}
        h, w = self._lr_size(wholes[frames[0]].shape, clip, frames[0])
        box = choose(h, w)
        for i, whole in wholes.items():
            self._check_size(whole, wholes[frames[0]].shape[:2], self.gt.location(clip, i))
        low = [self._low(clip, i, wholes[i], box, (h, w)) for i in lq_frames]
        high = [whole[box.hr(self.scale)] for whole in wholes.values()]
        return {"lq": np.stack(low), "gt": np.stack(high)}

    def _lr_size(self, shape: tuple[int, ...], clip: str, i: int) -> tuple[int, int]:
        H, W = shape[:2]
        if (H % self.scale or W % self.scale) and not self.mod_crop:
            raise ValueError(
                f"{self.gt.location(clip, i)}: expected sides that are multiples of scale"
                f" {self.scale}; got {H}x{W} (mod_crop: true cuts them, where the dataset has it)"
            )
        return H // self.scale, W // self.scale

    def _low(
        self, clip: str, i: int, whole: np.ndarray, box: CropBox, size: tuple[int, int]
    ) -> np.ndarray:
        if self.lq is not None:
            stored = self.lq.read(clip, i)
            self._check_size(stored, size, self.lq.location(clip, i))
            return stored[box.lr()]
        seen = box.grown(LR_MARGIN, *size)
        small = to_8bit(shrink_bicubic(whole[seen.hr(self.scale)], self.scale))
        return small[box.within(seen).lr()]

    def _check_size(self, frame: np.ndarray, expected: tuple[int, ...], name: str) -> None:
        if frame.shape[:2] != tuple(expected):
            raise ValueError(
                f"{name}: expected {expected[0]}x{expected[1]}, as the clip's first HR frame at"
                f" scale {self.scale} demands; got {frame.shape[0]}x{frame.shape[1]}"
            )


def to_rgb_item(clip: Clip, name: str, start: int = 0) -> dict[str, object]:
    """Arrays of :meth:`RGBClipReader.read` as one item of a dataset.

    Returns:
        ``lq (t',3,h,w)``, ``gt (t,3,H,W)`` float32 in [0, 1], ``clip``, ``frame`` (index of the
        first frame).
    """
    frames = (as_tensor(clip[key].transpose(0, 3, 1, 2)) for key in ("lq", "gt"))
    lq, gt = (bytes_.float().div_(255) for bytes_ in frames)
    return {"lq": lq, "gt": gt, "clip": name, "frame": start}


def _root(store: RGBStore) -> str:
    return str(getattr(store, "root", store))
