"""Expected against true errors by deciles, as sorting all pixels gives them."""

import numpy as np
import pytest

from stdnet_arch.evaluation.zero_shot.calibration import calibrate, pool, read_calibration


def pixels(seed=0, count=20_000):
    """Expected errors over three decades, and true ones that are half as large on average."""
    rng = np.random.default_rng(seed)
    expected_m = np.exp(rng.normal(-4, 1.2, count))
    return expected_m, 0.5 * expected_m * rng.exponential(1, count)


def sorted_deciles_cm(expected_m, true_m):
    order = np.argsort(expected_m)
    parts = (np.array_split(x[order], 10) for x in (expected_m, true_m))
    return [(100 * e.mean(), 100 * t.mean()) for e, t in zip(*parts, strict=True)]


def test_deciles_are_those_of_sorted_pixels():
    expected_m, true_m = pixels()
    found = calibrate(expected_m, true_m, np.ones(len(true_m), bool)).deciles_cm()
    np.testing.assert_allclose(found, sorted_deciles_cm(expected_m, true_m), rtol=0.02)


def test_invalid_pixels_do_not_count():
    expected_m, true_m = pixels()
    valid = np.arange(len(true_m)) % 3 > 0
    expected_m[~valid] = np.nan
    found = calibrate(expected_m, true_m, valid).deciles_cm()
    np.testing.assert_allclose(
        found, sorted_deciles_cm(expected_m[valid], true_m[valid]), rtol=0.02
    )


def test_scenes_are_pooled_pixel_by_pixel():
    one, other = pixels(1, 3000), pixels(2, 9000)
    parts = [calibrate(*x, np.ones(len(x[0]), bool)) for x in (one, other)]
    both = [np.concatenate(x) for x in zip(one, other, strict=True)]
    whole = calibrate(*both, np.ones(12_000, bool))
    np.testing.assert_allclose(pool(parts).deciles_cm(), whole.deciles_cm())


def test_it_survives_being_written_down():
    kept = calibrate(*pixels(), np.ones(20_000, bool))
    assert read_calibration(kept.as_lists()).deciles_cm() == kept.deciles_cm()


@pytest.mark.parametrize("wrong", [-0.1, np.nan, np.inf])
def test_an_impossible_expectation_is_an_error(wrong):
    with pytest.raises(ValueError, match="finite"):
        calibrate(np.array([0.1, wrong]), np.zeros(2), np.ones(2, bool))
