"""Plans of benchmarks: the YAML of ``options/benchmark/`` as checked dataclasses."""

import copy
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from stdnet_arch.utils.input_errors import InputError
from stdnet_arch.utils.names import check_name

_SLUG = re.compile(r"[^A-Za-z0-9_+-]+")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One competitor: a network of the registry, or a method registered as a competitor."""

    name: str
    """Name in tables."""
    network_g: Mapping[str, Any] | None = None
    """``type`` and arguments of an arch; ``scale`` is added."""
    competitor: Mapping[str, Any] | None = None
    """``type`` and arguments of a registered competitor that is no network."""
    weights: str | None = None
    """Checkpoint to use; without one a network is trained."""
    train: Mapping[str, Any] = field(default_factory=dict)
    """Departures from the common recipe: sections of the toolbox's options; reported."""
    space_time: bool = False
    """The method is given depth at every second frame only."""
    note: str = ""
    """A remark for the table."""
    untrained: str = ""
    """Why a fair benchmark does not train it; the row says so."""

    def __post_init__(self) -> None:
        """Refuse an entry that is neither, or both."""
        if (self.network_g is None) == (self.competitor is None):
            raise ValueError(
                f"models.{self.name}: expected either network_g or competitor; got "
                f"{'both' if self.network_g else 'neither'}"
            )
        if "type" not in (self.network_g or self.competitor or {}):
            raise ValueError(f"models.{self.name}: expected a type in its section; got none")

    @property
    def slug(self) -> str:
        """The name as part of a file name."""
        return _SLUG.sub("_", self.name)


@dataclass(frozen=True, kw_only=True)
class BenchmarkPlan:
    """A whole benchmark."""

    name: str
    scale: int
    title: str
    """One line for the head of the report."""
    train: Mapping[str, Any]
    """The toolbox's options that all trained networks share: equal data, steps, loss, seed."""
    test: Mapping[str, Mapping[str, Any]]
    """Name to dataset section (``RGBDVideoTestDataset``)."""
    metrics: Mapping[str, Mapping[str, Any]]
    """As under ``val: metrics:``."""
    models: tuple[Entry, ...]
    fair: Mapping[str, Any] | None = None
    """Equal cost of training; see :mod:`stdnet_arch.evaluation.benchmark.fair_plan`."""
    cost: Mapping[str, Any] | None = None
    """Settings of speed and memory; see :mod:`stdnet_arch.evaluation.cost`."""
    chunk_frames: int | None = None
    """Frames of a clip that go through a network at once (exact; archs with a halo)."""
    published: str | None = None
    """Rows of ``published.csv`` to print apart from the measured ones: its ``table`` column."""
    remarks: tuple[str, ...] = ()
    """Sentences for the head of the report."""


def read_plan(options: Mapping[str, Any], only: list[str] | None = None) -> BenchmarkPlan:
    """Check the options of a benchmark.

    Args:
        options: the YAML as a mapping.
        only: names of models to keep; None keeps all.

    Raises:
        ValueError: unknown or missing keys, an entry that is neither network nor competitor, equal
            names, or a name in ``only`` that is none of the models.
    """
    if not isinstance(options, Mapping):
        raise InputError(f"a benchmark must be names and values; got {type(options).__name__}")
    _check_keys("benchmark", options, BenchmarkPlan)
    _check_sections(options)
    models = options["models"]
    for name, entry in models.items():
        _check_keys(f"models.{name}", {"name": name, **(entry or {})}, Entry)
    entries = [Entry(name=name, **(entry or {})) for name, entry in models.items()]
    if len({entry.slug for entry in entries}) < len(entries):
        raise ValueError(f"models need names that differ as file names; got {list(models)}")
    unknown = sorted(set(only or ()) - set(models))
    if unknown:
        raise ValueError(f"expected models of {', '.join(models)}; got {', '.join(unknown)}")
    kept = tuple(entry for entry in entries if only is None or entry.name in only)
    rest = {key: value for key, value in options.items() if key not in {"models", "remarks"}}
    return BenchmarkPlan(**rest, models=kept, remarks=tuple(options.get("remarks", ())))


def _check_sections(options: Mapping[str, Any]) -> None:
    """Refuse sections of another kind, and names that would lead out of the folder of results."""
    check_name(options["name"], "name")
    if isinstance(options["scale"], bool) or not isinstance(options["scale"], int):
        raise InputError(f"scale must be a whole number; got {options['scale']!r}")
    for section in ("train", "test", "metrics", "models"):
        if not isinstance(options[section], Mapping):
            raise InputError(f"{section} must be names and values; got {options[section]!r}")
    for section in ("test", "metrics", "models"):
        for name, inner in options[section].items():
            check_name(name, f"a name in {section}")
            if not isinstance(inner, Mapping) and not (section == "models" and inner is None):
                raise InputError(f"{section}.{name} must be names and values; got {inner!r}")


def training_options(plan: BenchmarkPlan, entry: Entry) -> dict[str, Any]:
    """The toolbox's options that train an entry: the common recipe, and what departs from it.

    Their name changes with them, so that weights of another recipe are never taken for these.
    """
    options = merge(plan.train, entry.train)
    if entry.space_time:
        options["model_type"] = "SpaceTimeModel"
        options["datasets"]["train"]["lq_every"] = 2
    options |= {
        "scale": plan.scale,
        "network_g": {**(entry.network_g or {}), "scale": plan.scale},
        "path": {"pretrain_network_g": None, "strict_load_g": True, "resume_state": None},
    }
    return {"name": f"{plan.name}_{entry.slug}_{digest(options)[:8]}", **options}


def digest(what: Mapping[str, Any]) -> str:
    """Plain values as 16 hexadecimal digits that change with them."""
    return hashlib.sha256(json.dumps(what, sort_keys=True, default=str).encode()).hexdigest()[:16]


def checkpoint_of(plan: BenchmarkPlan, entry: Entry, root: Path) -> Path:
    """Name the file of a finished training's weights under ``root``."""
    return checkpoint_at(training_options(plan, entry), root)


def checkpoint_at(options: Mapping[str, Any], root: Path) -> Path:
    """Name the file of the weights of a training of these options."""
    return root / "experiments" / options["name"] / "models" / "net_g_latest.pth"


def merge(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Put ``change`` over ``base``, section by section; neither is modified."""
    merged = copy.deepcopy(dict(base))
    for key, value in change.items():
        inside = merged.get(key)
        if isinstance(inside, dict) and isinstance(value, Mapping):
            merged[key] = merge(inside, value)
        else:
            merged[key] = copy.deepcopy(value)
    return merged


def _check_keys(where: str, given: Mapping[str, Any], kind: type) -> None:
    known = {f.name: f for f in fields(kind)}
    unknown = sorted(given.keys() - known.keys())
    needed = {"name", "scale", "title", "train", "test", "metrics", "models"} & known.keys()
    missing = sorted((needed - given.keys()) if kind is BenchmarkPlan else ())
    if unknown or missing:
        raise ValueError(
            f"{where}: expected the keys {', '.join(sorted(known))}; got "
            f"{', '.join(unknown) or 'no ' + ', '.join(missing)}"
        )
