"""Steps between neighbouring depths, against a loop."""

import math

import numpy as np

from stdnet_arch.utils.depth_maps import neighbour_steps


def test_steps_are_those_of_a_loop_and_holes_have_none():
    depth = np.array([[1.0, 2.0, 0.0, 4.0], [3.0, np.nan, 5.0, 5.5]], np.float32)
    found = neighbour_steps(depth)
    assert found.shape == (2, 3)
    for y in range(2):
        for x in range(3):
            one, other = float(depth[y, x]), float(depth[y, x + 1])
            if one > 0 and other > 0:
                assert math.isclose(found[y, x], abs(math.log(one / other)), rel_tol=1e-9)
            else:
                assert math.isnan(found[y, x])


def test_no_neighbour_means_no_step():
    assert neighbour_steps(np.ones((4, 1))).shape == (4, 0)
