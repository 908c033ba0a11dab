"""Reading a finished LMDB again: against its checksums, and against the raw files."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from stdnet_arch.data.database.lmdb_frame import StoreOptions, encode_frame
from stdnet_arch.data.database.lmdb_job import BAD_INPUT
from stdnet_arch.data.database.lmdb_manifest import (
    META_INFO,
    Record,
    StoredClip,
    checksum,
    frame_key,
    meta_line,
    stored_clips,
    value_key,
)
from stdnet_arch.data.database.lmdb_store import LmdbStore
from stdnet_arch.data.database.lmdb_values import Value, open_value
from stdnet_arch.data.sources.source import Source, build_source


def verify_lmdb(path: str | Path, root: str | None = None, quiet: bool = False) -> list[str]:
    """Read every value again.

    Args:
        path: a finished LMDB.
        root: folder of the raw dataset; every frame is then read and encoded again and compared.
        quiet: no progress bar.

    Returns:
        What is wrong, one line each; empty if all is well.

    Raises:
        FileNotFoundError: no finished LMDB there, or no raw dataset.
    """
    store = LmdbStore(path)
    source = _raw_source(store.manifest, root) if root is not None else None
    clips = stored_clips(store.manifest)
    problems: list[str] = []
    listing = hashlib.blake2b(digest_size=16)
    total = sum(stop - start for one in clips for start, stop in one.spans)
    with tqdm(total=total, unit="frame", desc="verify", disable=quiet) as bar:
        for one, listed in zip(clips, store.manifest["split"]["clips"], strict=True):
            problems += _verify_clip(store, one, listed["checksum"], source, listing, bar)
    meta_info = store.path / META_INFO
    if not meta_info.is_file():
        problems.append(f"{meta_info}: missing")
    elif not problems and _digest(meta_info) != listing.digest():  # else it is known already
        problems.append(f"{meta_info}: lists other values than are stored")
    return problems


def _digest(file: Path) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    with file.open("rb") as lines:
        for line in lines:
            digest.update(line)
    return digest.digest()


def _raw_source(manifest: dict[str, Any], root: str) -> Source:
    made = manifest["source"]
    return build_source(made["name"], root, made["source_opt"])


def _verify_clip(
    store: LmdbStore,
    one: StoredClip,
    expected: str,
    source: Source | None,
    listing: Any,  # noqa: ANN401  hashlib does not name its class
    bar: Any,  # noqa: ANN401  tqdm's class is generic only in its stubs
) -> list[str]:
    problems: list[str] = []
    digest = hashlib.blake2b(digest_size=16)
    for i in one.frames():
        try:
            stored = store.get(frame_key(one.clip, i))
            digest.update(stored)
            record = json.loads(bytes(stored))
            for name, about in record.items():
                listing.update(meta_line(one.clip, i, name, about).encode())
            problems += _broken_values(store, one.clip, i, record)
            if source is not None:
                problems += _differing_values(store, one.clip, i, record, source)
        except BAD_INPUT as error:
            problems.append(f"{frame_key(one.clip, i)}: {error}")
        bar.update()
    if digest.hexdigest() != expected:
        problems.append(f"{one.clip}: records differ from the manifest's checksum")
    return problems


def _broken_values(store: LmdbStore, clip: str, i: int, record: Record) -> Iterator[str]:
    for name, about in record.items():
        key = value_key(clip, i, name)
        data = store.get(key)
        if checksum(data) != about["checksum"]:
            yield f"{key}: checksum differs"
            continue
        image = open_value(about, data, key)
        if list(np.asarray(image).shape) != about["shape"]:
            yield f"{key}: expected shape {about['shape']}; got {list(image.shape)}"


def _differing_values(
    store: LmdbStore, clip: str, i: int, record: Record, source: Source
) -> Iterator[str]:
    """Names of values that the raw files no longer give."""
    options = dict(store.manifest["options"])
    options["scales"] = tuple(options["scales"])
    fresh = encode_frame(source, clip, i, StoreOptions(**options))
    names = [value.name for value in fresh.values]
    if sorted(names) != sorted(record):
        yield f"{frame_key(clip, i)}: the raw files give {names}; stored are {list(record)}"
        return
    for value in fresh.values:
        if not _same_content(value, record[value.name], store.value(clip, i, value.name)):
            yield f"{value_key(clip, i, value.name)}: differs from the raw files"


def _same_content(fresh: Value, about: dict[str, Any], data: memoryview) -> bool:
    if fresh.data == data:
        return fresh.about == about
    # Another version of a library may compress otherwise: pixels decide.
    one = np.asarray(open_value(fresh.about, memoryview(fresh.data), fresh.name))
    other = np.asarray(open_value(about, data, fresh.name))
    return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
