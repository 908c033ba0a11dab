"""A benchmark as one self-contained HTML page: tables, curves, pictures; no script, no download."""

import base64
import html
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stdnet_arch.evaluation.benchmark.benchmark_results import has_failed
from stdnet_arch.utils.tables import Table
from stdnet_arch.utils.whole_file import whole_file
from stdnet_arch.visual.figure import TEXT, new_figure, to_image
from stdnet_arch.visual.strips import draw_strip
from stdnet_arch.visual.temporal_profile import LINES, busiest, draw_profile

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#222;max-width:1100px;margin:2em auto;padding:0 1em}
table{border-collapse:collapse;margin:1em 0;font-size:14px}
td,th{padding:3px 10px;border-bottom:1px solid #ddd;text-align:right}
td:first-child,th:first-child,td:last-child,th:last-child{text-align:left}
td.best{font-weight:700;background:#eef6ee}tr.failed td{color:#a33}
img{max-width:100%}.apart{background:#f6f6f6;border-left:4px solid #bbb;padding:.5em 1em}
"""
JPEG_QUALITY = 65


def write_report(found: Mapping[str, Any], path: Path, pictures: Sequence[str] = ()) -> None:
    """Write the page.

    Args:
        found: a benchmark's summary.
        path: the file.
        pictures: further images as ``data:`` URLs with a caption, see :func:`picture`.
    """
    parts = [f"<h1>{html.escape(found['title'])}</h1>"]
    fair = found.get("fair") or {}
    parts += [f"<p>{html.escape(fair['first'])}</p>"] if fair else []
    parts += [f"<p>{html.escape(text)}</p>" for text in found["remarks"]]
    if fair:
        items = "".join(f"<li>{html.escape(text)}</li>" for text in fair["unfair"])
        parts.append(f"<p>Not equal:</p><ul>{items}</ul>")
    parts.append(f"<p>Training, the same for all: {html.escape(found['training'])}.</p>")
    words = ", ".join(f"{name} {value}" for name, value in found["machine"].items())
    parts.append(f"<p>Machine: {html.escape(words)}.</p>")
    for dataset in dict.fromkeys(result["dataset"] for result in found["results"]):
        rows = [result for result in found["results"] if result["dataset"] == dataset]
        parts.append(f"<h2>{html.escape(dataset)}</h2>")
        parts.append(_quality(rows, found["metrics"]))
        if fair:
            parts.append(table_html(Table(**fair["tables"][dataset])))
            said = [text for text in fair["order"] if text.startswith(f"{dataset}, ")]
            parts.append("".join(f"<p>{html.escape(text)}</p>" for text in said))
        first = next(iter(found["metrics"]))
        parts += [picture(*scatter) for scatter in _scatters(rows, first, found.get("cost", ()))]
        parts.append(picture(draw_frame_curves(rows), "RMSE of each frame"))
    if found.get("cost"):
        parts.append("<h2>Speed and memory</h2>" + _plain_table(found["cost"]))
    parts += pictures
    if found["published"]:
        rows = [list(row.values()) for row in found["published"]]
        table = Table(list(found["published"][0]), rows)
        parts.append(
            '<div class="apart"><h2>Published numbers</h2><p>Other data and other training: not '
            f"to be compared with the tables above.</p>{table_html(table)}</div>"
        )
    write_page(path, found["name"], parts)


def write_page(path: Path, title: str, parts: Sequence[str]) -> None:
    """Write parts of HTML as one page in the reports' style."""
    page = '<!doctype html><html lang="en"><meta charset="utf-8">'
    page += f"<title>{html.escape(title)}</title>"
    page += f"<style>{STYLE}</style><body>{''.join(parts)}</body></html>\n"
    with whole_file(path) as part:
        part.write_text(page, encoding="utf-8")


def picture(image: NDArray[np.uint8], caption: str) -> str:
    """An RGB image ``(H, W, 3)`` as HTML that holds it."""
    settings = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    data = base64.b64encode(cv2.imencode(".jpg", image[..., ::-1], settings)[1].tobytes()).decode()
    text = html.escape(caption)
    shown = f'<img alt="{text}" src="data:image/jpeg;base64,{data}">'
    return f"<figure>{shown}<figcaption>{text}</figcaption></figure>"


def draw_scatter(
    results: Sequence[Mapping[str, Any]],
    metric: str,
    cost: Mapping[str, float] | None = None,
    cost_label: str = "parameters",
) -> NDArray[np.uint8]:
    """Quality against cost, one labelled point per method.

    Args:
        results: results of one dataset; failed ones are left out.
        metric: the vertical axis, mean over the clips.
        cost: method to what it costs; None takes the number of parameters. Methods without cost,
            such as filters, stand at the left edge.
        cost_label: the horizontal axis, with its unit.

    Returns:
        RGB, ``(height, width, 3)``.
    """
    figure = new_figure(8.0, 5.0, f"{metric} against {cost_label}")
    axes = figure.add_axes((0.1, 0.14, 0.86, 0.74))
    done = [r for r in results if "error" not in r and np.isfinite(_mean(r, metric))]
    costs = [
        float(r.get("parameters", 0) if cost is None else cost.get(r["method"], 0)) for r in done
    ]
    least = min((c for c in costs if c > 0), default=1.0)
    for result, spent in zip(done, costs, strict=True):
        mean = _mean(result, metric)
        place = spent if spent > 0 else least / 3
        axes.plot(place, mean, "o", color="#1f5fa8" if spent > 0 else "#888888", markersize=6)
        axes.annotate(
            result["method"], (place, mean), xytext=(5, 4), textcoords="offset points", size=8
        )
    axes.set_xscale("log")
    axes.set_xlabel(f"{cost_label} (grey: none)", color=TEXT)
    axes.set_ylabel(metric, color=TEXT)
    axes.grid(visible=True, color="#eeeeee")
    return to_image(figure)


def _scatters(
    results: Sequence[Mapping[str, Any]], metric: str, costs: Sequence[Mapping[str, Any]]
) -> list[tuple[NDArray[np.uint8], str]]:
    """Quality against parameters, and against time where it was measured; each with a caption."""
    drawn = [(draw_scatter(results, metric), f"{metric} against parameters")]
    for size in dict.fromkeys(row["size"] for row in costs):
        rows = [row for row in costs if row["size"] == size and row["ms/frame"] is not None]
        spent = {row["method"]: row["ms/frame"] for row in rows}
        label = f"ms/frame at {size}"
        drawn.append((draw_scatter(results, metric, spent, label), f"{metric} against {label}"))
    return drawn


def draw_frame_curves(results: Sequence[Mapping[str, Any]]) -> NDArray[np.uint8]:
    """RMSE of each frame of the first clip, one line per method."""
    figure = new_figure(8.0, 4.0, "RMSE of each frame of the first clip [cm]")
    axes = figure.add_axes((0.1, 0.14, 0.62, 0.74))
    for result in results:
        if "error" not in result:
            values = [np.nan if v is None else v for v in result["clips"][0]["rmse_per_frame_cm"]]
            axes.plot(range(len(values)), values, marker=".", label=result["method"], linewidth=1)
    axes.set_xlabel("frame", color=TEXT)
    axes.set_ylabel("RMSE [cm]", color=TEXT)
    axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    axes.grid(visible=True, color="#eeeeee")
    return to_image(figure)


def clip_pictures(
    item: Mapping[str, Any], predictions_m: Mapping[str, NDArray[np.floating]], show_data: bool
) -> list[str]:
    """A strip, an x-t and a y-t slice of one clip.

    Args:
        item: a clip of the dataset: ``lq``, ``guide``, ``gt``, ``valid``, ``depth_range_m``.
        predictions_m: method to depth [m], ``(t, H, W)``; ``t`` may be less than the clip's.
        show_data: draw the RGB too, for data whose licence allows it.
    """
    t = min(len(pred) for pred in predictions_m.values())
    range_m = float(item["depth_range_m"])
    lq_m, gt_m = ((item[key][:t, 0] * range_m).numpy() for key in ("lq", "gt"))
    guide = (item["guide"][:t].permute(0, 2, 3, 1) * 255).round().byte().numpy()
    predictions = {name: pred[:t] for name, pred in predictions_m.items()}
    valid = item["valid"][:t, 0].numpy()
    strip = draw_strip(
        guide if show_data else None, lq_m, predictions, gt_m, valid=valid, frames=[t // 2]
    )
    pictures = [picture(strip, f"frame {t // 2} of {item['clip']}")]
    shown = {**predictions, "ground truth": gt_m} if show_data else predictions
    # Steady where it should be, steady where it moves: the slices with the most motion.
    for line in LINES:
        place = busiest(gt_m, line)
        slices = draw_profile(guide if show_data else None, shown, place, line=line)
        pictures.append(picture(slices, f"{line} {place} of {item['clip']} over time"))
    return pictures


def _quality(results: Sequence[Mapping[str, Any]], metrics: Mapping[str, str]) -> str:
    means = {r["method"]: {name: _mean(r, name) for name in metrics} for r in results}
    best = {
        name: (min if better == "lower" else max)(
            (m[name] for m in means.values() if np.isfinite(m[name])), default=np.nan
        )
        for name, better in metrics.items()
    }
    lines = ["<tr>" + "".join(f"<th>{html.escape(name)}</th>" for name in
                              ("method", "parameters", *metrics, "remark")) + "</tr>"]  # fmt: skip
    for result in results:
        values = means[result["method"]]
        cells = [f"<td>{html.escape(result['method'])}</td>"]
        cells.append(f"<td>{result.get('parameters', 0):,d}</td>")
        for name, value in values.items():
            mark = ' class="best"' if value == best[name] else ""
            cells.append(f"<td{mark}>{value:.3f}</td>")
        remark = "; ".join(filter(None, (result.get("error", ""), result.get("note", ""))))
        cells.append(f"<td>{html.escape(remark)}</td>")
        kind = ' class="failed"' if has_failed(result) else ""
        lines.append(f"<tr{kind}>{''.join(cells)}</tr>")
    return f"<table>{''.join(lines)}</table>"


def _plain_table(rows: Sequence[Mapping[str, Any]]) -> str:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    return table_html(Table(columns, [[row.get(c, "") for c in columns] for row in rows]))


def table_html(table: Table) -> str:
    """Turn a table into HTML."""
    stream = io.StringIO()
    for tag, row in (("th", table.columns), *(("td", row) for row in table.rows)):
        cells = (f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in row)
        shown = (f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells)
        stream.write(f"<tr>{''.join(shown)}</tr>")
    return f"<table>{stream.getvalue()}</table>"


def _mean(result: Mapping[str, Any], metric: str) -> float:
    value = result["means"].get(metric)
    return float("nan") if value is None else float(value)
