"""Makes stock basicsr 1.4.2 import and run on a modern stack; the only file that patches anything.

Importing ``stdnet_arch`` runs it before anything else imports basicsr, in the main process and in
spawned DataLoader workers alike. Each patch is one function that names the symptom and the toolbox
line it answers. The toolbox's own function stays reachable as ``__wrapped__`` of its replacement.
"""

import argparse
import codecs
import difflib
import importlib.util
import os
import pkgutil
import random
import re
import signal
import sys
import types
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from scipy.ndimage import convolve, gaussian_filter
from torch.nn.parallel import DistributedDataParallel
from torchvision.transforms.functional import rgb_to_grayscale

from stdnet_arch import option_file
from stdnet_arch._toolbox_options import check_options
from stdnet_arch.utils.input_errors import reading
from stdnet_arch.utils.random_states import untouched
from stdnet_arch.utils.whole_file import write_whole
from stdnet_arch.utils.yaml_file import PlainLoader, parse_yaml

Untyped = Any  # objects of the toolbox, which has no annotations

# ---------------------------------------------------------------- before basicsr can be imported


def _stand_in(name: str, **content: object) -> None:
    """Make module ``name`` importable, with ``content`` in it, where it no longer exists."""
    try:
        gone = name not in sys.modules and importlib.util.find_spec(name) is None
    except ModuleNotFoundError:  # nor does the package around it
        _stand_in(name.rpartition(".")[0])
        gone = True
    if gone:
        sys.modules[name] = types.ModuleType(name)
        vars(sys.modules[name]).update(content)


class _LooseVersion(tuple[int, ...]):
    """A version as the numbers in it: enough for basicsr/archs/arch_util.py:231."""

    def __new__(cls, version: str) -> "_LooseVersion":
        return super().__new__(cls, map(int, re.findall(r"\d+", version)))


# Any `import basicsr` ends in ModuleNotFoundError when one of these is gone:
# torchvision >= 0.17: basicsr/data/degradations.py:8.
_stand_in("torchvision.transforms.functional_tensor", rgb_to_grayscale=rgb_to_grayscale)
# Python >= 3.12 without setuptools: basicsr/archs/arch_util.py:6.
_stand_in("distutils.version", LooseVersion=_LooseVersion)
# SciPy 2: basicsr/metrics/niqe.py:5, basicsr/data/data_util.py:275.
_stand_in("scipy.ndimage.filters", convolve=convolve, gaussian_filter=gaussian_filter)


def _allow_numpy_in_checkpoints() -> None:
    """``UnpicklingError: Weights only load failed`` for a NumPy number or array in a checkpoint.

    basicsr/train.py:86 and basicsr/models/base_model.py:290 call ``torch.load``, whose default is
    ``weights_only=True`` since torch 2.6. What is allowed here builds numbers and runs no code.
    """
    scalar = np.float64(0).__reduce__()[0]
    reconstruct = np.zeros(0).__reduce__()[0]
    allowed: list[Untyped] = [np.ndarray, np.dtype, codecs.encode]
    allowed += [type(np.dtype(kind)) for kind in "?bhilqBHILQefd"]
    for core in ("core", "_core"):  # NumPy 1 and 2 write different module names
        allowed.append((scalar, f"numpy.{core}.multiarray.scalar"))
        allowed.append((reconstruct, f"numpy.{core}.multiarray._reconstruct"))
    torch.serialization.add_safe_globals(allowed)


_allow_numpy_in_checkpoints()


def _replaces(where: str, name: str) -> Callable[[Untyped], Untyped]:
    """Put a function in the place of the toolbox's, in every toolbox module that imported it.

    Args:
        where: module, or ``module:Class``, that defines the original.
        name: the original's name there.

    Returns:
        A decorator. Running it again replaces the replacement and wraps the original.
    """

    def decorate(new: Untyped) -> Untyped:
        owner = pkgutil.resolve_name(where)
        current = getattr(owner, name)
        new.__wrapped__ = getattr(current, "__wrapped__", current)
        toolbox = [m for key, m in list(sys.modules.items()) if key.partition(".")[0] == "basicsr"]
        for holder in (owner, *toolbox):
            if getattr(holder, name, None) is current:
                setattr(holder, name, new)
        return new

    return decorate


# ----------------------------------------------------------------------------------------- options


@_replaces("basicsr.utils.registry:Registry", "get")
def _get_registered(registry: Untyped, name: str, suffix: str = "basicsr") -> Untyped:
    """A wrong ``type:`` prints "use name: X_basicsr!" and raises without a hint.

    basicsr/utils/registry.py:65-71.
    """
    for key in (name, f"{name}_{suffix}"):
        if key in registry:
            return registry._obj_map[key]
    names = sorted(registry.keys())
    near = difflib.get_close_matches(name or "", names, n=5, cutoff=0.5) or names
    raise KeyError(f"no {registry._name} is called {name!r}; there are {', '.join(near)}")


@_replaces("basicsr.utils.options", "ordered_yaml")
def _ordered_yaml() -> tuple[Untyped, Untyped]:
    """Options run code (``name: !!python/object/apply:os.system [...]``); ``1e-4`` is text.

    basicsr/utils/options.py:19-30 takes yaml's unsafe loader. The loader also follows ``base:``.
    """
    return option_file.following(PlainLoader), _ordered_yaml.__wrapped__()[1]


@_replaces("basicsr.utils.options", "_postprocess_yml_value")
def _read_forced_value(value: str) -> Untyped:
    """``--force_yml train:optim_g:lr=1e-5`` and ``...=-1`` give strings; a list is evaluated.

    basicsr/utils/options.py:58-79.
    """
    if value.startswith("["):
        return parse_yaml(value, "--force_yml")
    read = _read_forced_value.__wrapped__(value)
    if isinstance(read, str) and re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", read):
        return int(read) if read.lstrip("-+").isdigit() else float(read)
    return read


@_replaces("basicsr.utils.options", "parse_options")
def _parse_options(root_path: str, is_train: bool = True) -> tuple[dict[str, Untyped], Any]:
    """``--local-rank`` is an unrecognized argument; a wrong ``-opt`` ends in a traceback.

    basicsr/utils/options.py:88 (``python -m torch.distributed.launch`` passes the hyphen) and :96.
    """
    from stdnet_arch import _toolbox_files

    sys.argv[1:] = [re.sub("^--local-rank", "--local_rank", word) for word in sys.argv[1:]]
    _check_option_file(is_train)
    opt, arguments = _parse_options.__wrapped__(root_path, is_train)
    option_file.choose_devices(opt)
    option_file.check_schedule(opt)
    _toolbox_files.hold_run(opt, root_path)
    return opt, arguments


def _check_option_file(is_train: bool) -> None:
    """Refuse a missing or unfit ``-opt`` before the toolbox stumbles over it."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("-opt", type=Path)
    path = parser.parse_known_args()[0].opt
    if path is None:
        return  # the toolbox's own parser says so
    if not path.is_file():
        message = f"-opt needs a YAML file, got {str(path)!r} (looked from {Path.cwd()})"
        raise SystemExit(message)
    with reading(path), path.open(encoding="utf-8") as stream:
        check_options(yaml.load(stream, Loader=_ordered_yaml()[0]), is_train)  # noqa: S506


@_replaces("basicsr.utils.options", "copy_opt_file")
def _copy_opt_file(opt_file: str, experiments_root: str) -> None:
    """Every process copies, maybe before there is a folder; a ``base:`` leads nowhere from there.

    basicsr/utils/options.py:193-206.
    """
    if int(os.environ.get("RANK", "0")):  # torchrun says it; the first process copies for all
        return
    _copy_opt_file.__wrapped__(opt_file, experiments_root)
    options = option_file.read(opt_file)
    if options != option_file.read_alone(opt_file):
        copy = Path(experiments_root) / Path(opt_file).name
        remarks = [line for line in copy.read_text().splitlines() if line.startswith("#")]
        write_whole(copy, "\n".join(remarks) + "\n\n" + option_file.write(options))


# ------------------------------------------------------------------------------ launch and resume


@_replaces("basicsr.utils.dist_util", "_init_dist_pytorch")
def _init_dist_pytorch(backend: str, **kwargs: Untyped) -> None:
    """On a CPU ``--launcher pytorch`` ends in ZeroDivisionError (rank % 0), then asks for NCCL.

    basicsr/utils/dist_util.py:21-25.
    """
    if "RANK" not in os.environ:
        raise SystemExit(
            "--launcher pytorch needs torchrun: "
            "torchrun --nproc_per_node 2 -m stdnet_arch.train -opt X.yml --launcher pytorch"
        )
    if torch.cuda.is_available():
        _init_dist_pytorch.__wrapped__(backend, **kwargs)
    else:
        torch.distributed.init_process_group("gloo", **kwargs)


@_replaces("basicsr.models.base_model:BaseModel", "model_to_device")
def _model_to_device(model: Untyped, net: torch.nn.Module) -> torch.nn.Module:
    """DDP on a CPU asks for ``torch.cuda.current_device()``: a driver error.

    basicsr/models/base_model.py:97-98.
    """
    if not model.opt["dist"] or model.device.type != "cpu":
        return _model_to_device.__wrapped__(model, net)
    unused = model.opt.get("find_unused_parameters", False)
    return DistributedDataParallel(net.to(model.device), find_unused_parameters=unused)


# ------------------------------------------------------------------------------------------- data


@_replaces("basicsr.data", "worker_init_fn")
def _seed_worker(worker_id: int, num_workers: int, rank: int, seed: int) -> None:
    """Random crops repeat in every epoch: workers start again from the same seed.

    basicsr/data/__init__.py:97-101. torch's seed differs per epoch, worker and process, and
    follows ``manual_seed``.
    """
    if torch.utils.data.get_worker_info() is not None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the trainer ends its workers
    epoch_seed = torch.initial_seed() % 2**32
    random.seed(epoch_seed)
    np.random.seed(epoch_seed)  # noqa: NPY002  the toolbox's augmentations draw from it


@_replaces("basicsr.utils.file_client:LmdbBackend", "__init__")
def _open_lmdbs(
    backend: Untyped,
    db_paths: str | list[str],
    client_keys: str | list[str] = "default",
    **options: bool,
) -> None:
    """``lmdb.Error: ... already open in this process`` for train and val in one LMDB (lmdb >= 2).

    basicsr/utils/file_client.py:112. One environment per path serves all readers of a process.
    """
    from stdnet_arch.data.database.lmdb_store import open_environment

    paths = [db_paths] if isinstance(db_paths, str | Path) else db_paths
    keys = [client_keys] if isinstance(client_keys, str) else client_keys
    backend.db_paths = [str(path) for path in paths]
    backend._client = {
        key: open_environment(path, **options) for key, path in zip(keys, paths, strict=True)
    }


# ----------------------------------------------------------------- validation and moving average


@_replaces("basicsr.metrics", "calculate_metric")
def _calculate_metric(data: dict[str, Untyped], opt: dict[str, Untyped]) -> float:
    """``better: lower``, meant for the record of best values, reaches the metric: a TypeError.

    basicsr/metrics/__init__.py:10-20.
    """
    opt = {key: value for key, value in opt.items() if key != "better"}
    return _calculate_metric.__wrapped__(data, opt)


@_replaces("basicsr.models.base_model:BaseModel", "validation")
def _validate(model: Untyped, dataloader: Untyped, *args: Untyped, **kwargs: Untyped) -> None:
    """Video models want CUDA for their table of metrics, and know one validation set only.

    basicsr/models/video_recurrent_model.py:76-81 and video_base_model.py:28-33 make the table once,
    on ``device='cuda'``: a driver error on a CPU, ``KeyError: '<folder>'`` for the second set.
    And whether a run is validated would change the random numbers of its training.
    """
    metrics = model.opt["val"].setdefault("metrics", None)
    frames = Counter(getattr(dataloader.dataset, "data_info", {}).get("folder", ()))
    if metrics and frames:
        model.metric_results = {
            folder: torch.zeros(count, len(metrics), device=model.device)
            for folder, count in frames.items()
        }
    with untouched(model.device):
        _validate.__wrapped__(model, dataloader, *args, **kwargs)


@_replaces("basicsr.models.sr_model:SRModel", "feed_data")
def _feed_data(model: Untyped, data: dict[str, Untyped]) -> None:
    """``expected 5, got 4`` dimensions: on a CPU the model holds the dataset's own tensor.

    basicsr/models/video_recurrent_model.py:103-107 squeezes it in place after feeding it.
    """
    _feed_data.__wrapped__(model, data)
    model.lq = model.lq.detach()
    if "gt" in data:
        model.gt = model.gt.detach()


@_replaces("basicsr.models.video_recurrent_model:VideoRecurrentModel", "test")
def _test_average(model: Untyped) -> None:
    """Metrics are those of the raw net while ``params_ema`` is what one ships.

    basicsr/models/video_recurrent_model.py:176-197 uses ``net_g`` only (SRModel: the average).
    """
    net_g = model.net_g
    model.net_g = getattr(model, "net_g_ema", net_g)
    try:
        _test_average.__wrapped__(model)
    finally:
        model.net_g = net_g


@_replaces("basicsr.models.base_model:BaseModel", "model_ema")
def _update_average(model: Untyped, decay: float = 0.999) -> None:
    """Buffers (BatchNorm's statistics) stay at their first values in ``params_ema``.

    basicsr/models/base_model.py:75-82 covers parameters only.
    """
    _update_average.__wrapped__(model, decay)
    buffers = dict(model.get_bare_model(model.net_g).named_buffers())
    for name, buffer in model.net_g_ema.named_buffers():
        buffer.copy_(buffers[name])
