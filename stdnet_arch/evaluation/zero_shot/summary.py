"""Summary of the rows of a zero-shot benchmark: ratios, wins, checks, targets."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stdnet_arch.evaluation.measuring import describe_machine
from stdnet_arch.evaluation.zero_shot.calibration import pool, read_calibration
from stdnet_arch.evaluation.zero_shot.plan import ZeroShotPlan
from stdnet_arch.evaluation.zero_shot.run import Row
from stdnet_arch.utils.tables import Cell, Table
from stdnet_arch.utils.whole_file import whole_file

OVERVIEW = (
    "method", "scale", "LR depth", "RMSE/reference mean", "worst", "MAE/reference mean",
    "RMSE/other mean", "worst", "MAE/other mean", "worst", "scenes below other in both",
)  # fmt: skip
Summary = dict[str, Any]


def sum_up(plan: ZeroShotPlan, rows: Sequence[Row]) -> Summary:
    """Collect everything that the report prints.

    Returns:
        ``name``, ``title``, ``remarks``, ``machine``, ``rows``; ``overview``: one entry per method,
        scale and rule; ``targets``; ``checks``: turned RGB and flicker; ``calibration``: deciles.
    """
    overview = [
        _overview(plan, rows, method.name, scale, rule.name)
        for scale, rule in plan.cells()
        for method in plan.methods
    ]
    overview = [entry for entry in overview if entry]
    return {
        "name": plan.name,
        "title": plan.title,
        "remarks": list(plan.remarks),
        "machine": describe_machine(),
        "reference": plan.reference,
        "against": plan.against,
        "frames": plan.frames,
        "rows": list(rows),
        "overview": overview,
        "targets": [_judge_target(target, overview) for target in plan.targets],
        "checks": _checks(plan, rows),
        "calibration": _calibrations(plan, rows),
    }


def write_summary(found: Summary, out: Path) -> None:
    """Write ``summary.json``."""
    with whole_file(out / "summary.json") as part:
        part.write_text(json.dumps(found, indent=1, default=str), encoding="utf-8")


def pick(rows: Sequence[Row], **wanted: Any) -> list[Row]:  # noqa: ANN401
    """Pick the rows whose fields have the wanted values."""
    return [row for row in rows if all(row[key] == value for key, value in wanted.items())]


def _overview(
    plan: ZeroShotPlan, rows: Sequence[Row], method: str, scale: int, rule: str
) -> dict[str, Any]:
    """Ratios over the scenes of one method; empty if it was not run."""
    cell = pick(rows, scale=scale, rule=rule)
    mine = {row["scene"]: row for row in pick(cell, method=method)}
    if not mine:
        return {}
    ratios: dict[str, list[float]] = {}
    for short, name in (("ratio", plan.reference), ("joint", plan.against)):
        others = {row["scene"]: row for row in pick(cell, method=name)}
        for key in ("rmse", "mae"):
            ratios[f"{short}_{key}"] = [
                mine[scene][f"{key}_cm"] / others[scene][f"{key}_cm"] for scene in mine
            ]
    wins = zip(ratios["joint_rmse"], ratios["joint_mae"], strict=True)
    means = {f"{name}_mean": sum(values) / len(values) for name, values in ratios.items()}
    worst = {f"{name}_worst": max(values) for name, values in ratios.items()}
    return {
        "method": method,
        "scale": scale,
        "rule": rule,
        **means,
        **worst,
        "ratio_mean": means["ratio_rmse_mean"],
        "ratio_worst": worst["ratio_rmse_worst"],
        "below_both": sum(rmse < 1 and mae < 1 for rmse, mae in wins),
        "scenes": len(mine),
    }


def _judge_target(target: Any, overview: Sequence[dict[str, Any]]) -> dict[str, Any]:  # noqa: ANN401
    keys = {"method": target.method, "scale": target.scale, "rule": target.rule}
    found = [entry for entry in overview if all(entry[k] == v for k, v in keys.items())]
    figure = found[0][target.figure] if found else math.nan
    met = figure <= target.most
    return {**keys, "figure": target.figure, "most": target.most, "found": figure, "met": met}


def _checks(plan: ZeroShotPlan, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Turned RGB and flicker of every network on every scene, beside the other methods'."""
    found = []
    for row in rows:
        if "turned_rmse_cm" not in row:
            continue
        keys = {key: row[key] for key in ("scene", "scale", "rule")}
        reference = pick(rows, method=plan.reference, **keys)[0]
        other = pick(rows, method=plan.against, **keys)[0]
        entry = {"method": row["method"], **keys}
        entry["turned/own"] = row["turned_rmse_cm"] / row["rmse_cm"]
        entry["turned/reference"] = row["turned_rmse_cm"] / reference["rmse_cm"]
        for name in ("jitter_cm", "tepe_cm"):
            for kind, value in (
                (name, row.get(name)),
                (f"{name} of other", other.get(name)),
                (f"{name} of single frames", row.get(f"single_{name}")),
            ):
                entry[kind] = math.nan if value is None else value
        found.append(entry)
    return found


def _calibrations(plan: ZeroShotPlan, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Expected and true errors by deciles [cm], all scenes pooled and each by itself."""
    found = []
    for scale, rule in plan.cells():
        for method in plan.methods:
            mine = pick(rows, scale=scale, rule=rule.name, method=method.name)
            parts = {
                row["scene"]: read_calibration(row["calibration"])
                for row in mine
                if "calibration" in row
            }
            if not parts:
                continue
            deciles = {"all": pool(list(parts.values())).deciles_cm()}
            deciles |= {scene: one.deciles_cm() for scene, one in parts.items()}
            keys = {"method": method.name, "scale": scale, "rule": rule.name}
            found.append({**keys, "deciles_cm": deciles})
    return found


def overview_table(found: Summary) -> Table:
    """Make the table of all methods at all scales and rules."""
    names = [name.replace("reference", found["reference"]).replace("other", found["against"])
             for name in OVERVIEW]  # fmt: skip
    keys = ("ratio_mean", "ratio_worst", "ratio_mae_mean", "joint_rmse_mean", "joint_rmse_worst",
            "joint_mae_mean", "joint_mae_worst")  # fmt: skip
    rows = [
        [
            entry["method"],
            f"x{entry['scale']}",
            entry["rule"],
            *(f"{entry[key]:.3f}" for key in keys),
            f"{entry['below_both']} of {entry['scenes']}",
        ]
        for entry in found["overview"]
    ]
    return Table(names, rows)


def scene_table(found: Summary, scale: int, rule: str) -> Table:
    """Make the table of RMSE / MAE [cm] of every method on every scene of one cell."""
    cell = pick(found["rows"], scale=scale, rule=rule)
    scenes = list(dict.fromkeys(row["scene"] for row in cell))
    lines: list[list[Cell]] = []
    for method in dict.fromkeys(row["method"] for row in cell):
        mine = {row["scene"]: row for row in pick(cell, method=method)}
        texts = [f"{mine[s]['rmse_cm']:.2f} / {mine[s]['mae_cm']:.2f}" for s in scenes]
        lines.append([method, *texts])
    return Table(["method", *scenes], lines)


def target_table(found: Summary) -> Table:
    """Make the table of targets: wanted, found, met or not."""
    rows = [
        [t["method"], f"x{t['scale']}", t["rule"], t["figure"], f"<= {t['most']:g}",
         f"{t['found']:.3f}", "yes" if t["met"] else "no"]
        for t in found["targets"]
    ]  # fmt: skip
    return Table(["method", "scale", "LR depth", "figure", "target", "found", "met"], rows)


def check_table(found: Summary) -> Table:
    """Make the table of turned RGB and flicker."""
    columns = list(found["checks"][0])
    names = [c.replace("reference", found["reference"]).replace("other", found["against"])
             for c in columns]  # fmt: skip
    rows = [
        [f"{value:.3f}" if isinstance(value, float) else str(value) for value in entry.values()]
        for entry in found["checks"]
    ]
    return Table(names, rows)


def calibration_table(entry: dict[str, Any]) -> Table:
    """Make the table of expected / true error [cm] by deciles, a row per scene."""
    rows = [
        [scene, *(f"{expected:.2f} / {true:.2f}" for expected, true in deciles)]
        for scene, deciles in entry["deciles_cm"].items()
    ]
    return Table(["expected / true", *(f"{10 * i}-{10 * i + 10} %" for i in range(10))], rows)


def as_text(found: Summary) -> str:
    """Write the summary for a terminal."""
    parts = [found["title"], overview_table(found).text()]
    if found["targets"]:
        parts.append(target_table(found).text())
    if found["checks"]:
        parts.append(check_table(found).text())
    parts += [
        f"{entry['method']}, x{entry['scale']}, {entry['rule']}, expected / true error, cm\n"
        + calibration_table(entry).text()
        for entry in found["calibration"]
    ]
    return "\n\n".join(parts) + "\n"
