"""A synthetic clip as files, as a user would have them: to try the inference command on."""

from pathlib import Path

import cv2
import numpy as np

from stdnet_arch.data.codecs.depth_file import write_depth
from stdnet_arch.data.lq.degradation import dtof_peak
from stdnet_arch.data.synthetic.source import Synthetic
from stdnet_arch.utils.input_errors import InputError
from stdnet_arch.utils.whole_file import whole_file


def write_synthetic_recording(
    folder: Path, frames: int, size: tuple[int, int], scale: int, seed: int = 0
) -> None:
    """Write ``depth`` (LR, by the sensor rule) and ``gt``, 16-bit PNG in mm, and ``rgb``.

    Beside them ``poses.txt``, camera to world, a line of 12 numbers (3x4 by rows) per frame, and
    ``intrinsics.txt``, ``fx fy cx cy``.

    Args:
        folder: a new or empty folder.
        frames: number of frames.
        size: height and width of the RGB, multiples of ``scale``.
        scale: ratio of the sides of RGB and depth.
        seed: seed of the room.

    Raises:
        InputError: the folder is not empty.
    """
    if folder.is_dir() and any(folder.iterdir()):
        raise InputError(f"{folder}: expected a new or empty folder, as nothing is replaced")
    source = Synthetic(num_clips=1, num_frame=frames, size=size, seed=seed, cache_mb=1)
    for i in range(frames):
        rgb, depth_m = source.guide("0000", i), source.depth_m("0000", i)
        lq_m = dtof_peak(np.asarray(depth_m), rgb, scale)
        write_depth(folder / "depth" / f"{i:06d}.png", lq_m, "png16")
        write_depth(folder / "gt" / f"{i:06d}.png", np.asarray(depth_m), "png16")
        with whole_file(folder / "rgb" / f"{i:06d}.png") as part:
            part.write_bytes(cv2.imencode(".png", rgb[..., ::-1])[1].tobytes())
    with whole_file(folder / "poses.txt") as part:
        np.savetxt(part, [source.pose("0000", i)[:3].ravel() for i in range(frames)])
    with whole_file(folder / "intrinsics.txt") as part:
        np.savetxt(part, [source.intrinsics_px("0000")])
