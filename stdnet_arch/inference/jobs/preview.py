"""A video for people: RGB, low-resolution depth and prediction side by side, one colour range."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.recordings.video_stream import import_av
from stdnet_arch.utils.depth_color import depth_to_rgb
from stdnet_arch.utils.whole_file import whole_file

Picture = NDArray[np.uint8]
Depth = NDArray[np.floating]

VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov")
MAX_PANEL_WIDTH = 640
TRIM_PERCENT = 0.5


def clip_limits(depths_m: Iterable[Depth]) -> tuple[float, float]:
    """One colour range for a whole clip, in one pass and constant memory per frame.

    Args:
        depths_m: frames [m], any shape; 0, negative, NaN and inf do not count.

    Returns:
        The nearest and the farthest depth [m] that any frame shows, but for ``TRIM_PERCENT`` of its
        pixels at each end. (0, 1) if there is none.
    """
    near_m, far_m = [], []
    for depth_m in depths_m:
        seen = depth_m[np.isfinite(depth_m) & (depth_m > 0)]
        if seen.size:
            near, far = np.percentile(seen, [TRIM_PERCENT, 100 - TRIM_PERCENT])
            near_m.append(float(near))
            far_m.append(float(far))
    return (min(near_m), max(far_m)) if near_m else (0.0, 1.0)


def write_video(
    path: Path,
    frames: Iterable[tuple[Picture, Depth, Depth]],
    limits_m: tuple[float, float],
    fps: float,
) -> None:
    """Write an mp4 whole or not at all: RGB | LR depth | prediction.

    Args:
        path: the file.
        frames: RGB ``(H, W, 3)``, LR depth [m] ``(h, w)``, prediction [m] ``(H, W)`` of each.
        limits_m: depths of the first and the last colour; black is no depth.
        fps: frames per second.
    """
    av = import_av()
    with whole_file(path) as part, av.open(str(part), "w", format="mp4") as container:
        stream = None
        for picture in _pictures(av, frames, limits_m):
            if stream is None:
                stream = container.add_stream(_codec(av), Fraction(fps).limit_denominator(1001))
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = "yuv420p"
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        if stream is None:
            raise ValueError(f"{path}: a video needs at least one frame, got none")
        container.mux(stream.encode())


def _pictures(
    av: Any,  # noqa: ANN401  an optional library
    frames: Iterable[tuple[Picture, Depth, Depth]],
    limits_m: tuple[float, float],
) -> Iterator[Picture]:
    """Three panels of the same even size side by side, ``(height, 3 * width, 3)``."""
    for rgb, lq_m, pred_m in frames:
        H, W = rgb.shape[:2]
        width = min(W, MAX_PANEL_WIDTH) // 2 * 2
        height = max(2, round(H * width / W / 2) * 2)
        depths = (depth_to_rgb(d, *limits_m, valid=d > 0) for d in (lq_m, pred_m))
        kinds = ("AREA", "POINT", "AREA")  # each LR pixel stays a block
        yield np.concatenate(
            [
                av.VideoFrame.from_ndarray(np.ascontiguousarray(panel), format="rgb24")
                .reformat(width, height, "rgb24", interpolation=kind)
                .to_ndarray()
                for panel, kind in zip((rgb, *depths), kinds, strict=True)
            ],
            axis=1,
        )


def _codec(av: Any) -> str:  # noqa: ANN401
    """H.264 where this build of ffmpeg has it."""
    return "libx264" if "libx264" in av.codecs_available else "mpeg4"
