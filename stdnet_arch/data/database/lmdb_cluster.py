"""All shards of an LMDB, one by each worker of a cluster, whatever maps over its workers."""

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from stdnet_arch.data.database.lmdb_run import LmdbRun

Mapper = Callable[[list[dict[str, Any]], type, tuple[Any, ...], int], list[dict[str, Any]]]
"""Items, a class, its arguments, workers -> what the class makes of each item."""


class ShardWriter:
    """Writes one shard after another.

    Args:
        run: the run that would write all clips.
        count: number of shards.
    """

    def __init__(self, run: LmdbRun, count: int) -> None:
        self.run, self.count = replace(run, quiet=True), count

    def __call__(self, item: dict[str, Any]) -> dict[str, Any]:
        """Write shard ``item["shard"]``, counted from 1; ``code`` is the run's exit code."""
        job = replace(self.run.job, shard=(item["shard"], self.count))
        return {**item, "code": replace(self.run, job=job).start()}


def run_shards(run: LmdbRun, shards: int, workers: int, mapper: Mapper) -> int:
    """Write all shards on a cluster.

    Args:
        run: the run that would write all clips.
        shards: LMDBs to make, at most as many as clips.
        workers: workers, each makes a shard.
        mapper: maps items over the workers.

    Returns:
        The largest exit code of a shard: 0 if all went well.
    """
    items = [{"shard": k} for k in range(1, shards + 1)]
    done = mapper(items, ShardWriter, (run, shards), min(workers, shards))
    failed = sorted(item["shard"] for item in done if item["code"])
    if failed:
        sys.stderr.write(f"shards {', '.join(map(str, failed))}: see above; run the same again\n")
    return max(item["code"] for item in done)
