"""Rate and latency by numbers that one can do in the head."""

import pytest

from stdnet_arch.live.latency import Figures, Latency


def test_median_percentile_and_rate_are_those_of_the_frames():
    latency = Latency()
    for i in range(101):  # shown every 0.1 s; latencies 0, 1, ..., 100 ms
        latency.add(0.1 * i - 0.001 * i, 0.1 * i)
    assert latency.figures() == pytest.approx(Figures(101, 10.0, 50.0, 95.0, 100.0, 0.0))


def test_the_last_seconds_alone_can_be_asked_for():
    latency = Latency()
    for shown_s, late_s in ((0, 9), (1, 9), (10, 0.25), (10.5, 0.25), (11, 0.25)):
        latency.add(shown_s - late_s, shown_s)
    assert latency.figures(1.0) == pytest.approx(Figures(3, 2.0, 250.0, 250.0, 250.0, 250.0))


@pytest.mark.parametrize("frames", [0, 1])
def test_too_few_frames_have_no_rate(frames):
    latency = Latency()
    for _ in range(frames):
        latency.add(1.0, 2.0)
    assert (latency.figures().shown, latency.figures().rate_hz) == (frames, 0.0)
