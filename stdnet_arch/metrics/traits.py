"""Traits of a metric: which way is better, and needs beside depth and mask."""

from collections.abc import Callable

MetricFunction = Callable[..., float]

NAMED_INPUTS = ("flow_px", "intrinsics_px", "pose", "guide")
"""Inputs that a metric can ask for by name beside prediction, truth and mask; see
``docs/metrics.md``."""


def lower_is_better(metric: MetricFunction) -> MetricFunction:
    """Mark a metric as an error, so that no options file has to remember it."""
    metric.better = "lower"  # type: ignore[attr-defined]
    return metric


def higher_is_better(metric: MetricFunction) -> MetricFunction:
    """Mark a metric as a quality, so that no options file has to remember it."""
    metric.better = "higher"  # type: ignore[attr-defined]
    return metric


def of_whole_clips(metric: MetricFunction) -> MetricFunction:
    """Mark a metric that compares neighbouring frames: it cannot judge only every second frame."""
    metric.whole_clip = True  # type: ignore[attr-defined]
    return metric


def needs(
    *names: str, optional: tuple[str, ...] = ()
) -> Callable[[MetricFunction], MetricFunction]:
    """Mark what a metric is given by name, beside depth and mask.

    A clip without one of ``names`` is not judged (``nan``). Those of ``optional`` are given where
    the clip has them, and the metric says what it does without. On one clip:

    * ``flow_px``: ``(1, t - 1, 2, H, W)``, (dx, dy) from frame i to i + 1;
    * ``intrinsics_px``: ``fx, fy, cx, cy``, ``(1, 4)``; ``(0, 0)`` is the first pixel's centre;
    * ``pose``: camera to world, ``(1, t, 4, 4)``, metres; x right, y down, z forward;
    * ``guide``: RGB in [0, 1], ``(1, t, 3, H, W)``.

    Raises:
        ValueError: a name that no clip brings.
    """
    unknown = sorted({*names, *optional} - set(NAMED_INPUTS))
    if unknown:
        raise ValueError(
            f"a metric can need {', '.join(NAMED_INPUTS)} of a clip, got {', '.join(unknown)}"
        )

    def mark(metric: MetricFunction) -> MetricFunction:
        metric.needs = names  # type: ignore[attr-defined]
        metric.optional = optional  # type: ignore[attr-defined]
        return metric

    return mark
