"""One frame of a source as the values that an LMDB stores of it, checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stdnet_arch.data.database.lmdb_values import (
    DEPTH_DTYPES,
    RGB_KINDS,
    Value,
    encode_depth,
    encode_plain,
    encode_rgb,
    keep_image,
)
from stdnet_arch.data.lq.degradation import LQ_MODES, make_lq
from stdnet_arch.data.sources.source import Source, location

SCALES = (4, 8, 16)
LQ_CHOICES = ("auto", "files", *LQ_MODES)


@dataclass(frozen=True, kw_only=True)
class StoreOptions:
    """Choice of what is stored of each frame."""

    scales: tuple[int, ...] | None = None
    """Scales of stored LR depth; None: those of 4, 8, 16 that the source has files for."""
    lq: str = "auto"
    """LR depth from ``files``, by a rule of :mod:`stdnet_arch.data.lq.degradation`, or ``auto``:
    files where there are any, else ``dtof_peak``."""
    range_m: float = 100.0
    """Range of the simulated sensor."""
    bins: int = 1024
    """Histogram bins of the simulated sensor."""
    depth_dtype: str = "float32"
    """``float32`` (bit for bit), ``float16`` or ``uint16``."""
    depth_scale: float = 1e-3
    """Metres of one code of ``uint16``."""
    rgb: str = "keep"
    """``keep`` the files' bytes, or blocks: ``raw``, ``png`` (both without loss), ``jpeg``."""
    quality: int = 95
    """Quality of JPEG blocks."""
    flow: bool = True
    """Store flow where the source has it."""

    def __post_init__(self) -> None:
        """Check every value that has a limited choice."""
        for name, choices in (
            ("lq", LQ_CHOICES),
            ("depth_dtype", DEPTH_DTYPES),
            ("rgb", RGB_KINDS),
        ):
            if getattr(self, name) not in choices:
                raise ValueError(
                    f"{name} must be one of {', '.join(choices)}; got {getattr(self, name)!r}"
                )
        if any(scale < 1 for scale in self.scales or ()):
            raise ValueError(f"scales must be at least 1; got {list(self.scales or ())}")
        # Here, not at the first frame: --skip-bad would take every clip for a bad one.
        if not self.range_m > 0 or self.bins < 2:
            raise ValueError(
                f"expected a positive range_m and at least 2 bins; got {self.range_m} and"
                f" {self.bins}"
            )
        if not self.depth_scale > 0 or not 1 <= self.quality <= 100:
            raise ValueError(
                "expected a positive depth_scale and a quality in 1..100; got"
                f" {self.depth_scale} and {self.quality}"
            )


@dataclass(frozen=True)
class StoredFrame:
    """A frame that is ready to be written."""

    clip: str
    index: int
    file: str
    """File of its depth, for errors."""
    size: tuple[int, int]
    values: Sequence[Value]


def scales_with_files(source: Source, clip: str, i: int) -> tuple[int, ...]:
    """The scales for which a source has LR files."""
    found = []
    for scale in SCALES:
        try:
            stored = source.lq_m(clip, i, scale)
        except FileNotFoundError:  # a source that cannot do without
            continue
        found += [scale] if stored is not None else []
    return tuple(found)


def unit_of(source: Source) -> str:
    """Ask a source for the unit of its depth; metres, unless it says otherwise."""
    return str(getattr(source, "unit_of_depth", "m"))


def encode_frame(source: Source, clip: str, i: int, options: StoreOptions) -> StoredFrame:
    """Read a frame of a source, check it and encode it.

    Args:
        source: source of the frame.
        clip: its clip.
        i: its number.
        options: choice of what is stored; ``scales`` must not be None.

    Raises:
        ValueError: sizes that do not fit, negative depth, no valid pixel, depth that the chosen
            type cannot hold. The message names the file.
        OSError: a file that cannot be read.
    """
    name = location(source, clip, i, "depth")
    depth_m = np.asarray(source.depth_m(clip, i))
    _check_depth(depth_m, options.scales or (), name)
    guide, rgb = _guide(source, clip, i, options)
    if rgb.shape[:2] != depth_m.shape:
        expected, got = ("x".join(map(str, s)) for s in (depth_m.shape, rgb.shape[:2]))
        where = location(source, clip, i, "guide")
        raise ValueError(f"{where}: expected {expected}, as its depth frame; got {got}")
    depth = encode_depth(depth_m, options.depth_dtype, options.depth_scale, name)
    values = [guide, _tagged(depth, unit=unit_of(source))]
    for scale in options.scales or ():
        values.append(_low_resolution(source, clip, i, depth_m, rgb, scale, options))
    values += _extras(source, clip, i, depth_m.shape, options)
    return StoredFrame(clip, i, name, (depth_m.shape[0], depth_m.shape[1]), values)


def _check_depth(depth_m: np.ndarray, scales: Sequence[int], name: str) -> None:
    for scale in scales:
        if any(side % scale for side in depth_m.shape):
            got = "x".join(map(str, depth_m.shape))
            raise ValueError(
                f"{name}: expected sides that are multiples of scale {scale}; got {got}"
            )
    if (depth_m < 0).any():
        raise ValueError(f"{name}: expected depth >= 0 m; got {np.nanmin(depth_m):g} m")
    if not (np.isfinite(depth_m) & (depth_m > 0)).any():
        raise ValueError(f"{name}: expected at least one pixel with depth; got none")


def _guide(source: Source, clip: str, i: int, options: StoreOptions) -> tuple[Value, np.ndarray]:
    if options.rgb == "keep":
        read = getattr(source, "guide_bytes", None)
        if read is not None:
            data, rows = read(clip, i)
            return keep_image(data, rows, location(source, clip, i, "guide"))
    rgb = np.asarray(source.guide(clip, i))
    # A source without files has no bytes to keep: PNG blocks lose nothing either.
    kind = "png" if options.rgb == "keep" else options.rgb
    return encode_rgb(rgb, kind, options.quality), rgb


def _low_resolution(  # noqa: PLR0913  one frame and how to degrade it
    source: Source,
    clip: str,
    i: int,
    depth_m: np.ndarray,
    rgb: np.ndarray,
    scale: int,
    options: StoreOptions,
) -> Value:
    name, size = f"lq{scale}", tuple(side // scale for side in depth_m.shape)
    stored = source.lq_m(clip, i, scale) if options.lq in {"auto", "files"} else None
    if stored is None and options.lq == "files":
        raise FileNotFoundError(
            f"lq is files: expected x{scale} LR files for clip {clip!r}; got none"
        )
    if stored is None:
        mode = "dtof_peak" if options.lq == "auto" else options.lq
        lq = make_lq(mode, depth_m, rgb, scale, options.range_m, options.bins)
        return _tagged(encode_plain(name, lq, unit_of(source)), made=mode)
    if stored.shape != size:
        expected, got = ("x".join(map(str, s)) for s in (size, stored.shape))
        where = location(source, clip, i, name)
        raise ValueError(f"{where}: expected {expected}; got {got}")
    lq = np.asarray(stored)
    if (lq < 0).any():
        where = location(source, clip, i, name)
        raise ValueError(f"{where}: expected depth >= 0 m; got {np.nanmin(lq):g} m")
    return _tagged(encode_plain(name, lq, unit_of(source)), made="files")


def _extras(
    source: Source, clip: str, i: int, shape: Sequence[int], options: StoreOptions
) -> list[Value]:
    """Flow, pose and intrinsics where the source has them."""
    values = []
    flow = _ask(source, "flow_px", clip, i) if options.flow else None
    if flow is not None:
        flow_px, seen = flow
        if flow_px.shape != (2, *shape) or seen.shape != tuple(shape):
            raise ValueError(
                f"flow of {location(source, clip, i, 'depth')}: expected {(2, *shape)} and a mask"
                f" {tuple(shape)}; got {flow_px.shape} and {seen.shape}"
            )
        values.append(encode_plain("flow", flow_px, "px, (dx, dy) to the next frame"))
        values.append(encode_plain("flow_seen", seen, "true where the target is seen"))
    pose = _ask(source, "pose", clip, i)
    if pose is not None:
        values.append(encode_plain("pose", pose, "m, camera to world; x right, y down, z forward"))
    intrinsics = _ask(source, "intrinsics_px", clip)
    if intrinsics is not None:
        values.append(encode_plain("intrinsics", np.array(intrinsics, float), "px, fx fy cx cy"))
    return values


def _ask(source: Source, what: str, *where: Any) -> Any:  # noqa: ANN401
    """Call a method of a source, where it has one of that name."""
    answer = getattr(source, what, None)
    return None if answer is None else answer(*where)


def _tagged(value: Value, **about: str) -> Value:
    return Value(value.name, value.data, {**value.about, **about})
