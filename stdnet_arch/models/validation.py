"""Judging networks on whole clips in metres: shards over ranks, one score per clip and method."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from basicsr.metrics import calculate_metric
from basicsr.utils.registry import METRIC_REGISTRY
from torch import Tensor, nn
from torch.utils.data import default_collate

from stdnet_arch.ops.resize import pad_to_multiple, unpad
from stdnet_arch.utils.windows import time_windows

Batch = Mapping[str, Any]
DIRECTIONS = ("lower", "higher")


class ClipDataset(Protocol):
    """A dataset of whole clips."""

    opt: Mapping[str, Any]
    """Its section of the options; ``name`` is read."""

    def __len__(self) -> int:
        """Number of clips."""

    def __getitem__(self, index: int) -> Batch:
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

    def __call__(self, pred_m: Tensor, gt_m: Tensor, valid: Tensor) -> float:
        """Judge one clip; metres, any shape, ``valid`` bool of that shape."""
        data = {"pred_m": pred_m, "gt_m": gt_m, "valid": valid}
        return float(calculate_metric(data, {"type": self.kind, **self.options}))


@dataclass(frozen=True)
class ClipScore:
    """What one method reached on one clip."""

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
    return Metric(name, kind, better, entry)


def predict(net: nn.Module, lq: Tensor, guide: Tensor, chunk_frames: int | None = None) -> Tensor:
    """Super-resolve whole clips without gradients, in evaluation mode.

    Sides that are no multiple of the network's ``multiple_of`` are padded by replication, and the
    prediction is cropped.

    Args:
        net: a network of this plugin; its mode is restored.
        lq: normalised depth, ``(b, t, 1, h, w)``.
        guide: RGB, ``(b, t, 3, H, W)`` in [0, 1].
        chunk_frames: frames that go through the network at once, beside ``net.halo`` frames of
            context on each side: the same result in bounded memory. None: the whole clip.

    Returns:
        Normalised depth, ``(b, t, 1, H, W)`` float32.

    Raises:
        ValueError: ``chunk_frames`` is given for a network that needs the whole clip.
    """
    halo = getattr(net, "halo", None)
    if chunk_frames is None:
        return _predict_padded(net, lq, guide)
    if not isinstance(halo, int):
        raise ValueError(
            f"val.chunk_frames: {type(net).__name__} needs whole clips (it declares no halo), "
            f"got chunk_frames: {chunk_frames}; leave it out"
        )
    parts = [
        _predict_padded(net, lq[:, window.read], guide[:, window.read])[:, window.keep]
        for window in time_windows(lq.shape[1], chunk_frames, halo)
    ]
    return torch.cat(parts, dim=1)


def _predict_padded(net: nn.Module, lq: Tensor, guide: Tensor) -> Tensor:
    multiple = getattr(net, "multiple_of", 1)
    scale = max(guide.shape[-1] // lq.shape[-1], 1)
    lq, padding = pad_to_multiple(lq, multiple)
    guide, _ = pad_to_multiple(guide, multiple * scale)
    training = net.training
    net.eval()
    try:
        with torch.no_grad():
            return unpad(net(lq, guide)["pred"].float(), padding, scale)
    finally:
        net.train(training)


def shard(length: int, rank: int, world_size: int) -> range:
    """Which of ``length`` clips a rank judges: each clip belongs to exactly one rank."""
    return range(rank, length, world_size)


def score_clips(
    dataset: ClipDataset,
    indices: Sequence[int],
    methods: Mapping[str, nn.Module],
    metrics: Sequence[Metric],
    device: torch.device,
    on_prediction: Callable[[str, Batch, Tensor], None] | None = None,
    chunk_frames: int | None = None,
) -> Iterator[list[ClipScore]]:
    """Judge every method on some clips, one clip at a time.

    Args:
        dataset: gives whole clips.
        indices: which of them.
        methods: name to network, on ``device``.
        metrics: what to compute; clips without ``gt`` get no values.
        device: where to compute.
        on_prediction: called with the method, the clip as a batch of one, and the prediction [m],
            ``(1, t, 1, H, W)``.
        chunk_frames: see :func:`predict`.

    Yields:
        The scores of a clip, one per method.
    """
    for index in indices:
        batch = as_batch(dataset[index])
        lq, guide = batch["lq"].to(device), batch["guide"].to(device)
        range_m = batch["depth_range_m"].view(-1, 1, 1, 1, 1)
        scores = []
        for method, net in methods.items():
            pred_m = predict(net, lq, guide, chunk_frames) * range_m.to(device)
            values = _judge(pred_m, batch, range_m, metrics)
            scores.append(ClipScore(index, batch["clip"][0], method, values))
            if on_prediction:
                on_prediction(method, batch, pred_m)
            del pred_m  # not while the next method runs
        yield scores


def as_batch(item: Batch) -> dict[str, Any]:
    """One item of a dataset as a batch of one; tensors are views, since a clip may be large."""
    return {
        key: value.unsqueeze(0) if isinstance(value, Tensor) else default_collate([value])
        for key, value in item.items()
    }


def _judge(
    pred_m: Tensor, batch: Batch, range_m: Tensor, metrics: Sequence[Metric]
) -> dict[str, float]:
    if "gt" not in batch or not metrics:
        return {}
    # Only now on the device: while the network runs, its own features need the memory.
    gt_m = batch["gt"].to(pred_m.device) * range_m.to(pred_m.device)
    valid = valid_of(batch).to(pred_m.device)
    return {metric.name: metric(pred_m, gt_m, valid) for metric in metrics}


def valid_of(batch: Batch) -> Tensor:
    """The mask of a batch with ground truth; without one, every pixel is valid."""
    valid = batch.get("valid")
    return torch.ones_like(batch["gt"], dtype=torch.bool) if valid is None else valid


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
