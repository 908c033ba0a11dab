"""A sheet of captioned images with colour bars; the drawing shared by all figures here."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TEXT = "#222222"
DPI = 160


def new_figure(width_in: float, height_in: float, title: str) -> "Figure":
    """An empty white sheet that no global state knows of, with a title at the top left."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    if title:
        top = 1 - 0.12 / height_in
        figure.text(0.1 / width_in, top, title, va="top", size=11, weight="bold", color=TEXT)
    return figure


def place(figure: "Figure", left: float, top: float, width: float, height: float) -> "Axes":
    """Axes at a place in inches, measured from the top left corner, without frame and ticks."""
    sheet_width, sheet_height = figure.get_size_inches()
    axes = figure.add_axes(
        (
            left / sheet_width,
            1 - (top + height) / sheet_height,
            width / sheet_width,
            height / sheet_height,
        )
    )
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    return axes


def colour_bar(axes: "Axes", colours: str, limits: tuple[float, float], label: str) -> None:
    """A horizontal bar with numbers and a unit; if it starts at 0, an arrow says "and more"."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    mappable = ScalarMappable(Normalize(*limits), colours)
    more = "max" if limits[0] == 0 else "neither"
    bar = axes.figure.colorbar(mappable, cax=axes, orientation="horizontal", extend=more)
    bar.outline.set_visible(False)
    bar.set_label(label, size=9, color=TEXT)
    bar.ax.tick_params(labelsize=8, colors=TEXT, length=2)


def to_image(figure: "Figure") -> NDArray[np.uint8]:
    """The drawn sheet, RGB ``(height, width, 3)``."""
    canvas: Any = figure.canvas
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def round_up(value: float) -> float:
    """The next of 1, 2, 3, 5 times a power of ten: a good end for a scale."""
    if not value > 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    return float(next(step * power for step in (1, 2, 3, 5, 10) if step * power >= value * 0.999))
