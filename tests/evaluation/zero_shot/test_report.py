"""Pictures of a zero-shot report: what is drawn, and what a licence keeps away."""

import numpy as np
import pytest

from stdnet_arch.evaluation.zero_shot.plan import read_zero_shot_plan
from stdnet_arch.evaluation.zero_shot.report import (
    draw_calibration,
    draw_columns,
    draw_grid,
    error_limit_cm,
)
from stdnet_arch.evaluation.zero_shot.scenes import load_scenes
from stdnet_arch.evaluation.zero_shot.scoring import make_case


@pytest.fixture
def case(options):
    plan = read_zero_shot_plan(options)
    return make_case(load_scenes(plan.dataroot, None, plan.scenes)[0], 4, "area")


@pytest.fixture
def results(case):
    """Two methods for frame 1; one is 10 cm off and expects 20 cm."""
    right, off = case.depth_m[1].copy(), case.depth_m[1] + np.float32(0.1)
    return {"right": {"depth_m": right}, "off": {"depth_m": off, "error_m": 2 * (off - right)}}


def captions(columns):
    return [[None if cell is None else cell[0] for cell in column] for column in columns]


def test_every_result_stands_above_its_error(case, results):
    assert captions(draw_columns(case, 1, results, show_data=True)) == [
        ["RGB", "LR depth"],
        ["right", "error, RMSE 0.0 cm"],
        ["off", "error, RMSE 10.0 cm"],
        ["truth", "error expected by off"],
    ]


def test_data_that_may_not_be_shown_are_not_drawn(case, results):
    columns = draw_columns(case, 1, results, show_data=False)
    assert captions(columns)[0] == ["right", "error, RMSE 0.0 cm"]
    assert captions(columns)[-1] == [None, "error expected by off"]
    drawn = [cell[1] for column in columns for cell in column if cell is not None]
    assert not any(np.array_equal(image, case.rgb[1]) for image in drawn)


def test_errors_share_one_range_that_holds_most_of_them(case, results):
    assert error_limit_cm(case, 1, results) == 10


def test_the_grid_has_two_rows_of_equal_cells(case, results):
    grid = draw_grid(draw_columns(case, 1, results, show_data=True))
    width = 1500 // 4
    assert grid.shape == (2 * (round(width * 32 / 48) + 18), 4 * width, 3)


def test_a_calibration_is_drawn_with_a_line_per_scene():
    deciles = [(0.1 * 2**i, 0.1 * 2**i) for i in range(10)]
    one = draw_calibration({"deciles_cm": {"all": deciles}})
    two = draw_calibration(
        {"deciles_cm": {"all": deciles, "hall": [(e, 3 * t) for e, t in deciles]}}
    )
    assert one.shape == two.shape
    assert not np.array_equal(one, two)
