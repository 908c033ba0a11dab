"""Patches of the files that the toolbox writes and resumes from; runs behind ``_toolbox``.

Networks and states are written whole and read only if they are; one program writes to a run's
folder.
"""

import atexit
import re
import warnings
from pathlib import Path
from typing import IO, Any

from basicsr.utils.dist_util import get_dist_info

from stdnet_arch._toolbox import Untyped, _replaces
from stdnet_arch._toolbox_order import data_state
from stdnet_arch.utils.commands import fitting
from stdnet_arch.utils.folder_lock import let_go, take_folder
from stdnet_arch.utils.input_errors import InputError
from stdnet_arch.utils.random_states import capture_rng, gather_objects, restore_rng
from stdnet_arch.utils.torch_file import check_finite, read_torch, write_torch

STATE_KEYS = ("epoch", "iter", "optimizers", "schedulers")
_held: dict[str, tuple[Path, IO[str], str]] = {}


def hold_run(opt: dict[str, Untyped], root: str) -> None:
    """Hold the folder of a run until the program ends, on the first of its processes.

    The lock lies beside the folder, which the toolbox renames when a run begins again.

    Raises:
        OSError: another program trains or tests under this name; the message says which.
    """
    if opt["rank"] != 0:
        return
    release_run()
    folder = Path(root) / ("experiments" if opt["is_train"] else "results")
    name = f".{re.sub(r'[^A-Za-z0-9_.+-]', '_', opt['name'])}.lock"
    try:
        _held["run"] = folder, take_folder(folder, name), name
    except OSError as error:
        raise OSError(f"{opt['name']}: {error}") from None


def release_run() -> None:
    """Let go of the folder of a run."""
    if "run" in _held:
        folder, handle, name = _held.pop("run")
        let_go(folder, handle, name)


atexit.register(release_run)


def tell_stopped() -> str:
    """Return the line that tells a stopped training where it continues."""
    if "run" not in _held:
        return "stopped before anything was begun"
    folder, _, name = _held["run"]
    states = folder / name.removeprefix(".").removesuffix(".lock") / "training_states"
    newest = max((int(p.stem) for p in states.glob("*.state") if p.stem.isdecimal()), default=None)
    if newest is None:
        return "stopped; no state was saved yet, so the same command begins again"
    return f"stopped; the same command with --auto_resume continues from iteration {newest}"


@_replaces("basicsr.models", "build_model")
def _build_model(opt: dict[str, Untyped]) -> Untyped:
    """Options of another kind end in whatever error they happen to meet.

    basicsr/models/__init__.py:19-29.
    """
    with fitting("the options of the model (network_g, train, val, path)"):
        return _build_model.__wrapped__(opt)


@_replaces("basicsr.data", "build_dataset")
def _build_dataset(dataset_opt: dict[str, Untyped]) -> Untyped:
    """Options of another kind end in whatever error they happen to meet.

    basicsr/data/__init__.py:26-38. ``meta_info_file`` may be the name of a list of ours, since the
    installed toolbox lacks those that its recipes name (basicsr/data/meta_info).
    """
    given = dataset_opt.get("meta_info_file")
    if given and not Path(given).is_file():
        from stdnet_arch.data.sources.clip_list import META_INFO

        if not (META_INFO / given).is_file():
            known = ", ".join(sorted(path.name for path in META_INFO.glob("*.txt")))
            raise InputError(
                f"meta_info_file of the dataset {dataset_opt.get('name')} must be a file, or a "
                f"list of this package ({known}); got {given}"
            )
        dataset_opt = {**dataset_opt, "meta_info_file": str(META_INFO / given)}
    with fitting(f"the options of the dataset {dataset_opt.get('name')}"):
        return _build_dataset.__wrapped__(dataset_opt)


@_replaces("basicsr.models.base_model:BaseModel", "save_network")
def _save_network(
    model: Untyped,
    net: Untyped,
    net_label: str,
    current_iter: int,
    param_key: str | list[str] = "params",
    said: dict[str, Untyped] | None = None,
) -> None:
    """A kill leaves an empty ``net_g_N.pth``; a full disk is a warning, and the run continues.

    basicsr/models/base_model.py:221-238.

    Args:
        model: model of the toolbox.
        net: network, or networks.
        net_label: such as ``net_g``.
        current_iter: -1 stands for the latest.
        param_key: key of each network in the file.
        said: further values to store beside them.
    """
    if get_dist_info()[0] != 0:
        return
    nets, keys = ([one] if not isinstance(one, list) else one for one in (net, param_key))
    content: dict[str, Any] = {}
    for one, key in zip(nets, keys, strict=True):
        state = model.get_bare_model(one).state_dict()
        content[key] = {
            name.removeprefix("module."): value.detach().cpu() for name, value in state.items()
        }
    iteration = "latest" if current_iter == -1 else current_iter
    path = Path(model.opt["path"]["models"]) / f"{net_label}_{iteration}.pth"
    write_torch(path, {**content, **(said or {})})


@_replaces("basicsr.models.base_model:BaseModel", "save_training_state")
def _save_training_state(model: Untyped, epoch: int, current_iter: int) -> None:
    """A kill leaves an empty ``N.state``; a full disk is a warning, and the run continues.

    basicsr/models/base_model.py:324-353. Neither random states nor the place in the data are stored
    there; every process must call, since each has random states of its own.
    """
    rng = gather_objects(capture_rng(model.device))
    if current_iter == -1 or get_dist_info()[0] != 0:
        return
    state = {
        "epoch": epoch,
        "iter": current_iter,
        "optimizers": [optimizer.state_dict() for optimizer in model.optimizers],
        "schedulers": [scheduler.state_dict() for scheduler in model.schedulers],
        "rng": rng,
        "data": data_state(model.opt, epoch, current_iter),
        **getattr(model, "further_state", dict)(),
    }
    write_torch(Path(model.opt["path"]["training_states"]) / f"{current_iter}.state", state)


@_replaces("basicsr.models.base_model:BaseModel", "resume_training")
def _resume_training(model: Untyped, resume_state: dict[str, Untyped]) -> None:
    """A resumed run draws other random numbers than one that was not stopped.

    basicsr/models/base_model.py:340-353. States of the stock toolbox lack ours and load, too.
    """
    _resume_training.__wrapped__(model, resume_state)
    rank, world_size = get_dist_info()
    rng = resume_state.get("rng", [])
    if len(rng) == world_size:
        restore_rng(rng[rank], model.device)


@_replaces("basicsr.models.base_model:BaseModel", "load_network")
def _load_network(
    model: Untyped,
    net: Untyped,
    load_path: str,
    strict: bool = True,
    param_key: str | None = "params",
) -> None:
    """Damaged or diverged weights are loaded without a word.

    basicsr/models/base_model.py:280-303.
    """
    content = read_torch(Path(load_path))
    params = content.get(param_key, content.get("params", {})) if param_key else content
    check_finite(params, load_path)
    _load_network.__wrapped__(model, net, load_path, strict, param_key)


@_replaces("basicsr.train", "load_resume_state")
def _load_resume_state(opt: dict[str, Untyped]) -> dict[str, Untyped] | None:
    """Resuming needs a GPU, and ``--auto_resume`` from another folder starts again at 0.

    basicsr/train.py:85-86 loads to CUDA: a driver error on a CPU; on a GPU it leaves Adam's step
    counters there, a host-device copy for each at every step. basicsr/train.py:71 looks in
    ``./experiments`` whatever ``root_path`` is. ``--auto_resume`` takes the newest state that can
    be read and whose networks can; what it passes over is told. A state of another run is refused,
    since its weights would be sought in this run's folder.
    """
    states, given = Path(opt["path"]["training_states"]), opt["path"].get("resume_state")
    if not opt["auto_resume"]:
        if not given:
            return None
        if Path(given).resolve().parent != states.resolve():
            raise InputError(
                f"resume_state must lie in {states} (resume under one name), got {given}"
            )
        return _resume_from(opt, Path(given))
    found = _newest_first(states)
    for path in found:
        try:
            return _resume_from(opt, path)
        except (InputError, FileNotFoundError) as error:
            warnings.warn(f"{path} is passed over: {error}", stacklevel=2)
    if found:
        raise InputError(
            f"none of the {len(found)} states in {states} can be read with its networks; move "
            f"{states.parent} away to begin again"
        )
    return None


def _newest_first(states: Path) -> list[Path]:
    """Return the states of a run by falling iteration; other files are told and left out."""
    numbered = {}
    for path in states.glob("*.state"):
        if path.stem.isdecimal():
            numbered[int(path.stem)] = path
        else:
            warnings.warn(f"{path} is passed over: its name is no iteration", stacklevel=2)
    return [numbered[number] for number in sorted(numbered, reverse=True)]


def _resume_from(opt: dict[str, Untyped], path: Path) -> dict[str, Untyped]:
    """Read a state and make sure that its networks can be read, too.

    Raises:
        FileNotFoundError, InputError: one of them is missing, damaged or something else.
    """
    from basicsr.utils import check_resume

    state = read_torch(path)
    if not isinstance(state, dict) or not all(key in state for key in STATE_KEYS):
        raise InputError(f"{path}: expected a training state with {', '.join(STATE_KEYS)}")
    if not all(isinstance(state[key], int) for key in ("epoch", "iter")):
        raise InputError(f"{path}: epoch and iter must be whole numbers")
    ignored = opt["path"].get("ignore_resume_networks") or []
    for label in [key.removeprefix("network_") for key in opt if key.startswith("network_")]:
        if f"network_{label}" not in ignored:
            read_torch(Path(opt["path"]["models"]) / f"net_{label}_{state['iter']}.pth")
    opt["path"]["resume_state"] = str(path)
    opt["resumed"] = {"epoch": state["epoch"], "iter": state["iter"], **state.get("data", {})}
    check_resume(opt, state["iter"])
    return state
