"""Store raw RGB-D video in several LMDBs at once on a Ray cluster; needs the extra ``ray``.

Read them as one with ``dataroot: datasets/X-*-of-00016.lmdb``. Killed, the same command continues.

python scripts/create_lmdb_ray.py --shards 16 --at-once 8 \\
    --source DyDToF --root RAW --out datasets/X.lmdb
"""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

import stdnet_arch  # noqa: F401  before basicsr: makes it importable

# isort: split
from create_lmdb import build_parser, run_of

from stdnet_arch.data.database.lmdb_cluster import Mapper, run_shards
from stdnet_arch.data.database.lmdb_run import guarded


def map_on_ray(
    items: list[dict[str, Any]], writer: type, arguments: tuple[Any, ...], workers: int
) -> list[dict[str, Any]]:
    """Every item through ``writer(*arguments)``, one in each worker, by Ray Data."""
    try:
        import ray
    except ImportError as error:
        sys.exit(f"this needs Ray: pip install 'stdnet_arch[ray]'; {error}")
    ray.init(ignore_reinit_error=True)
    data = ray.data.from_items(items, override_num_blocks=len(items))
    # As many as there are cores for, not a fixed number: on fewer, Ray would wait for ever.
    pool = ray.data.ActorPoolStrategy(min_size=1, max_size=workers)
    done = data.map(writer, fn_constructor_args=arguments, compute=pool)
    return list(done.take_all())


def main(argv: Sequence[str] | None = None, mapper: Mapper = map_on_ray) -> int:
    """Run this command; returns the largest exit code of a shard."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shards", type=int, required=True, help="LMDBs to make, at most as clips")
    parser.add_argument("--at-once", type=int, default=8, help="workers; each makes a shard")
    args, rest = parser.parse_known_args(argv)
    if args.shards < 1 or args.at_once < 1:
        parser.error(f"expected at least 1 shard and worker; got {args.shards}, {args.at_once}")
    rest_args = build_parser().parse_args(rest)
    return guarded(
        lambda: run_shards(run_of(rest_args), args.shards, args.at_once, mapper), rest_args.debug
    )


if __name__ == "__main__":
    sys.exit(main())
