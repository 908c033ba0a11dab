"""Time and memory over what grows, on logarithmic axes: a straight line is a power."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.visual.figure import TEXT, new_figure, to_image

PANEL_IN = (2.7, 2.3)
ROWS = ("time [s]", "memory [MB]")
Panels = Mapping[str, Mapping[str, Sequence[tuple[float, float, float]]]]
"""Name of the x axis, to line, to (value, seconds, MB)."""


def draw_scaling(panels: Panels, title: str = "") -> NDArray[np.uint8]:
    """Draw time above and memory below, a column for each panel.

    Args:
        panels: see :data:`Panels`; lines without points are left out.
        title: printed above.

    Returns:
        RGB, ``(height, width, 3)``.

    Raises:
        ValueError: there is nothing to draw.
    """
    drawn = {unit: {n: p for n, p in lines.items() if p} for unit, lines in panels.items()}
    drawn = {unit: lines for unit, lines in drawn.items() if lines}
    if not drawn:
        raise ValueError("expected at least one line with points to draw, got none")
    width, height = PANEL_IN
    figure = new_figure(width * len(drawn), 2 * height + 0.4, title)
    for column, (unit, lines) in enumerate(drawn.items()):
        for row, label in enumerate(ROWS):
            axes = figure.add_subplot(2, len(drawn), 1 + column + row * len(drawn))
            for name, points in lines.items():
                x, y = [p[0] for p in points], [p[1 + row] for p in points]
                axes.loglog(x, y, marker="o", ms=4, label=name)
            ticks = sorted({p[0] for points in lines.values() for p in points})
            axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
            axes.minorticks_off()
            axes.set_ylim(*_decade([p[1 + row] for points in lines.values() for p in points]))
            axes.grid(alpha=0.3)
            axes.spines[["top", "right"]].set_visible(False)
            axes.tick_params(labelsize=7)
            if row:
                axes.set_xlabel(unit, color=TEXT, size=8)
            else:
                axes.legend(frameon=False, fontsize=7)
            if not column:
                axes.set_ylabel(label, color=TEXT, size=8)
    figure.subplots_adjust(left=0.06, right=0.99, bottom=0.1, top=0.92, wspace=0.25, hspace=0.2)
    return to_image(figure)


def _decade(values: Sequence[float]) -> tuple[float, float]:
    """Limits that leave flat lines flat: at least a decade around the values."""
    low, high = min(values), max(values)
    middle = (low * high) ** 0.5
    return min(low * 0.8, middle / 3), max(high * 1.25, middle * 3)
