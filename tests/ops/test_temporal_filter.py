"""The recursive filter: averages what is still, lets go of what jumps, keeps what was credible."""

import pytest
import torch

from stdnet_arch.ops.temporal_filter import PERSISTENCE, temporal_recursive_filter


def run(values, alpha=0.5, delta=1.0, persistence=0):
    depth = torch.tensor(values, dtype=torch.float64)[:, None, None]
    out = temporal_recursive_filter(depth, alpha=alpha, delta=delta, persistence=persistence)
    return out[:, 0, 0].tolist()


def test_still_depth_is_averaged_by_the_formula():
    assert run([4.0, 4.5, 5.0], alpha=0.25) == [4.0, 4.125, 0.25 * 5 + 0.75 * 4.125]


def test_a_jump_starts_anew():
    assert run([4.0, 6.0, 6.5], delta=1.0) == [4.0, 6.0, 6.25]


def test_a_difference_of_delta_is_a_jump():
    assert run([4.0, 5.0], delta=1.0) == [4.0, 5.0]


def test_alpha_one_changes_nothing():
    assert run([4.0, 4.1, 0.0, 4.2], alpha=1.0) == [4.0, 4.1, 0.0, 4.2]


@pytest.mark.parametrize(
    ("persistence", "expected"),
    [(0, 0.0), (1, 0.0), (2, 0.0), (3, 3.0), (4, 3.0), (5, 0.0), (6, 3.0), (7, 3.0), (8, 3.0)],
)
def test_a_missing_pixel_keeps_its_value_by_its_history(persistence, expected):
    # Valid in frames 0 and 1; missing in 2, 3 and 4. Judged at 4: two of the last four were valid.
    assert run([3.0, 3.0, 0.0, 0.0, 0.0], persistence=persistence)[4] == expected


def test_what_was_never_measured_stays_missing():
    assert run([0.0, 0.0, 2.0, 0.0], persistence=8) == [0.0, 0.0, 2.0, 2.0]


def test_the_average_goes_on_after_a_hole():
    assert run([4.0, 0.0, 4.5])[2] == 4.25


def test_no_frame_depends_on_a_later_one():
    depth = torch.rand(6, 3, 4)
    options = {"alpha": 0.4, "delta": 0.5, "persistence": 3}
    whole = temporal_recursive_filter(depth, **options)
    assert torch.equal(temporal_recursive_filter(depth[:4], **options), whole[:4])


def test_pixels_do_not_mix():
    depth = torch.rand(5, 3, 4).where(torch.rand(5, 3, 4) > 0.3, 0)
    options = {"alpha": 0.4, "delta": 0.3, "persistence": 6}
    alone = temporal_recursive_filter(depth[:, 1:2, 2:3], **options)
    assert torch.equal(temporal_recursive_filter(depth, **options)[:, 1:2, 2:3], alone)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": 0.0}, "alpha must be in.*0.0"),
        ({"persistence": len(PERSISTENCE)}, "0 to 8, got 9"),
    ],
)
def test_what_is_out_of_range_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        run([1.0], **options)
