"""Self-description of an LMDB: keys, records, manifest, ``meta_info.txt``.

The key of a frame is ``clip/000123``. Its value is a record in JSON that names the frame's values
(``clip/000123/depth`` and so on). Each has codec, dtype, shape, unit and checksum. Clips whose
source crops frames carry the frame numbers of the source.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stdnet_arch.utils.input_errors import InputError, check_positive, check_regular, reading
from stdnet_arch.utils.names import check_name
from stdnet_arch.utils.whole_file import whole_file

MANIFEST, META_INFO = "manifest.json", "meta_info.txt"
PART, OLD = ".part", ".old"
FORMAT = "stdnet_arch RGB-D video"
FORMAT_VERSION = 1
LONGEST_KEY = 511  # bytes, a limit of LMDB

Record = dict[str, dict[str, Any]]
"""Name of a value (``guide``, ``depth``, ``lq4``, ...) to what it says about itself."""


@dataclass(frozen=True)
class StoredClip:
    """A clip as the source has it, and which of its frames are stored."""

    clip: str
    count: int
    """Frames of the source's clip."""
    spans: tuple[tuple[int, int], ...]
    """Stored frames ``start <= i < stop``, in order, apart from one another."""

    def frames(self) -> Iterator[int]:
        """The numbers of the stored frames."""
        for start, stop in self.spans:
            yield from range(start, stop)


def frame_key(clip: str, i: int) -> str:
    """Under which key the record of a frame lies."""
    return f"{clip}/{i:06d}"


def value_key(clip: str, i: int, name: str) -> str:
    """Under which key a value of a frame lies."""
    return f"{frame_key(clip, i)}/{name}"


def checksum(data: bytes | memoryview) -> str:
    """BLAKE2b, 16 bytes, in hexadecimal."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def encode_record(record: Record) -> bytes:
    """A record as bytes, the same for the same content."""
    return json.dumps(record, sort_keys=True, separators=(",", ":")).encode()


def merge_spans(spans: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """The same frames in as few spans as possible, in order."""
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(stop, merged[-1][1])
        else:
            merged.append((start, stop))
    return tuple(merged)


def stored_clips(manifest: Mapping[str, Any]) -> list[StoredClip]:
    """The clips that a manifest lists."""
    return [
        StoredClip(one["clip"], one["count"], tuple(tuple(span) for span in one["spans"]))
        for one in manifest["split"]["clips"]
    ]


def meta_line(clip: str, i: int, name: str, about: Mapping[str, Any]) -> str:
    """A value in the toolbox's words: name with extension, shape, compression level.

    The toolbox takes what stands before the dot for the key.
    """
    shape = ",".join(map(str, about["shape"]))
    return f"{value_key(clip, i, name)}.{about['extension']} ({shape}) 0\n"


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write ``manifest.json`` whole: the mark of an LMDB that is finished."""
    with whole_file(folder / MANIFEST) as part:
        part.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest of a finished LMDB; an error that says what is there if it is not one.

    Args:
        path: the folder ``X.lmdb``.
    """
    file = path / MANIFEST
    part = path.with_name(path.name + PART)
    if not file.is_file() and part.is_dir():
        raise FileNotFoundError(
            f"{path}: expected a finished LMDB; got the unfinished {part.name} (the command that"
            " began it continues where it stopped)"
        )
    if not file.is_file():
        got = "a folder without one" if path.is_dir() else "no such folder"
        raise FileNotFoundError(
            f"{path}: expected an LMDB with {MANIFEST}, as scripts/create_lmdb.py writes it; got"
            f" {got}"
        )
    check_regular(file)
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file}: expected JSON; got {error}") from error
    if not isinstance(manifest, dict):
        raise InputError(f"{file}: expected names and values; got {type(manifest).__name__}")
    found = manifest.get("format"), manifest.get("format_version")
    if found != (FORMAT, FORMAT_VERSION):
        raise ValueError(
            f"{file}: expected format {FORMAT!r} of version {FORMAT_VERSION}; got {found[0]!r},"
            f" {found[1]!r} (write it again with scripts/create_lmdb.py)"
        )
    return dict(manifest)


def check_manifest(manifest: Mapping[str, Any], path: Path) -> None:
    """Refuse a manifest that lacks what readers rely on, or whose clips' names climb.

    Args:
        manifest: result of :func:`read_manifest`.
        path: the folder ``X.lmdb``, for errors.

    Raises:
        InputError: something is missing or of another kind.
    """
    with reading(path / MANIFEST):
        _check_manifest(manifest)


def _check_manifest(manifest: Mapping[str, Any]) -> None:
    source, options = manifest["source"], manifest["options"]
    check_positive(source["default_range_m"], "source.default_range_m")
    if not all(isinstance(source[key], str) for key in ("name", "unit")):
        raise InputError("source.name and source.unit must be text")
    if not isinstance(source["source_opt"], dict):
        raise InputError(f"source.source_opt must be names and values; got {source['source_opt']}")
    for name in ("range_m", "bins"):
        check_positive(options[name], f"options.{name}")
    if not all(isinstance(scale, int) for scale in options["scales"]):
        raise InputError(f"options.scales must be whole numbers; got {options['scales']}")
    for one in manifest["split"]["clips"]:
        check_name(one["clip"], "the name of a clip")
        numbers = [one["count"], *(bound for span in one["spans"] for bound in span)]
        if not all(isinstance(number, int) and number >= 0 for number in numbers):
            raise InputError(f"count and spans of {one['clip']!r} must be whole numbers")
        if not one["spans"] or any(len(span) != 2 or span[0] >= span[1] for span in one["spans"]):
            raise InputError(f"spans of {one['clip']!r} must be pairs; got {one['spans']}")
