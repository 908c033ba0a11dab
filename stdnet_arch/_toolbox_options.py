"""Checks of a run's options, before the toolbox relies on them."""

from collections.abc import Mapping
from typing import Any

from stdnet_arch.utils.input_errors import InputError
from stdnet_arch.utils.names import check_name

MAPPING, TEXT, WHOLE = "names and values", "text", "a whole number above 0"
NEEDED = {
    "name": TEXT,
    "model_type": TEXT,
    "network_g": MAPPING,
    "network_g.type": TEXT,
    "datasets": MAPPING,
    "path": MAPPING,
}
NEEDED_TO_TRAIN = {
    "train": MAPPING,
    "train.total_iter": WHOLE,
    "train.optim_g": MAPPING,
    "train.optim_g.type": TEXT,
    "logger": MAPPING,
    "logger.print_freq": WHOLE,
    "logger.save_checkpoint_freq": WHOLE,
}
OPTIONAL = {
    "val": MAPPING,
    "val.metrics": MAPPING,
    "val.val_freq": WHOLE,
    "scale": WHOLE,
    "train.scheduler": MAPPING,
    "path.pretrain_network_g": TEXT,
    "path.resume_state": TEXT,
}


def check_options(opt: object, is_train: bool) -> None:
    """Refuse options that the toolbox would stumble over, and names that leave the run's folder.

    Args:
        opt: content of an option file.
        is_train: a training needs more than a test.

    Raises:
        InputError: an option is missing or of another kind; it is named.
    """
    if not isinstance(opt, Mapping):
        raise InputError(f"-opt must hold {MAPPING}; got {type(opt).__name__}")
    for place, kind in (NEEDED | (NEEDED_TO_TRAIN if is_train else {})).items():
        _check(opt, place, kind, needed=True)
    for place, kind in OPTIONAL.items():
        _check(opt, place, kind, needed=False)
    check_name(opt["name"], "name")
    if opt.get("num_gpu") != "auto" and not _is_whole(opt.get("num_gpu"), 0):
        raise InputError(f"num_gpu must be auto or a number of GPUs; got {opt.get('num_gpu')!r}")
    for phase, dataset in opt["datasets"].items():
        _check(opt, f"datasets.{phase}", MAPPING, needed=True)
        _check(opt, f"datasets.{phase}.type", TEXT, needed=True)
        check_name(dataset.get("name"), f"datasets.{phase}.name")
    suffix = (opt.get("val") or {}).get("suffix")
    if suffix is not None:
        check_name(suffix, "val.suffix")


def _check(opt: Mapping[str, Any], place: str, kind: str, needed: bool) -> None:
    """Check one option, named by its place such as ``train.total_iter``."""
    value: Any = opt
    for key in place.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    if value is None and not needed:
        return
    right = {
        MAPPING: isinstance(value, Mapping),
        TEXT: isinstance(value, str),
        WHOLE: _is_whole(value, 1),
    }[kind]
    if not right:
        raise InputError(f"{place} must be {kind}; got {value!r}")


def _is_whole(value: object, least: int) -> bool:
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return whole and not isinstance(value, bool) and value >= least  # type: ignore[operator]
