"""One depth frame as a file of any format we know: read to metres, written whole."""

from pathlib import Path

import numpy as np

from stdnet_arch.data.codecs.depth_codec import (
    MAX_CODE,
    as_plane,
    codes_to_metres,
    encode_npy,
    encode_png16,
    float16_codes_to_metres,
    load_npy,
    load_npz,
    load_png16,
    metres_per_unit,
    metres_to_codes,
)
from stdnet_arch.data.codecs.float_image_codec import encode_tiff, load_exr, load_tiff, write_exr
from stdnet_arch.data.codecs.other_depth_codec import (
    load_dpt,
    load_pgm16,
    load_rgba32,
)
from stdnet_arch.data.codecs.pfm_codec import load_pfm
from stdnet_arch.utils.whole_file import whole_file

SUFFIXES = (".npy", ".npz", ".png", ".tif", ".tiff", ".exr", ".pgm", ".pfm", ".dpt")
FORMATS = {
    "png16": ".png",
    "npy": ".npy",
    "npz": ".npz",
    "tiff": ".tiff",
    "exr": ".exr",
    "float16png": ".png",
}
FLOAT16 = "float16"  # a unit: the 16 stored bits are a float16 number of metres
FLOAT32_RGBA = "float32rgba"  # a unit: the bytes of an RGBA PNG are a float32 number of metres
MM_BY_DEFAULT = {".png", ".tif", ".tiff", ".pgm"}


def load_stored(
    path: Path, npz_key: str | None = None, exr_channel: str | None = None
) -> np.ndarray:
    """Load what a depth file holds, before any unit.

    Args:
        path: npy, npz, 16-bit PNG, PGM, TIFF, EXR, PFM, Sintel's dpt, or a PNG of four bytes per
            pixel that are a float32 (TartanAir V2).
        npz_key: name of the array of a npz, if it holds several.
        exr_channel: name of the channel of an EXR, if it holds several.
    """
    loaders = {".npy": load_npy, ".png": load_png16, ".pgm": load_pgm16, ".pfm": load_pfm}
    loaders[".dpt"] = load_dpt
    loaders |= dict.fromkeys((".tif", ".tiff"), load_tiff)
    suffix = path.suffix.lower()
    if suffix == ".npz":
        return load_npz(path, npz_key)
    if suffix == ".exr":
        return load_exr(path, exr_channel)
    if suffix == ".png" and (stored := load_rgba32(path)) is not None:
        return stored
    if suffix not in loaders:
        raise ValueError(f"expected a depth file ({', '.join(SUFFIXES)}); got {path}")
    return loaders[suffix](path)


def stored_to_metres(
    stored: np.ndarray,
    path: Path,
    unit: str | float | None = None,
    invalid: float | None = None,
) -> np.ndarray:
    """Stored values of one frame as float32 ``(H, W)`` metres.

    Args:
        stored: one plane; outer axes of length 1 go.
        path: file of the values: decides the default unit, and is named in errors.
        unit: ``m``, ``mm``, metres per stored unit as a number, ``float16`` (the 16 bits are a
            float16 number of metres) or ``float32rgba``. None: metres for floats, mm for whole
            numbers in PNG, PGM and TIFF.
        invalid: a stored value that means "no depth" beside 0, NaN and inf; it becomes 0.
    """
    nothing = None if invalid is None else stored == invalid
    if unit == FLOAT16:
        metres = float16_codes_to_metres(stored, path)
    else:
        factor = _factor(stored, path, None if unit == FLOAT32_RGBA else unit)
        # A float array in metres keeps its memory map.
        plain = factor == 1 and np.issubdtype(stored.dtype, np.floating)
        metres = stored if plain else codes_to_metres(stored, factor)
    if nothing is not None:
        metres = np.where(nothing, metres.dtype.type(0), metres)
    return as_plane(metres, path)


def read_depth(
    path: Path,
    unit: str | float | None = None,
    invalid: float | None = None,
    npz_key: str | None = None,
) -> np.ndarray:
    """One depth file as float32 ``(H, W)`` metres; see :func:`stored_to_metres`."""
    return stored_to_metres(load_stored(path, npz_key), path, unit, invalid)


def write_depth(path: Path, depth_m: np.ndarray, kind: str) -> None:
    """Write one frame whole or not at all.

    Args:
        path: the file.
        depth_m: metres, ``(H, W)``; for ``png16`` what is not finite or negative becomes 0.
        kind: ``png16`` (1 mm per code), ``npy``, ``npz`` (key ``depth``), ``tiff``, ``exr``, all
            float32, or ``float16png`` (float16 bits in a 16-bit PNG).
    """
    if kind not in FORMATS:
        raise ValueError(f"the format must be one of {', '.join(FORMATS)}; got {kind!r}")
    with whole_file(path) as part:
        if kind == "exr":
            write_exr(part, depth_m)
        elif kind == "npz":
            with part.open("wb") as file:
                np.savez_compressed(file, depth=depth_m.astype(np.float32, copy=False))
        else:
            part.write_bytes(_encode(path, depth_m, kind))


def _encode(path: Path, depth_m: np.ndarray, kind: str) -> bytes:
    if kind == "npy":
        return encode_npy(depth_m.astype(np.float32, copy=False))
    if kind == "tiff":
        return encode_tiff(depth_m)
    if kind == "float16png":
        return encode_png16(depth_m.astype(np.float16).view(np.uint16))
    check_png16(depth_m, path)
    possible = np.where(np.isfinite(depth_m), depth_m, 0).clip(min=0)
    return encode_png16(metres_to_codes(possible))


def check_png16(depth_m: np.ndarray, name: str | Path) -> None:
    """Raise if depth is too far for a 16-bit PNG in mm.

    Args:
        depth_m: depth [m], any shape; what is not finite or negative does not count.
        name: name of the depth in the error.
    """
    farthest = float(depth_m.max(initial=0, where=np.isfinite(depth_m)))
    if round(farthest * 1000) > MAX_CODE:
        raise ValueError(
            f"{name}: 16-bit PNG in mm holds up to {MAX_CODE / 1000:g} m, the depth reaches "
            f"{farthest:g} m; write npy, tiff or exr instead"
        )


def _factor(stored: np.ndarray, path: Path, unit: str | float | None) -> float:
    if unit is not None:
        return metres_per_unit(unit)
    if np.issubdtype(stored.dtype, np.floating):
        return 1.0
    if path.suffix.lower() in MM_BY_DEFAULT:
        return metres_per_unit("mm")
    raise ValueError(
        f"{path}: expected a unit (m, mm or metres per code) for whole numbers; got "
        f"{stored.dtype} without one"
    )
