"""Exponents are those of known powers; every axis changes one thing."""

import json
import math

import pytest

from stdnet_arch.evaluation.run_cost import CostRun, RunCost
from stdnet_arch.evaluation.scaling import (
    fit_axes,
    fit_exponent,
    measure_axes,
    panels_of,
    plan_axes,
    write_scaling,
)

BASE = CostRun({"type": "STDNetT", "scale": 4}, frames=5, size=(64, 64))


def known(runs):
    """Time grows with the pixels and frames, memory too, but not on a stream."""
    (run,) = runs
    if run.batch == 4:
        raise RuntimeError("too much\nand more")
    work = run.frames * run.size[0] ** 2 * run.batch
    return RunCost(9.0 / run.threads, work / 1e3, 7.0 if run.way == "stream" else work / 1e2)


@pytest.fixture(scope="module")
def measured():
    axes = plan_axes(BASE)
    return axes, list(measure_axes(BASE, axes, known))


@pytest.mark.parametrize(("power", "factor"), [(1, 3.0), (2, 0.1), (0, 5.0), (-1, 2.0)])
def test_a_power_is_found(power, factor):
    values = [2, 3, 7, 11]
    assert fit_exponent(values, [factor * v**power for v in values]) == pytest.approx(power)


@pytest.mark.parametrize("measured", [[1.0, math.nan], [0.0, 2.0], [math.nan, math.nan]])
def test_one_point_is_no_line(measured):
    assert math.isnan(fit_exponent([1, 2], measured))


def test_growth_is_fitted_axis_by_axis(measured):
    growth = {g.axis: (round(g.time, 6), round(g.memory, 6)) for g in fit_axes(*measured)}
    assert growth["clip length, whole"] == (1, 1)
    assert growth["clip length, stream"] == (1, 0)
    assert growth["resolution"] == (2, 2)
    assert growth["scale"] == (0, 0)


def test_each_axis_changes_one_thing():
    changed = {}
    for axis in plan_axes(BASE):
        (run,) = axis.change(BASE, axis.values[-1])
        changed[axis.name] = {name for name in vars(run) if vars(run)[name] != vars(BASE)[name]}
    assert changed.pop("clip length, stream") == {"way", "frames"}
    assert all(len(names) == 1 for names in changed.values())


def test_gpus_run_a_clip_each():
    axis = plan_axes(CostRun(BASE.network, device="cuda"), gpus=3)[-1]
    assert (axis.name, axis.values) == ("GPUs", (1, 2, 3))
    assert [run.device for run in axis.change(BASE, 3)] == ["cuda:0", "cuda:1", "cuda:2"]


def test_what_fails_is_a_row_and_stops_nothing(measured):
    failed = [point for point in measured[1] if point.failed]
    assert [(p.axis, p.value, p.failed) for p in failed] == [("batch", 4, "too much")]
    assert len(panels_of(*measured)["clips"]["batch"]) == 2


def test_what_is_written_can_be_read(measured, tmp_path):
    axes, points = measured
    write_scaling(tmp_path / "scaling", BASE, points, fit_axes(axes, points))
    said = json.loads((tmp_path / "scaling.json").read_text())
    assert len(said["points"]) == len(points)
    assert "| resolution | 32 | 128 | 2.00 | 2.00 |" in (tmp_path / "scaling.md").read_text()
