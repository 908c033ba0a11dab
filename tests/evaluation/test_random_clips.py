"""Clips of a size."""

import numpy as np
import pytest

from stdnet_arch.evaluation.random_clips import make_clip, padded_size


def test_a_clip_has_the_sizes_and_kinds_that_competitors_take():
    lq_m, rgb = make_clip(3, (16, 40), 8)
    assert (lq_m.shape, lq_m.dtype) == ((3, 2, 5), np.float32)
    assert (rgb.shape, rgb.dtype) == ((3, 16, 40, 3), np.uint8)
    assert 1 <= lq_m.min() < lq_m.max() <= 9


def test_sides_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="multiples of 8.*16x42"):
        make_clip(3, (16, 42), 8)


def test_sides_are_extended_to_the_next_multiple():
    assert padded_size((528, 960), 64) == (576, 960)
