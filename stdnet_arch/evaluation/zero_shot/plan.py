"""Plan of a zero-shot benchmark: the YAML as checked dataclasses."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, TypeVar

from stdnet_arch.evaluation.zero_shot.scenes import KNOWN_SCENES, SceneFiles
from stdnet_arch.evaluation.zero_shot.scoring import LqRule, read_rule

KIND = "zero_shot"
"""Value of the key ``kind`` in a YAML of this form."""
SUMS = ("ratio_mean", "ratio_worst", "joint_rmse_worst", "joint_mae_worst")
"""Figures that a target may name; see :func:`~.summary.sum_up`."""
SectionT = TypeVar("SectionT")


@dataclass(frozen=True, kw_only=True)
class MethodPlan:
    """One row of each table."""

    name: str
    competitor: Mapping[str, Any] | None = None
    """``type`` and arguments of a registered filter; ``scale`` is added."""
    weights: str | None = None
    """Name of shipped weights, or a path; ``{scale}`` stands for the ratio. A ratio without such
    weights has no row."""
    registered: bool = False
    """RGB is moved onto the depth first, where edges say that it lies beside it."""
    self_ensemble: bool = False
    """The mean of a network's answers to the scene and its mirror images."""

    def __post_init__(self) -> None:
        """Refuse a method that is neither a filter nor a network, or both, or a mirrored filter."""
        if (self.competitor is None) == (self.weights is None):
            raise ValueError(f"methods.{self.name}: expected either competitor or weights")
        if self.self_ensemble and self.weights is None:
            raise ValueError(f"methods.{self.name}: self_ensemble is for weights; got a competitor")

    @property
    def slug(self) -> str:
        """The name as part of a file name."""
        return re.sub(r"[^A-Za-z0-9_+-]+", "_", self.name)


@dataclass(frozen=True, kw_only=True)
class Target:
    """A figure that a method should not exceed."""

    method: str
    scale: int
    rule: str
    figure: str
    """One of :data:`SUMS`."""
    most: float

    def __post_init__(self) -> None:
        """Refuse a figure that is never computed."""
        if self.figure not in SUMS:
            raise ValueError(f"targets: figure must be one of {', '.join(SUMS)}; got {self.figure}")


@dataclass(frozen=True, kw_only=True)
class ZeroShotPlan:
    """A whole benchmark."""

    name: str
    title: str
    """One line for the head of the report."""
    methods: tuple[MethodPlan, ...]
    rules: tuple[LqRule, ...]
    kind: str = KIND
    dataroot: str = "datasets"
    """Folder of all data."""
    scenes: tuple[SceneFiles, ...] = KNOWN_SCENES
    frames: int | None = None
    """Frames of each scene, from its end; None: all."""
    scales: tuple[int, ...] = (4, 8, 16)
    reference: str = "bilinear"
    """Method whose errors others are divided by."""
    against: str = "joint bilateral"
    """Method to be below in every row."""
    checked: tuple[str, ...] = ()
    """Rules with turned RGB, flicker and single frames, at the first scale."""
    pictured: str | None = None
    """Rule of the pictures, at the first scale."""
    shown: tuple[str, ...] = ()
    """Methods in the pictures; none: all."""
    targets: tuple[Target, ...] = ()
    remarks: tuple[str, ...] = ()
    """Sentences for the head of the report."""
    only: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """Rule to the scales it is run at; others run at all."""

    def __post_init__(self) -> None:
        """Refuse names that stand for nothing."""
        names = [method.name for method in self.methods]
        slugs = {method.slug for method in self.methods}
        if len(slugs) < len(names):
            raise ValueError(f"methods need names that differ as file names; got {names}")
        for key in ("reference", "against"):
            _require(getattr(self, key), names, key)
        rules = [rule.name for rule in self.rules]
        for rule in (*self.checked, *self.only, *filter(None, [self.pictured])):
            _require(rule, rules, "checked, only and pictured")
        for name in self.shown:
            _require(name, names, "shown")
        for target in self.targets:
            _require(target.method, names, "targets: method")
            _require(target.rule, rules, "targets: rule")

    def cells(self) -> list[tuple[int, LqRule]]:
        """List every scale with every rule that runs at it."""
        return [
            (scale, rule)
            for scale in self.scales
            for rule in self.rules
            if scale in self.only.get(rule.name, self.scales)
        ]


def read_zero_shot_plan(
    options: Mapping[str, Any], only: Sequence[str] | None = None
) -> ZeroShotPlan:
    """Check the options of a zero-shot benchmark.

    Args:
        options: the YAML as a mapping. ``scenes``: names of known scenes, or mappings with the
            fields of :class:`~.scenes.SceneFiles`. ``rules``: name to ``lq`` or ``preset``, or to
            nothing for the rule of that name.
        only: names of methods to keep beside ``reference`` and ``against``; None keeps all.

    Raises:
        ValueError: unknown or missing keys, or names that stand for nothing.
    """
    given = dict(options)
    methods = given.pop("methods", None) or {}
    unknown = sorted(set(only or ()) - set(methods))
    if unknown:
        raise ValueError(f"expected methods of {', '.join(methods)}; got {', '.join(unknown)}")
    defaults = {f.name: f.default for f in fields(ZeroShotPlan)}
    needed = {given.get(key, defaults[key]) for key in ("reference", "against")}
    kept = {k: v for k, v in methods.items() if only is None or k in {*only, *needed}}
    given["methods"] = tuple(_section(MethodPlan, f"methods.{k}", v, name=k)
                             for k, v in kept.items())  # fmt: skip
    given["rules"] = tuple(_rule(k, v or {}) for k, v in (given.get("rules") or {}).items())
    if given.get("scenes") is not None:
        given["scenes"] = tuple(_scene(entry) for entry in given["scenes"])
    targets = given.get("targets") or ()
    given["targets"] = tuple(
        _section(Target, "targets", entry)
        for entry in targets
        if only is None or entry.get("method") in kept
    )
    shown = given.get("shown") or ()
    for name in shown:
        _require(name, list(methods), "shown")
    given["shown"] = [name for name in shown if name in kept]
    for key in ("scales", "checked", "shown", "remarks"):
        given[key] = tuple(given.get(key, defaults[key]))
    return _section(ZeroShotPlan, "benchmark", given)


def _rule(name: str, section: Mapping[str, Any]) -> LqRule:
    return _section(LqRule, f"rules.{name}", section, name=name) if section else read_rule(name)


def _scene(entry: str | Mapping[str, Any]) -> SceneFiles:
    if isinstance(entry, Mapping):
        return _section(SceneFiles, "scenes", entry)
    known = {files.name: files for files in KNOWN_SCENES}
    _require(entry, list(known), "scenes")
    return known[entry]


def _section(
    kind: type[SectionT],
    where: str,
    given: Mapping[str, Any] | None,
    **more: Any,  # noqa: ANN401
) -> SectionT:
    values = {**(given or {}), **more}
    every = fields(kind)  # type: ignore[arg-type]
    known = {f.name for f in every}
    needed = {f.name for f in every if f.default is MISSING and f.default_factory is MISSING}
    if values.keys() - known or needed - values.keys():
        raise ValueError(
            f"{where}: expected the keys {', '.join(sorted(needed))} and only "
            f"{', '.join(sorted(known))}; got {', '.join(sorted(values))}"
        )
    return kind(**values)


def _require(name: str, known: Sequence[str], where: str) -> None:
    if name not in known:
        raise ValueError(f"{where}: expected one of {', '.join(known)}; got {name!r}")
