"""Judging networks on whole clips in metres: shards over ranks, one score per clip and method."""

import copy
import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import torch
from basicsr.utils.registry import DATASET_REGISTRY, METRIC_REGISTRY
from torch import Tensor, nn

from stdnet_arch.metrics.traits import NAMED_INPUTS
from stdnet_arch.models.batch import Batch, as_batch, length_of, range_of, valid_of
from stdnet_arch.models.prediction import ClipPrediction, FramePrediction

DIRECTIONS = ("lower", "higher")
FRAMES = ("all", "given", "made")
PER_FRAME = frozenset({"guide", "pose"})
"""Inputs with one value per frame; a metric that needs flow is of whole clips."""


class ClipDataset(Protocol):
    """A dataset of whole clips."""

    opt: Mapping[str, Any]
    """Its section of the options; ``name`` is read."""

    def __len__(self) -> int:
        """Number of clips."""

    def __getitem__(self, index: int) -> Mapping[str, Any]:
        """One clip: the batch contract without the batch axis."""


@dataclass(frozen=True)
class Metric:
    """One entry of ``val: metrics:``."""

    name: str
    """Column of the table, with its unit: ``rmse_cm``."""
    kind: str
    """Registered function: ``calculate_rmse``."""
    better: str
    """``lower`` or ``higher``."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Keyword arguments of the function."""
    frames: str = "all"
    """``given``: frames that the network has seen at low resolution; ``made``: the others."""

    def __post_init__(self) -> None:
        """Refuse here what would fail, or mean something else, after the first prediction."""
        if self.frames != "all" and getattr(self._function, "whole_clip", False):
            raise ValueError(
                f"val.metrics.{self.name}: {self.kind} compares neighbouring frames and needs "
                f"frames: all, got frames: {self.frames}"
            )
        parameters = inspect.signature(self._function).parameters.values()
        if any(p.kind is p.VAR_KEYWORD for p in parameters):
            return
        known = {p.name for p in parameters if p.kind is p.KEYWORD_ONLY} - {"valid", *NAMED_INPUTS}
        unknown = sorted(self.options.keys() - known)
        if unknown:
            raise ValueError(
                f"val.metrics.{self.name}: the options of {self.kind} are "
                f"{', '.join(sorted(known)) or 'none'}; got {', '.join(unknown)}"
            )

    @property
    def needs(self) -> tuple[str, ...]:
        """Name what a clip must bring beside depth and mask; see ``metrics.traits``."""
        return getattr(self._function, "needs", ())

    @property
    def uses(self) -> tuple[str, ...]:
        """``needs``, and what the metric takes if it is there."""
        return (*self.needs, *getattr(self._function, "optional", ()))

    @property
    def _function(self) -> Callable[..., float]:
        return METRIC_REGISTRY.get(self.kind)

    def __call__(
        self,
        pred_m: Tensor,
        gt_m: Tensor,
        valid: Tensor,
        given: Tensor,
        named_inputs: Mapping[str, Tensor] | None = None,
    ) -> float:
        """Judge one clip.

        Args:
            pred_m: prediction, ``(1, t, c, H, W)``, metres (RGB: in [0, 1]).
            gt_m: truth, the same shape.
            valid: bool, the same shape.
            given: true for frames that are given rather than made, bool ``(t,)``.
            named_inputs: further tensors by the names of :func:`~.metrics.traits.needs`.

        Returns:
            The value; ``nan`` if no frame is of the asked kind, or the clip lacks what the metric
            needs.
        """
        named = {
            name: named_inputs[name] for name in self.uses if named_inputs and name in named_inputs
        }
        if not named.keys() >= set(self.needs):
            return math.nan
        if self.frames != "all":
            chosen = given if self.frames == "given" else ~given
            if not chosen.any():
                return math.nan
            pred_m, gt_m, valid = (x[:, chosen] for x in (pred_m, gt_m, valid))
            named = {k: x[:, chosen] if k in PER_FRAME else x for k, x in named.items()}
        return float(self._function(pred_m, gt_m, valid=valid, **named, **self.options))


@dataclass(frozen=True)
class ClipScore:
    """Scores of one method on one clip."""

    index: int
    """Position of the clip in its dataset."""
    clip: str
    method: str
    values: Mapping[str, float]
    """Metric name to value; ``nan`` where nothing could be judged."""


@dataclass(frozen=True)
class Mean:
    """A mean over the clips that could be judged."""

    value: float
    """``nan`` if no clip could."""
    judged: int
    skipped: int


def read_metrics(section: Mapping[str, Mapping[str, Any]] | None) -> list[Metric]:
    """The ``metrics:`` of a ``val:`` section.

    Which way is better comes from the metric itself; ``better:`` may repeat it, and must say it for
    a metric that does not.
    """
    return [_read_metric(name, dict(entry)) for name, entry in (section or {}).items()]


def _read_metric(name: str, entry: dict[str, Any]) -> Metric:
    kind = entry.pop("type")
    known = getattr(METRIC_REGISTRY.get(kind), "better", None)
    said = entry.pop("better", None)
    better = said or known
    if better not in DIRECTIONS:
        raise ValueError(f"val.metrics.{name} needs better: lower or higher, got {better!r}")
    if known not in (None, better):
        raise ValueError(f"val.metrics.{name}: {kind} is better when {known}, got better: {said}")
    frames = entry.pop("frames", "all")
    if frames not in FRAMES:
        raise ValueError(
            f"val.metrics.{name}.frames must be one of {', '.join(FRAMES)}, got {frames!r}"
        )
    return Metric(name, kind, better, entry, frames)


def build_test_clips(name: str, section: Mapping[str, Any], scale: int) -> Any:  # noqa: ANN401
    """The registered dataset of whole clips that a section under ``test:`` of a benchmark names."""
    options = {"name": name, "phase": "test", "scale": scale, **copy.deepcopy(dict(section))}
    return DATASET_REGISTRY.get(options["type"])(options)


def shard(length: int, rank: int, world_size: int) -> range:
    """Choose which of ``length`` clips a rank judges: each clip belongs to exactly one rank."""
    return range(rank, length, world_size)


def score_clips(
    dataset: ClipDataset,
    indices: Sequence[int],
    methods: Mapping[str, nn.Module],
    metrics: Sequence[Metric],
    device: torch.device,
    on_prediction: Callable[[str, Batch, Tensor], None] | None = None,
    prediction: ClipPrediction | None = None,
) -> Iterator[list[ClipScore]]:
    """Judge every method on some clips, one clip at a time.

    Args:
        dataset: gives whole clips.
        indices: indices of the clips to score.
        methods: name to network, on ``device``.
        metrics: metrics to compute; clips without ``gt`` get no values.
        device: device to compute on.
        on_prediction: called with the method, the clip as a batch of one, and the prediction [m],
            ``(1, t, 1, H, W)``.
        prediction: way to run a network on a clip; default: frame for frame, in one piece.

    Yields:
        The scores of a clip, one per method.
    """
    prediction = prediction or FramePrediction()
    for index in indices:
        batch = as_batch(dataset[index])
        lq = batch["lq"].to(device)
        guide = batch["guide"].to(device) if "guide" in batch else None
        length = length_of(batch)
        given = prediction.given(length)
        scores = []
        for method, net in methods.items():
            pred_m = prediction(net, lq, guide, length) * range_of(batch).to(device)
            values = judge(pred_m, batch, metrics, given)
            scores.append(ClipScore(index, batch["clip"][0], method, values))
            if on_prediction:
                on_prediction(method, batch, pred_m)
            del pred_m  # not while the next method runs
        yield scores


def judge(
    pred_m: Tensor, batch: Batch, metrics: Sequence[Metric], given: Tensor
) -> dict[str, float]:
    """Every metric of one clip.

    Args:
        pred_m: prediction [m] (RGB: in [0, 1]), ``(1, t, c, H, W)``.
        batch: the clip as a batch of one; see :func:`as_batch`.
        metrics: metrics to compute.
        given: true for frames that are given rather than made, bool ``(t,)``.

    Returns:
        Metric name to value; empty for a clip without ``gt``.
    """
    if "gt" not in batch or not metrics:
        return {}
    # Only now on the device: while the network runs, its own features need the memory.
    gt_m = batch["gt"].to(pred_m.device) * range_of(batch).to(pred_m.device)
    valid = valid_of(batch).to(pred_m.device)
    brought = cast(Mapping[str, Tensor], batch)
    used = {name for metric in metrics for name in metric.uses if name in brought}
    named_inputs = {name: brought[name].to(pred_m.device) for name in used}
    return {metric.name: metric(pred_m, gt_m, valid, given, named_inputs) for metric in metrics}


def mean_over_clips(
    scores: Sequence[ClipScore], metrics: Sequence[Metric]
) -> dict[str, dict[str, Mean]]:
    """The mean of each method and metric; clips that could not be judged are left out and counted.

    Returns:
        Method to metric name to mean, methods in the order of their first score.
    """
    methods = dict.fromkeys(score.method for score in scores)
    return {
        method: {
            metric.name: _mean(
                [s.values.get(metric.name, math.nan) for s in scores if s.method == method]
            )
            for metric in metrics
        }
        for method in methods
    }


def _mean(values: Sequence[float]) -> Mean:
    judged = [value for value in values if not math.isnan(value)]
    mean = math.fsum(judged) / len(judged) if judged else math.nan
    return Mean(mean, len(judged), len(values) - len(judged))
