"""Store raw RGB-D video in several LMDBs at once on a Ray cluster; needs the extra ``ray``.

Read them as one with ``dataroot: datasets/X-*-of-00016.lmdb``. Killed, the same command goes on.

python scripts/create_lmdb_ray.py --shards 16 --at-once 8 \\
    --source DyDToF --root RAW --out datasets/X.lmdb
"""

import sys
from typing import Any

import stdnet_arch  # noqa: F401  before basicsr: makes it importable

# isort: split
from stdnet_arch.data.database.lmdb_cluster import run_shards


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


if __name__ == "__main__":
    sys.exit(run_shards(sys.argv[1:], __doc__, map_on_ray))
