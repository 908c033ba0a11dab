"""A zero-shot benchmark as one HTML page: tables, a strip of every scene, error bars."""

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.codecs.array_file import read_arrays
from stdnet_arch.evaluation.benchmark.benchmark_report import picture, table_html, write_page
from stdnet_arch.evaluation.zero_shot.plan import ZeroShotPlan
from stdnet_arch.evaluation.zero_shot.run import sample_path
from stdnet_arch.evaluation.zero_shot.scenes import SceneFrames
from stdnet_arch.evaluation.zero_shot.scoring import Case, Maps, make_case
from stdnet_arch.evaluation.zero_shot.summary import (
    Summary,
    calibration_table,
    check_table,
    overview_table,
    scene_table,
    target_table,
)
from stdnet_arch.visual.colorize import (
    colorize_depth,
    colorize_error,
    depth_range,
    error_cm,
    rms_cm,
)
from stdnet_arch.visual.figure import TEXT, new_figure, round_up, to_image

MACHINE = ("processor", "cores", "threads", "gpu", "torch")
WIDTH_PX = 1500
"""Pictures of the page are at most so wide."""
CAPTION_PX, GAP_PX = 18, 3
"""Height of captions, and white between pictures."""


def write_zero_shot_report(
    found: Summary, plan: ZeroShotPlan, scenes: Sequence[SceneFrames], out: Path
) -> Path:
    """Write the page.

    Args:
        found: result of :func:`~.summary.sum_up`.
        plan: plan of the benchmark.
        scenes: the scenes, for the pictures.
        out: folder of the samples.

    Returns:
        The file, ``<name>.html`` in ``out``.
    """
    parts = [f"<h1>{html.escape(found['title'])}</h1>"]
    parts += [f"<p>{html.escape(text)}</p>" for text in found["remarks"]]
    words = ", ".join(f"{name} {found['machine'][name]}" for name in MACHINE)
    parts.append(f"<p>Machine: {html.escape(words)}.</p>")
    if found["targets"]:
        parts.append("<h2>Targets</h2>" + table_html(target_table(found)))
    parts.append("<h2>All methods</h2>" + table_html(overview_table(found)))
    if found["checks"]:
        parts.append("<h2>Turned RGB and flicker</h2>" + table_html(check_table(found)))
    for entry in found["calibration"]:
        title = f"Expected errors of {entry['method']}, x{entry['scale']}, {entry['rule']} [cm]"
        parts.append(f"<h2>{html.escape(title)}</h2>{table_html(calibration_table(entry))}")
        parts.append(picture(draw_calibration(entry), title))
    for scale, rule in plan.cells():
        title = f"x{scale}, {rule.name}: RMSE / MAE [cm] of each scene"
        parts.append(f"<h2>{html.escape(title)}</h2>")
        parts.append(table_html(scene_table(found, scale, rule.name)))
    if plan.pictured is not None:
        parts.append(f"<h2>Pictures, x{plan.scales[0]}, {html.escape(plan.pictured)}</h2>")
        parts += [text for scene in scenes for text in scene_pictures(plan, scene, out)]
    path = out / f"{found['name']}.html"
    write_page(path, found["name"], parts)
    return path


def scene_pictures(plan: ZeroShotPlan, scene: SceneFrames, out: Path) -> list[str]:
    """Draw the middle frame of a scene: results above their errors.

    RGB, low-resolution and true depth are drawn only of scenes whose licence lets them be shown.
    """
    rule = next(rule for rule in plan.rules if rule.name == plan.pictured)
    kept = {}
    for method in plan.methods:
        path = sample_path(out, method.slug, scene.name)
        if path.is_file() and method.name in (plan.shown or [one.name for one in plan.methods]):
            kept[method.name] = read_arrays(path)
    if not kept:
        return []
    case = make_case(scene, plan.scales[0], rule)
    i = len(case.rgb) // 2
    columns = draw_columns(case, i, kept, scene.files.may_show)
    return [picture(draw_grid(columns), f"{scene.name}, frame {i}; {_legend(case, i, kept)}")]


Column = tuple[tuple[str, NDArray[np.uint8]] | None, tuple[str, NDArray[np.uint8]] | None]
"""A captioned picture above another; None: nothing."""


def draw_columns(case: Case, i: int, results: Mapping[str, Maps], show_data: bool) -> list[Column]:
    """Draw frame ``i``: RGB above LR depth, every result above its error, the error expected last.

    Args:
        case: the scene.
        i: the frame.
        results: method to ``depth_m`` and perhaps ``error_m`` of that frame, ``(H, W)``.
        show_data: also RGB, LR depth and truth.
    """
    limits, most_cm = depth_range(case.depth_m[i]), error_limit_cm(case, i, results)
    columns: list[Column] = []
    if show_data:
        large = replicate(case.lq_m[i], case.scale)
        columns.append((("RGB", case.rgb[i]), ("LR depth", colorize_depth(large, limits))))
    for name, maps in results.items():
        true_cm = error_cm(maps["depth_m"], case.depth_m[i], case.valid[i])
        error = f"error, RMSE {rms_cm(true_cm):.1f} cm", colorize_error(true_cm, most_cm)
        columns.append(((name, colorize_depth(maps["depth_m"], limits)), error))
    for name, maps in results.items():
        if "error_m" in maps:
            expected = colorize_error(100 * maps["error_m"], most_cm)
            truth = ("truth", colorize_depth(case.depth_m[i], limits)) if show_data else None
            columns.append((truth, (f"error expected by {name}", expected)))
    return columns


def error_limit_cm(case: Case, i: int, results: Mapping[str, Maps]) -> float:
    """Round the 97th percentile of the worst method's errors of a frame [cm] up."""
    errors = [error_cm(m["depth_m"], case.depth_m[i], case.valid[i]) for m in results.values()]
    return round_up(max(float(np.nanpercentile(error, 97)) for error in errors))


def _legend(case: Case, i: int, results: Mapping[str, Maps]) -> str:
    near_m, far_m = depth_range(case.depth_m[i])
    most_cm = error_limit_cm(case, i, results)
    return (
        f"depth {near_m:.2f} m red to {far_m:.2f} m blue, errors 0 black to {most_cm:g} cm yellow"
    )


def replicate(image: NDArray[np.float32], scale: int) -> NDArray[np.float32]:
    """Enlarge ``(h, w)`` by repeating pixels."""
    return image.repeat(scale, 0).repeat(scale, 1)


def draw_grid(columns: Sequence[Column]) -> NDArray[np.uint8]:
    """Put captioned pictures of one size into two rows, at most :data:`WIDTH_PX` wide."""
    width = WIDTH_PX // max(len(columns), 3)
    first = next(cell for column in columns for cell in column if cell is not None)[1]
    height = round(width * first.shape[0] / first.shape[1])
    rows = []
    for row in range(2):
        cells = [_cell(column[row], height, width) for column in columns]
        rows.append(np.hstack(cells))
    return np.vstack(rows)


def _cell(cell: tuple[str, NDArray[np.uint8]] | None, height: int, width: int) -> NDArray[np.uint8]:
    sheet = np.full((height + CAPTION_PX, width, 3), 255, np.uint8)
    if cell is None:
        return sheet
    caption, image = cell
    small = cv2.resize(image, (width - GAP_PX, height), interpolation=cv2.INTER_AREA)
    sheet[CAPTION_PX:, : width - GAP_PX] = small
    place, font = (2, CAPTION_PX - 5), cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(sheet, caption, place, font, 0.38, (30, 30, 30), 1, cv2.LINE_AA)
    return sheet


def draw_calibration(entry: Mapping[str, Any]) -> NDArray[np.uint8]:
    """Draw true against expected error by deciles, a line per scene; the diagonal is right."""
    figure = new_figure(6.0, 4.5, "")
    axes = figure.add_axes((0.12, 0.13, 0.84, 0.82))
    for scene, deciles in entry["deciles_cm"].items():
        expected, true = np.maximum(np.array(deciles).T, 1e-3)
        axes.plot(expected, true, marker="o", markersize=3, linewidth=2 if scene == "all" else 0.8,
                  label=scene)  # fmt: skip
    ends = np.array([min(axes.get_xlim()[0], 0.01), axes.get_xlim()[1]])
    ends = np.maximum(ends, 0.01)
    axes.plot(ends, ends, color="#999999", linewidth=1, label="expected = true")
    axes.fill_between(ends, 0.8 * ends, 1.2 * ends, color="#eeeeee", label="within 20 %")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("expected absolute error, mean of a decile [cm]", color=TEXT)
    axes.set_ylabel("true absolute error [cm]", color=TEXT)
    axes.legend(fontsize=7, frameon=False)
    return to_image(figure)
