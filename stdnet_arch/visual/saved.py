"""Pictures of what a test run saved, beside the data it was given."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.codecs.depth_codec import load_npy, load_png16
from stdnet_arch.visual.strips import draw_strip, upsample_bilinear
from stdnet_arch.visual.temporal_profile import busiest, draw_profile

READERS = {".npy": load_npy, ".png": lambda path: load_png16(path) * np.float32(1e-3)}


def load_predictions(folder: Path, frames: range) -> NDArray[np.float32]:
    """Saved depth of one clip [m], ``(t, H, W)``.

    Args:
        folder: ``<visualization>/<dataset>/<clip>/depth`` of a run, files named by frame number.
        frames: the frames to load.

    Raises:
        FileNotFoundError: frames are missing; they are named.
    """
    found = {int(p.stem.split("_")[0]): p for p in folder.glob("*") if p.suffix in READERS}
    missing = [i for i in frames if i not in found]
    if missing:
        raise FileNotFoundError(
            f"expected predictions of frames {missing} under {folder}; run the test with "
            "val.save_img: true first"
        )
    return np.stack([READERS[found[i].suffix](found[i]) for i in frames])


def draw_saved_clip(
    item: Mapping[str, Any], folder: Path, method: str, results_only: bool = False
) -> NDArray[np.uint8]:
    """A strip of one clip: RGB, LR depth, bilinear, prediction, ground truth, errors.

    Args:
        item: item of :class:`stdnet_arch.data.rgbd_video_test_dataset.RGBDVideoTestDataset`.
        folder: ``<visualization>/<dataset>`` of the run that saved predictions.
        method: the network's name, a column title.
        results_only: leave RGB, LR depth and ground truth out.

    Returns:
        RGB, ``(height, width, 3)``.
    """
    lq_m, gt_m, guide = _arrays(item)
    predictions = {
        "bilinear": upsample_bilinear(lq_m, gt_m.shape[1:]),
        method: _prediction(item, folder),
    }
    valid = item["valid"][:, 0].numpy()
    first = int(item["frame"])
    return draw_strip(
        None if results_only else guide,
        lq_m,
        predictions,
        gt_m,
        valid=valid,
        title=item["clip"],
        first_frame=first,
    )


def draw_saved_slices(item: Mapping[str, Any], folder: Path, method: str) -> NDArray[np.uint8]:
    """The row of one clip in which most moves, over time: RGB, prediction, ground truth.

    Args:
        item: see :func:`draw_saved_clip`.
        folder: see :func:`draw_saved_clip`.
        method: the network's name.

    Returns:
        RGB, ``(height, width, 3)``.
    """
    _, gt_m, guide = _arrays(item)
    depths_m = {method: _prediction(item, folder), "ground truth": gt_m}
    return draw_profile(guide, depths_m, busiest(gt_m), title=item["clip"])


def _arrays(
    item: Mapping[str, Any],
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.uint8]]:
    """LR depth [m], ``(t, h, w)``, true depth [m], ``(t, H, W)``, and RGB, ``(t, H, W, 3)``."""
    range_m = float(item["depth_range_m"])
    lq_m, gt_m = (item[name][:, 0].numpy() * range_m for name in ("lq", "gt"))
    guide = (item["guide"].permute(0, 2, 3, 1).numpy() * 255).round().astype(np.uint8)
    return lq_m, gt_m, guide


def _prediction(item: Mapping[str, Any], folder: Path) -> NDArray[np.float32]:
    frames = range(item["frame"], item["frame"] + len(item["lq"]))
    return load_predictions(folder / item["clip"] / "depth", frames)
