"""Parts of a dataset in LMDBs of their own, made by many machines and read as one."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stdnet_arch.data.database.lmdb_manifest import Record
from stdnet_arch.data.database.lmdb_store import LmdbStore

_NAME = re.compile(r"-(\d+)-of-(\d+)$")


def parse_shard(text: str) -> tuple[int, int]:
    """``i/n`` as two numbers, counted from 1, as job arrays are.

    Raises:
        ValueError: another form, or a part that there is not.
    """
    first, _, count = text.partition("/")
    if not (first.isdecimal() and count.isdecimal() and 1 <= int(first) <= int(count)):
        raise ValueError(f"expected a shard like 3/8, from 1/8 to 8/8; got {text!r}")
    return int(first), int(count)


def shard_path(out: str | Path, shard: tuple[int, int]) -> Path:
    """Name the place of a shard of ``X.lmdb``: ``X-00003-of-00008.lmdb``."""
    out = Path(out)
    i, n = shard
    return out.with_name(f"{out.stem}-{i:05d}-of-{n:05d}{out.suffix}")


def open_store(path: str | Path) -> "LmdbStore | ShardedStore":
    """The store of an LMDB, or of all that a pattern with ``*`` finds."""
    return ShardedStore(path) if "*" in Path(path).name else LmdbStore(path)


class ShardedStore:
    """Several LMDBs as one: the clips in the order in which one machine would have stored them.

    Args:
        pattern: a path whose last part has a ``*``, such as ``datasets/X-*-of-00008.lmdb``.

    Raises:
        FileNotFoundError: none matches, or one of ``n`` is missing.
        ValueError: they were made with other options, or hold a clip twice.
    """

    def __init__(self, pattern: str | Path) -> None:
        self.path = Path(pattern).expanduser()
        found = sorted(path for path in self.path.parent.glob(self.path.name) if path.is_dir())
        found = [path for path in found if path.suffix == ".lmdb"]
        if not found:
            raise FileNotFoundError(f"expected LMDBs at {self.path}; got none")
        _check_complete(found)
        stores = [LmdbStore(path) for path in found]
        for store in stores[1:]:
            _check_same(stores[0], store)
        self._stores: dict[str, LmdbStore] = {}
        places = []
        for k, store in enumerate(stores):
            for place, clip in enumerate(store.manifest["split"]["clips"]):
                name = clip["clip"]
                if name in self._stores:
                    other = self._stores[name].path
                    raise ValueError(
                        f"expected every clip in one LMDB; got {name!r} in {other} and {store.path}"
                    )
                self._stores[name] = store
                # Shard i has every n-th clip: the first of all, the second of all, and so on.
                places.append(((place, k), clip))
        clips = [clip for _, clip in sorted(places, key=lambda each: each[0])]
        split = {**stores[0].manifest["split"], "clips": clips}
        self.manifest: Mapping[str, Any] = {**stores[0].manifest, "split": split}

    def record(self, clip: str, i: int) -> Record:
        """Return the record of a frame: what is stored of it."""
        return self._stores[clip].record(clip, i)

    def value(self, clip: str, i: int, name: str) -> memoryview:
        """One value of a frame."""
        return self._stores[clip].value(clip, i, name)


def _check_complete(paths: list[Path]) -> None:
    """Raise if shards ``i`` of ``n`` are there, but not all of them, or of different ``n``."""
    named = [match for path in paths if (match := _NAME.search(path.stem))]
    counts = {int(match[2]) for match in named}
    if len(counts) > 1:
        raise ValueError(f"expected the shards of one dataset; got some of {sorted(counts)}")
    for count in counts:
        missing = sorted(set(range(1, count + 1)) - {int(match[1]) for match in named})
        if missing:
            raise FileNotFoundError(
                f"expected {count} shards beside {paths[0]}; number {missing[0]} is missing (make"
                f" it with --shard {missing[0]}/{count})"
            )


def _check_same(one: LmdbStore, other: LmdbStore) -> None:
    for what in ("source", "options"):
        if one.manifest[what] != other.manifest[what]:
            raise ValueError(
                f"expected LMDBs made with the same {what}; {one.path} has {one.manifest[what]},"
                f" {other.path} has {other.manifest[what]}"
            )
