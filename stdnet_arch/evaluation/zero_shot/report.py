"""A zero-shot benchmark as one HTML page: tables, a strip of every scene, error bars."""

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stdnet_arch.evaluation.benchmark.benchmark_report import picture, table_html, write_page
from stdnet_arch.evaluation.zero_shot.plan import ZeroShotPlan
from stdnet_arch.evaluation.zero_shot.run import sample_path
from stdnet_arch.evaluation.zero_shot.scenes import Scene
from stdnet_arch.evaluation.zero_shot.scoring import make_case
from stdnet_arch.evaluation.zero_shot.summary import (
    Summary,
    calibration_table,
    check_table,
    overview_table,
    scene_table,
    target_table,
)
from stdnet_arch.visual.colorize import colorize_error, error_cm
from stdnet_arch.visual.figure import TEXT, new_figure, to_image
from stdnet_arch.visual.strips import draw_strip

MACHINE = ("processor", "cores", "threads", "gpu", "torch")
WIDTH_PX = 1100
"""Pictures of the page are at most so wide."""


def write_zero_shot_report(
    found: Summary, plan: ZeroShotPlan, scenes: Sequence[Scene], out: Path
) -> Path:
    """Write the page.

    Args:
        found: what :func:`~.summary.sum_up` returned.
        plan: what was run.
        scenes: the scenes, for the pictures.
        out: where the samples lie.

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


def scene_pictures(plan: ZeroShotPlan, scene: Scene, out: Path) -> list[str]:
    """Draw the middle frame of a scene: all methods, their errors, and those that were expected.

    RGB, low-resolution and true depth are drawn only of scenes whose licence lets them be shown.
    """
    rule = next(rule for rule in plan.rules if rule.name == plan.pictured)
    case = make_case(scene, plan.scales[0], rule)
    kept = {}
    for method in plan.methods:
        path = sample_path(out, method.slug, scene.name)
        if path.is_file():
            with np.load(path) as arrays:
                kept[method.name] = dict(arrays)
    if not kept:
        return []
    i = len(case.rgb) // 2
    frame = slice(i, i + 1)
    strip = draw_strip(
        case.rgb[frame] if scene.files.may_show else None,
        case.lq_m[frame],
        {name: maps["depth_m"][None] for name, maps in kept.items()},
        case.depth_m[frame],
        valid=case.valid[frame],
    )
    drawn = [picture(shrink(strip), f"{scene.name}, frame {i}")]
    for name, maps in kept.items():
        if "error_m" in maps:
            true_cm = error_cm(maps["depth_m"], case.depth_m[i], case.valid[i])
            pair = draw_error_pair(100 * maps["error_m"], true_cm)
            drawn.append(picture(shrink(pair), f"{scene.name}, {name}: expected and true error"))
    return drawn


def draw_error_pair(
    expected_cm: NDArray[np.floating], true_cm: NDArray[np.floating]
) -> NDArray[np.uint8]:
    """Draw expected and true error [cm], ``(H, W)`` each, in the same colours side by side."""
    limit = float(np.nanpercentile(true_cm, 97)) or 1.0
    return np.hstack([colorize_error(x, limit) for x in (expected_cm, true_cm)])


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


def shrink(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Make a picture at most :data:`WIDTH_PX` wide."""
    height, width = image.shape[:2]
    if width <= WIDTH_PX:
        return image
    size = WIDTH_PX, round(height * WIDTH_PX / width)
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
