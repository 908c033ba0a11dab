"""The curves are the mean rows of the table."""

import numpy as np
import pytest

from stdnet_arch.evaluation.curves import draw_curves, read_means

TABLE = """iter,clip,method,rmse_cm,mae_cm
10,a,STDNet,9.0,4.0
10,mean,bilinear,8.0,3.5
10,mean,STDNet,9.5,4.5
20,mean,bilinear,8.0,3.5
20,mean,STDNet,7.25,3.0
"""


def test_only_means_are_read_in_order(tmp_path):
    path = tmp_path / "val.csv"
    path.write_text(TABLE)
    curves = read_means(path)
    assert curves["rmse_cm"] == {
        "bilinear": [(10, 8.0), (20, 8.0)],
        "STDNet": [(10, 9.5), (20, 7.25)],
    }
    assert curves["mae_cm"]["STDNet"] == [(10, 4.5), (20, 3.0)]


def test_empty_cells_are_left_out(tmp_path):
    path = tmp_path / "val.csv"
    path.write_text("iter,clip,method,a,b\n1,mean,x,2.0,\n2,mean,x,1.5,3.0\n")
    assert read_means(path) == {"a": {"x": [(1, 2.0), (2, 1.5)]}, "b": {"x": [(2, 3.0)]}}


@pytest.mark.parametrize("table", ["a,b\n1,2\n", "iter,clip,method,rmse_cm\nmy_test,mean,x,2.0\n"])
def test_a_table_without_means_of_iterations_is_refused(tmp_path, table):
    path = tmp_path / "other.csv"
    path.write_text(table)
    with pytest.raises(ValueError, match=r"other\.csv: expected a metrics table"):
        read_means(path)


def test_a_lower_error_is_drawn_lower():
    def curve(end):
        return draw_curves(
            {"rmse_cm": {"net": [(0, 10.0), (1, end)], "flat": [(0, 0.0), (1, 0.0)]}}
        )

    high, low = curve(9.0), curve(1.0)
    assert high.shape == low.shape
    assert high.dtype == np.uint8
    assert (high != low).any()
