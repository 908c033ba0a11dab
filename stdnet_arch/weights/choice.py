"""Choose shipped weights by the ratio of a recording and the kind of its sensor."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from stdnet_arch.weights.shipped import Shipped, list_shipped

SENSORS = {
    "dtof": "direct time of flight with coarse steps",
    "clean": "depth without coarse steps: rendered, resized, laser",
    "phone": "phones: sparse dots made dense and smooth",
    "realsense": "stereo and structured light: holes at edges, noise",
}
"""Kinds of sensors, and what they are."""
GENERAL = ("dtof", "clean")
"""Kinds that stand for a sensor that nobody named."""
FARTHEST_SCALE = 2.0
"""Weights for the right sensor win over those for the nearest scale up to this factor of scale."""


class Choice(NamedTuple):
    """Chosen weights, and why."""

    shipped: Shipped
    reason: str
    """One sentence for people."""


def choose(
    ratio: float,
    sensor: str | None = None,
    among: Sequence[Shipped] | None = None,
    fast: bool = False,
) -> Choice:
    """Choose shipped weights.

    Weights that were trained for the sensor come first, if their scale is within a factor of two of
    the ratio. Of these the nearest scale is taken, and of equally near ones the best on scenes
    never seen. Without any, the same holds for all other weights. Of equally near scales, weights
    that were made for live pictures on a CPU come first where these are wanted. Elsewhere they are
    left out.

    Args:
        ratio: H / h of the recording, any number above 1.
        sensor: one of :data:`SENSORS`; None: unknown.
        among: weights to choose from; None: all that is shipped.
        fast: for live pictures on a CPU.

    Raises:
        ValueError: unknown sensor, a ratio of 1 or below, or nothing to choose from.
    """
    if sensor is not None and sensor not in SENSORS:
        raise ValueError(f"sensor must be one of {', '.join(SENSORS)}; got {sensor!r}")
    if not ratio > 1:
        raise ValueError(f"RGB must be larger than the depth; got a ratio of {ratio:g}")
    every = list_shipped() if among is None else among
    usable = [shipped for shipped in every if shipped.sensors and (fast or not shipped.fast)]
    if not usable:
        raise ValueError(
            "no shipped weights say which sensors they are for; name a checkpoint (--weights)"
        )
    wanted = GENERAL if sensor is None else (sensor,)
    fitting = [
        shipped
        for shipped in usable
        if set(wanted) & set(shipped.sensors)
        and _distance(shipped, ratio) <= math.log(FARTHEST_SCALE) + 1e-9
    ]
    chosen = min(
        fitting or usable,
        key=lambda one: (_distance(one, ratio), not one.fast, one.ratio, one.name),
    )
    return Choice(chosen, _reason(chosen, ratio, sensor, bool(fitting)))


def _distance(shipped: Shipped, ratio: float) -> float:
    return abs(math.log(ratio / shipped.scale))


def _reason(chosen: Shipped, ratio: float, sensor: str | None, fits: bool) -> str:
    kind = "a sensor that was not named" if sensor is None else f"sensor {sensor}"
    trained = f"it is trained for {' and '.join(chosen.sensors)}"
    trained += " and made for live pictures on a CPU" if chosen.fast else ""
    if not fits:
        trained = f"nothing shipped fits {kind}, and {trained}"
    if chosen.scale == ratio:
        scale = f"x{ratio:g} as the recording"
    else:
        scale = f"x{chosen.scale} for a recording of x{ratio:g}"
    scores = [f"{row['ratio_mean']:.2f} ({row['rule']})" for row in chosen.zero_shot]
    score = f", RMSE over bilinear on scenes not trained on {', '.join(scores)}" if scores else ""
    return f"weights {chosen.name}: {scale}, {kind}; {trained}{score}"
