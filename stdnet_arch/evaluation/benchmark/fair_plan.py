"""The section ``fair:`` of a benchmark: equal cost of training, best of some rates, some seeds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from stdnet_arch.evaluation.benchmark.benchmark_plan import (
    BenchmarkPlan,
    Entry,
    merge,
    training_options,
)
from stdnet_arch.utils.input_errors import InputError, check_positive

STEP_KEYS = frozenset({
    "total_iter", "warmup_iter", "periods", "milestones", "anneal_start", "anneal_end",
})  # fmt: skip
"""Options of a recipe that count steps."""


@dataclass(frozen=True, kw_only=True)
class Fair:
    """Budget of every network of a plan."""

    cpu_seconds: float
    """Processor time of the steps of one training."""
    learning_rates: Sequence[float]
    """Each is tried with the first seed; the best by validation is taken for all seeds."""
    rate_share: float = 1.0
    """Length of these tries, as a share of the trainings that are judged."""
    seeds: Sequence[int]
    """Seeds of starting weights and data."""
    val: Mapping[str, Mapping[str, Any]]
    """Name to dataset section; what the rate is chosen on, and never a test."""
    choose_by: str = "rmse_cm"
    """Metric of the choice."""
    zero_shot: Mapping[str, Any] | None = None
    """Options of a zero-shot benchmark (``kind: zero_shot`` without ``methods``) that is written
    for what was trained: scenes that nothing here has seen."""
    least_steps: int = 50
    """A network that cannot make so many steps in the time is not trained, and its row says so."""
    probe_steps: Sequence[int] = field(default=(3, 13))
    """Lengths of two short trainings, whose difference tells what a step costs."""
    probe_share: float = 0.2
    """Share of ``cpu_seconds`` that the difference must cost; else the longer one is trained anew,
    with more steps: start-ups vary by seconds."""


def read_fair(plan: BenchmarkPlan) -> Fair | None:
    """Check the section; None for a plan without.

    Raises:
        ValueError: a key is unknown or missing, a value is impossible, validation is a test, or a
            network starts in another way than the others. Or a plan that is not fair has models
            that are ``untrained``.
    """
    if plan.fair is None:
        _check_trained(plan)
        return None
    given = dict(plan.fair)
    known = {f.name for f in fields(Fair)}
    needed = {"cpu_seconds", "learning_rates", "seeds", "val"}
    if given.keys() - known or needed - given.keys():
        raise InputError(
            f"fair: expected the keys {', '.join(sorted(known))} (needed: "
            f"{', '.join(sorted(needed))}); got {', '.join(sorted(given))}"
        )
    fair = Fair(**given)
    check_positive(fair.cpu_seconds, "fair.cpu_seconds")
    if check_positive(fair.rate_share, "fair.rate_share") > 1:
        raise InputError(f"fair.rate_share must be at most 1; got {fair.rate_share}")
    for rate in fair.learning_rates:
        check_positive(rate, "fair.learning_rates")
    _check_choice(plan, fair)
    for entry in plan.models:
        if entry.network_g is not None and not entry.weights:
            _check_start(entry)
        elif entry.untrained:
            raise InputError(
                f"models.{entry.name}: untrained is for a network that would be trained; got a "
                "filter or weights: leave it out"
            )
    return fair


def _check_trained(plan: BenchmarkPlan) -> None:
    for entry in plan.models:
        if entry.untrained:
            raise InputError(
                f"models.{entry.name}: untrained belongs into a plan with the section fair; this "
                "plan has none: leave the model out"
            )


def _check_choice(plan: BenchmarkPlan, fair: Fair) -> None:
    if not fair.learning_rates or not fair.seeds or len(set(fair.seeds)) < len(fair.seeds):
        raise InputError("fair needs at least one learning rate, and seeds that differ")
    if fair.choose_by not in plan.metrics:
        raise InputError(
            f"fair.choose_by must be one of {', '.join(plan.metrics)}; got {fair.choose_by!r}"
        )
    tests = list(plan.test.values())
    shared = fair.val.keys() & plan.test.keys()
    same = any(dict(section) in map(dict, tests) for section in fair.val.values())
    if not fair.val or shared or same:
        raise InputError("fair.val must name data to choose rates on that are no test")
    if len(fair.probe_steps) != 2 or not 0 < fair.probe_steps[0] < fair.probe_steps[1]:
        raise InputError(f"fair.probe_steps must be two rising numbers; got {fair.probe_steps}")


def _check_start(entry: Entry) -> None:
    """Equal starts: a rule of starting weights that others do not have is refused."""
    if entry.train:
        raise InputError(f"models.{entry.name}: a fair plan has one recipe; got train: of its own")
    for network in nested(entry.network_g or {}):
        if "init" in network:
            raise InputError(
                f"models.{entry.name}: init: {network['init']} starts it otherwise than networks "
                "that have no such option; leave it out"
            )


def nested(network: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A network's options, and those of the network inside, if there is one."""
    yield network
    if isinstance(network.get("net"), Mapping):
        yield from nested(network["net"])


def scale_steps(options: Mapping[str, Any], steps: int) -> dict[str, Any]:
    """The section ``train:`` of a recipe for another number of steps, all else in proportion.

    Args:
        options: options of the toolbox; ``total_iter`` says what the others are relative to.
        steps: the new ``total_iter``.

    Example:
        >>> scale_steps({"total_iter": 100, "scheduler": {"periods": [100]}}, 250)
        {'total_iter': 250, 'scheduler': {'periods': [250]}}
    """
    share = steps / options["total_iter"]

    def scaled(key: str, value: Any) -> Any:  # noqa: ANN401  any plain value
        if isinstance(value, Mapping):
            return {inner: scaled(inner, v) for inner, v in value.items()}
        if key not in STEP_KEYS:
            return value
        if isinstance(value, list | tuple):
            return [scaled(key, one) for one in value]
        # Rounded down, so that what begins in the last step does not begin after it.
        return int(share * value) if value > 0 else value

    return {key: scaled(key, value) for key, value in options.items()}


@dataclass(frozen=True)
class TrainingRun:
    """One training."""

    entry: Entry
    rate: float
    seed: int
    steps: int


def run_options(plan: BenchmarkPlan, run: TrainingRun) -> dict[str, Any]:
    """The toolbox's options of a training; their name is unique to them."""
    train = scale_steps(plan.train["train"], run.steps)
    ratio = run.rate / train["optim_g"]["lr"]
    change: dict[str, Any] = {"optim_g": {"lr": run.rate}}
    if "eta_min" in train.get("scheduler", {}):
        change["scheduler"] = {"eta_min": train["scheduler"]["eta_min"] * ratio}
    recipe = {**plan.train, "manual_seed": run.seed, "train": merge(train, change)}
    return training_options(replace(plan, train=recipe), run.entry)
