"""The manifest of python -m stdnet_arch.infer on a Ray cluster; needs the extra ``ray``.

Clips are cut into pieces. Every worker reads the frames around its piece that the network needs, so
that the result is the same to the bit. Run it again to do what is left.

python scripts/infer_ray.py --manifest list.jsonl -o OUT --weights W.pth --workers 8 --gpus 1
"""

import sys
from typing import Any

import stdnet_arch  # noqa: F401  before basicsr: makes it importable

# isort: split
from stdnet_arch.inference.jobs.cluster import build_parser, run_cluster


def map_on_ray(
    items: list[dict[str, Any]], runner: type, arguments: tuple[Any, ...], workers: int, gpus: float
) -> list[dict[str, Any]]:
    """Every item through ``runner(*arguments)``, one in each worker, by Ray Data."""
    try:
        import ray
    except ImportError as error:
        sys.exit(f"this needs Ray: pip install 'stdnet_arch[ray]'; {error}")
    ray.init(ignore_reinit_error=True, log_to_driver=False)
    data = ray.data.from_items(items, override_num_blocks=len(items))
    done = data.map(
        runner,
        fn_constructor_args=arguments,
        num_gpus=gpus,
        compute=ray.data.ActorPoolStrategy(size=min(workers, len(items))),
    )
    return list(done.take_all())


if __name__ == "__main__":
    sys.exit(run_cluster(build_parser(__doc__).parse_args(), map_on_ray))
