"""Curves of the errors of a run: one panel per metric, one line per method."""

from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.utils.input_errors import read_table
from stdnet_arch.visual.figure import TEXT, new_figure, to_image

PANEL_IN = (4.6, 3.2)
NOT_METRICS = {"iter", "clip", "method"}
Curves = dict[str, dict[str, list[tuple[int, float]]]]
"""Metric to method to ``(iteration, value)``."""


def read_means(path: str | Path) -> Curves:
    """The mean rows of a table that a training run wrote (``metrics/<dataset>.csv``).

    Cells that are empty, of metrics that a later run added, are left out.

    Raises:
        ValueError: the file has no mean of an iteration (a test's table has none).
    """
    curves: Curves = defaultdict(lambda: defaultdict(list))
    for row in read_table(Path(path)):
        if row.get("clip") != "mean" or not (row.get("iter") or "").isdecimal():
            continue
        for metric in (key for key in row.keys() - NOT_METRICS if row[key]):
            curves[metric][row["method"]].append((int(row["iter"]), float(row[metric])))
    if not curves:
        raise ValueError(f"{path}: expected a metrics table of a training run, found no mean rows")
    return {metric: dict(by_method) for metric, by_method in curves.items()}


def draw_curves(curves: Curves, title: str = "") -> NDArray[np.uint8]:
    """Draw each metric over the iterations.

    Args:
        curves: see :func:`read_means`.
        title: printed above.

    Returns:
        RGB, ``(height, width, 3)``.
    """
    width, height = PANEL_IN
    figure = new_figure(width * len(curves), height + 0.3, title)
    for i, metric in enumerate(sorted(curves, reverse=True), start=1):
        axes = figure.add_subplot(1, len(curves), i)
        for method, points in curves[metric].items():
            iterations, values = zip(*points, strict=True)
            flat = len(set(values)) == 1  # interpolation: nothing is learnt
            axes.plot(
                iterations, values, label=method, ls="--" if flat else "-", lw=1 if flat else 2
            )
        axes.set_xlabel("iteration", color=TEXT)
        axes.set_title(metric.replace("_cm", " [cm]"), color=TEXT, size=10)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8)
    figure.subplots_adjust(left=0.06, right=0.98, bottom=0.15, top=0.82, wspace=0.18)
    return to_image(figure)
