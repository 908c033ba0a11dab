"""All shards of an LMDB, one by each worker of a cluster, whatever maps over its workers."""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

from stdnet_arch.data.database import lmdb_command

Mapper = Callable[[list[dict[str, Any]], type, tuple[Any, ...], int], list[dict[str, Any]]]
"""Items, a class, its arguments, workers -> what the class makes of each item."""


class ShardWriter:
    """Writes one shard after another by the command line of ``create_lmdb.py``.

    Args:
        argv: its arguments, without ``--shard``.
        count: number of shards.
    """

    def __init__(self, argv: Sequence[str], count: int) -> None:
        self.argv, self.count = list(argv), count

    def __call__(self, item: dict[str, Any]) -> dict[str, Any]:
        """Write shard ``item["shard"]``, counted from 1; says the command's exit code."""
        shard = f"{item['shard']}/{self.count}"
        return {**item, "code": lmdb_command.create([*self.argv, "--shard", shard, "--quiet"])}


def run_shards(argv: Sequence[str], description: str | None, mapper: Mapper) -> int:
    """Run the command on a cluster.

    Args:
        argv: ``--shards``, ``--at-once``, and the arguments of ``create_lmdb.py``.
        description: of the command.
        mapper: what runs on the workers.

    Returns:
        The largest exit code of a shard: 0 if all went well.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shards", type=int, required=True, help="LMDBs to make, at most as clips")
    parser.add_argument("--at-once", type=int, default=8, help="workers; each makes a shard")
    args, rest = parser.parse_known_args(argv)
    if args.shards < 1 or args.at_once < 1:
        parser.error(f"expected at least 1 shard and worker; got {args.shards}, {args.at_once}")
    items = [{"shard": k} for k in range(1, args.shards + 1)]
    done = mapper(items, ShardWriter, (rest, args.shards), min(args.at_once, args.shards))
    failed = sorted(item["shard"] for item in done if item["code"])
    if failed:
        sys.stderr.write(f"shards {', '.join(map(str, failed))}: see above; run the same again\n")
    return max(item["code"] for item in done)
