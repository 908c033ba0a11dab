"""Windows of rendered worlds in small files, kept on the device."""

import lzma
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stdnet_arch.data.codecs.array_file import read_arrays, write_arrays
from stdnet_arch.data.codecs.image_limits import check_image
from stdnet_arch.data.codecs.rgb_codec import decode_image
from stdnet_arch.data.device_scenes import CELL, Scenes, scenes_from_flow
from stdnet_arch.utils.input_errors import InputError, reading

DEPTH_CODE = 6553.5
"""A stored number is this over the depth in metres: 0.03 mm at 0.5 m, 1.5 cm at 10 m."""
FLOW_STEPS = 32
"""Stored numbers per pixel of flow."""
FARTHEST_PX = 100
"""Longer flow is stored as this."""


class ClipPool:
    """Draws crops of stored windows; a scene maker for :class:`DeviceClips`.

    Args:
        shards: files of :func:`save_pool`'s form.
        device: device that keeps all windows.
        seed: seed of what is drawn.
        frames: number of frames of a clip; at most those of a window.
        side: side of the crops [px], a multiple of 4.

    Raises:
        ValueError: no shard, or crops are larger than windows.
    """

    def __init__(
        self, shards: Sequence[Path], device: torch.device, seed: int, frames: int, side: int
    ) -> None:
        if not shards:
            raise ValueError("at least one shard of windows is required, got none")
        parts = [read_shard(path) for path in shards]
        rgb, depth, flow, seen = (np.concatenate(x) for x in zip(*parts, strict=True))
        if rgb.shape[1] < frames or min(rgb.shape[2:4]) < side or side % CELL:
            raise ValueError(
                f"windows have {rgb.shape[1]} frames of {rgb.shape[2]}x{rgb.shape[3]}; {frames} "
                f"frames of {side}x{side} (a multiple of {CELL}) were asked for"
            )
        self.rgb = torch.from_numpy(rgb).permute(0, 1, 4, 2, 3).contiguous().to(device)
        self.depth = torch.from_numpy(depth)[:, :, None].to(device)
        self.flow = torch.from_numpy(flow).to(device)
        self.seen = torch.from_numpy(seen)[:, :, None].to(device)
        self.frames, self.side = frames, side
        self.generator = torch.Generator().manual_seed(seed)

    def scenes(self, batch: int) -> Scenes:
        """Draw crops of windows, each at a place of its own; see :class:`SceneMaker`."""
        t, side, cells = self.frames, self.side, self.side // CELL
        first = self._below(self.rgb.shape[1] - t + 1)
        parts: list[tuple[Tensor, ...]] = []
        for _ in range(batch):
            i = self._below(len(self.rgb))
            y, x = (self._below((n - side) // CELL + 1) for n in self.rgb.shape[-2:])
            rows, columns = (slice(CELL * n, CELL * n + side) for n in (y, x))
            fine = (i, slice(first, first + t), slice(None), rows, columns)
            rows, columns = (slice(n, n + cells) for n in (y, x))
            coarse = (i, slice(first, first + t - 1), slice(None), rows, columns)
            parts.append((self.rgb[fine], self.depth[fine], self.flow[coarse], self.seen[coarse]))
        rgb, depth, flow, seen = (torch.stack(x) for x in zip(*parts, strict=True))
        return scenes_from_flow(rgb.float() / 255, depth.float(), flow.float(), seen)

    def _below(self, end: int) -> int:
        return int(torch.randint(end, (1,), generator=self.generator))


Arrays = tuple[NDArray[np.uint8], NDArray[np.floating], NDArray[np.floating], NDArray[np.bool_]]


def read_shard(path: Path) -> Arrays:
    """Read a file of windows.

    Returns:
        RGB ``(n, t, H, W, 3)`` and depth [m] ``(n, t, H, W)``. At every fourth pixel flow to the
        next frame [px] ``(n, t - 1, 2, H/4, W/4)`` and whether the next frame sees the point,
        ``(n, t - 1, H/4, W/4)``.
    """
    stored = read_arrays(path)
    with reading(path, "windows of scripts/make_clip_pool.py"):
        return _decode_shard(stored)


def _decode_shard(stored: Mapping[str, NDArray[Any]]) -> Arrays:
    n, t, h, w = (int(side) for side in stored["shape"])
    ends = np.cumsum(stored["sizes"])
    coded = zip(ends, stored["sizes"], strict=True)
    rgb = np.stack([decode_jpeg(stored["jpegs"][e - s : e]) for e, s in coded])
    rgb = rgb.reshape(n, t, h, w, 3)
    code = np.maximum(_unpack(stored["depth"], (n, t, h, w)), 1)
    small = (-(-h // CELL), -(-w // CELL))
    flow = _unpack(stored["flow"], (n, t - 1, 2, *small)) / FLOW_STEPS
    count = n * (t - 1) * small[0] * small[1]
    seen = np.unpackbits(stored["seen"], count=count).astype(bool).reshape(n, t - 1, *small)
    return rgb, (DEPTH_CODE / code).astype(np.float32), flow.astype(np.float16), seen


class Window(NamedTuple):
    """Consecutive frames of a clip."""

    rgb: NDArray[np.uint8]
    """``(t, H, W, 3)``."""
    depth_m: NDArray[np.floating]
    """``(t, H, W)``, all known."""
    flow_px: NDArray[np.floating]
    """To the next frame, ``(t - 1, 2, H, W)``."""
    seen: NDArray[np.bool_]
    """The next frame sees the point, ``(t - 1, H, W)``."""


def write_shard(path: Path, windows: Sequence[Window], quality: int = 92) -> None:
    """Write windows of one size so that :func:`read_shard` finds them; whole or not at all.

    Args:
        path: ends in ``.npz``.
        windows: at least one.
        quality: quality of the JPEGs.
    """
    option = [cv2.IMWRITE_JPEG_QUALITY, quality]
    pictures = [frame[..., ::-1] for window in windows for frame in window.rgb]
    jpegs = [cv2.imencode(".jpg", picture, option)[1].ravel() for picture in pictures]
    depth = np.stack([window.depth_m for window in windows])
    flow = np.stack([window.flow_px[..., ::CELL, ::CELL] for window in windows])
    seen = np.stack([window.seen[..., ::CELL, ::CELL] for window in windows])
    code = np.minimum(np.rint(DEPTH_CODE / depth), 65535)
    steps = np.rint(np.clip(flow, -FARTHEST_PX, FARTHEST_PX) * FLOW_STEPS)
    arrays: dict[str, NDArray[Any]] = {
        "shape": np.array(depth.shape),
        "jpegs": np.concatenate(jpegs),
        "sizes": np.array([len(jpeg) for jpeg in jpegs]),
        "depth": _pack(code),
        "flow": _pack(steps),
        "seen": np.packbits(seen),
    }
    write_arrays(path, arrays, compressed=False)


def decode_jpeg(data: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Decode a picture to RGB, ``(H, W, 3)``.

    Raises:
        ValueError: the bytes are no picture.
    """
    coded = data.tobytes()
    check_image(coded, "a JPEG")
    picture = decode_image(coded, cv2.IMREAD_COLOR, "a JPEG")
    if picture is None:
        raise ValueError(f"a JPEG is required, got {len(data)} bytes that are none")
    return np.asarray(picture[..., ::-1], np.uint8)


def _pack(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Differences along x and y, zigzag, three planes of bytes, lzma."""
    whole = values.astype(np.int32)
    across = np.diff(whole, axis=-1, prepend=np.zeros_like(whole[..., :1]))
    change = np.diff(across, axis=-2, prepend=np.zeros_like(across[..., :1, :]))
    zigzag = ((change << 1) ^ (change >> 31)).astype(np.uint32)
    planes = [((zigzag >> shift) & 255).astype(np.uint8).tobytes() for shift in (0, 8, 16)]
    return np.frombuffer(lzma.compress(b"".join(planes), preset=6), np.uint8)


def _unpack(data: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.int32]:
    """Undo differences along x and y, zigzag, three planes of bytes, lzma."""
    unpacker = lzma.LZMADecompressor()
    wanted = 3 * math.prod(shape)
    planes = np.frombuffer(unpacker.decompress(data.tobytes(), wanted + 1), np.uint8)
    if len(planes) != wanted:
        raise InputError(f"packed numbers must be {wanted} bytes; got {len(planes)} or more")
    low, middle, high = planes.reshape(3, *shape).astype(np.uint32)
    zigzag = low | middle << 8 | high << 16
    change = (zigzag >> 1).astype(np.int32) ^ -(zigzag & 1).astype(np.int32)
    return change.cumsum(-2, dtype=np.int32).cumsum(-1, dtype=np.int32)
