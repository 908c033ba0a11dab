"""Predictions as files: depth in any format of ours, with a preview; RGB as PNG."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from basicsr.utils import get_root_logger
from torch import Tensor

from stdnet_arch.data.codecs.depth_file import FORMATS, check_png16, write_depth
from stdnet_arch.data.codecs.rgb_codec import encode_rgb
from stdnet_arch.models.batch import Batch, valid_of
from stdnet_arch.utils.depth_color import depth_to_rgb
from stdnet_arch.utils.names import resolve_name
from stdnet_arch.utils.whole_file import write_whole

_HALF_MM = 5e-4
VIEWS_OF = {3: ("",), 6: ("left", "right")}
"""Channels of RGB to the folders of its views."""


@dataclass(frozen=True)
class PredictionWriter:
    """Writes ``<folder>/<clip>/depth/000012.png`` and ``.../preview/000012.png`` for each frame of
    depth, ``<folder>/<clip>/000012.png`` for each frame of RGB, ``<folder>/<clip>/left/000012.png``
    and ``.../right/...`` for each of stereo RGB.
    """

    folder: Path
    save_format: str = "png16"
    """A format of :func:`stdnet_arch.data.codecs.depth_file.write_depth`."""
    suffix: str | None = None
    """Added to each file name after an underscore, as the toolbox does."""

    def __post_init__(self) -> None:
        """Refuse an unknown format before anything is computed."""
        if self.save_format not in FORMATS:
            raise ValueError(
                f"val.save_format must be one of {', '.join(FORMATS)}, got {self.save_format!r}"
            )

    def write(self, batch: Batch, pred_m: Tensor) -> None:
        """Write one clip.

        Args:
            batch: the clip as a batch of one; ``clip``, ``frame`` and, for the range of the
                preview's colours, ``gt`` and ``valid`` are read.
            pred_m: prediction, ``(1, t, 1, H, W)`` [m], RGB, ``(1, t, 3, H, W)`` in [0, 1], or RGB
                of two views, ``(1, t, 6, H, W)``.
        """
        if pred_m.shape[2] in VIEWS_OF:
            views = VIEWS_OF[pred_m.shape[2]]
            for view, frames in zip(views, pred_m.split(3, dim=2), strict=True):
                self._write_rgb(batch, frames, view)
            return
        clip, start = batch["clip"][0], int(batch["frame"][0])
        depth_m = pred_m[0, :, 0].cpu().numpy()
        limits = color_limits(batch, depth_m)
        if self.save_format == "png16":
            self._check_png16(clip, depth_m)
        for i, frame_m in enumerate(depth_m):
            name = self._name(start + i)
            path = self._path(clip, "depth", f"{name}{FORMATS[self.save_format]}")
            write_depth(path, frame_m, self.save_format)
            preview = depth_to_rgb(frame_m, *limits)
            write_whole(self._path(clip, "preview", f"{name}.png"), encode_rgb(preview))

    def _write_rgb(self, batch: Batch, pred: Tensor, view: str) -> None:
        """Eight bits, clamped: what the metrics of RGB judge."""
        frames = (pred[0].clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
        for i, frame in enumerate(frames, int(batch["frame"][0])):
            path = self._path(batch["clip"][0], view, f"{self._name(i)}.png")
            write_whole(path, encode_rgb(frame))

    def _path(self, clip: str, kind: str, name: str) -> Path:
        """Return the place of a file; names of clips come from lists and databases."""
        return resolve_name(self.folder, "/".join(filter(None, (clip, kind, name))), "a clip")

    def _name(self, frame: int) -> str:
        return f"{frame:06d}" + (f"_{self.suffix}" if self.suffix else "")

    def _check_png16(self, clip: str, depth_m: np.ndarray) -> None:
        """Refuse depth that is too far, and report what becomes 0, before anything is written."""
        check_png16(depth_m, f"val.save_format png16, clip {clip!r}")
        impossible = ~np.isfinite(depth_m) | (depth_m < -_HALF_MM)
        if impossible.any():
            get_root_logger().warning(
                f"clip {clip!r}: {impossible.sum()} of {impossible.size} predicted pixels are "
                "negative or not finite and written as 0, no depth; save_format: npy keeps them."
            )


def color_limits(batch: Batch, pred_m: np.ndarray) -> tuple[float, float]:
    """One colour range for a whole clip: that of its valid ground truth, else of the prediction."""
    if "gt" in batch and bool(valid_of(batch).any()):
        shown = batch["gt"][valid_of(batch)] * float(batch["depth_range_m"][0])
        return float(shown.min()), float(shown.max())
    finite = pred_m[np.isfinite(pred_m)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)


def describe_network(
    opt: Mapping[str, Any], trained_range_m: float | None = None
) -> dict[str, Any]:
    """Describe a checkpoint in plain values; see ``archs.checkpoints.adapters.save_checkpoint``.

    Args:
        opt: the options of a training; ``network_g`` and the training dataset's ``depth_range_m``
            and ``lq`` are read, the latter two if they are set.
        trained_range_m: divisor of the depths of the last batch [m], for options that
            leave it to the source; None: nothing was trained yet.
    """
    train = opt.get("datasets", {}).get("train", {})
    known = {"depth_range_m": trained_range_m}
    known |= {key: train[key] for key in ("depth_range_m", "lq") if train.get(key) is not None}
    said = {key: value for key, value in known.items() if value is not None}
    return {"network_g": dict(opt["network_g"]), **said}
