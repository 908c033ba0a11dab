"""Low-resolution depth against the rule written as a loop, and against published files."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from sensor_loop import peak_by_loop, random_scene

from stdnet_arch.data.lq import dtof_sensor
from stdnet_arch.data.lq.dtof_sensor import dtof_peak

DYDTOF = Path(__file__).parents[3] / "datasets" / "DyDToF"
HR = DYDTOF / "DyDToF_HR_RGB" / "school" / "school_shot8"


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("scale", "range_m", "bins"), [(4, 100.0, 1024), (8, 20.0, 300)])
def test_dtof_peak_equals_the_loop(scale, range_m, bins, seed):
    depth_m, rgb = random_scene(seed)
    lq_m = dtof_peak(depth_m, rgb, scale, range_m, bins)
    expected = peak_by_loop(depth_m, rgb, scale, range_m, bins)
    assert lq_m.shape == (24 // scale, 40 // scale)
    assert lq_m.dtype == np.float32
    np.testing.assert_allclose(lq_m, expected, rtol=0, atol=1e-5)
    assert (expected > 0).all()


def test_dtof_peak_equals_the_loop_on_depths_over_the_whole_range():
    rng = np.random.default_rng(3)
    depth_m = rng.uniform(-5, 110, (16, 32)).astype(np.float32)
    rgb = rng.integers(0, 256, (16, 32, 3), dtype=np.uint8)
    np.testing.assert_allclose(
        dtof_peak(depth_m, rgb, 4), peak_by_loop(depth_m, rgb, 4), rtol=0, atol=1e-5
    )


def equal_light(near_m):
    """A farther depth [m] that at four times the albedo returns as much light as ``near_m``."""

    def light(depth_m, albedo):
        share = depth_m / np.float32(100)
        return np.float32(albedo) / (np.float32(1e-3) + share * share)

    about_m = np.float32(100 * np.sqrt(4 * (1e-3 + (near_m / 100) ** 2) - 1e-3))
    candidates_m = about_m + np.arange(-200, 200) * np.spacing(about_m)
    equal = light(candidates_m.astype(np.float32), 240) == light(np.float32(near_m), 60)
    return candidates_m[equal][0].astype(np.float32)


@pytest.fixture(params=[0, 3, 1e9], ids=["histograms", "both", "pairs"])
def way(request, monkeypatch):
    """Blocks are counted in histograms, by whichever is faster, or by comparing pixels."""
    monkeypatch.setattr(dtof_sensor, "PAIRS_PER_BIN", request.param)


@pytest.mark.parametrize("scale", [1, 2, 4, 8])
def test_both_ways_of_counting_equal_the_loop(way, scale):
    depth_m, rgb = random_scene(4)
    depth_m[:, ::3] = np.random.default_rng(5).uniform(-5, 110, (24, 14))
    np.testing.assert_allclose(
        dtof_peak(depth_m, rgb, scale), peak_by_loop(depth_m, rgb, scale), rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 1, 0, 2)])
def test_equal_peaks_go_to_the_nearer_bin(order, way):
    far_m = equal_light(25.0)
    depth_m = np.float32([25, far_m, 25, far_m])[list(order)].reshape(2, 2)
    rgb = np.uint8([60, 240, 60, 240])[list(order)].reshape(2, 2, 1).repeat(3, axis=2)
    assert far_m > 40
    assert dtof_peak(depth_m, rgb, 2)[0, 0] == pytest.approx(256 / 1023 * 100, abs=1e-5)
    rgb[depth_m > 30] += 1
    assert dtof_peak(depth_m, rgb, 2)[0, 0] > 40


def test_block_without_return_is_zero_and_others_are_not(way):
    depth_m = np.full((4, 12), 5.0, np.float32)
    depth_m[:, :4] = np.nan
    depth_m[:, 4:8] = [0.0, -3.0, np.inf, 1e4]
    rgb = np.full((4, 12, 3), 90, np.uint8)
    lq_m = dtof_peak(depth_m, rgb, 4)
    np.testing.assert_allclose(lq_m, [[0, 0, 51 / 1023 * 100]], atol=1e-5)


def test_black_pixels_return_no_light(way):
    depth_m = np.float32([[2, 2, 2, 6]]).reshape(2, 2)
    rgb = np.zeros((2, 2, 3), np.uint8)
    rgb[1, 1] = 1
    assert dtof_peak(depth_m, rgb, 2)[0, 0] == pytest.approx(round(6 * 10.23) / 10.23, abs=1e-5)
    assert dtof_peak(depth_m, np.zeros_like(rgb), 2)[0, 0] == 0


def test_stack_equals_its_frames_whatever_the_band(monkeypatch):
    scenes = [random_scene(seed) for seed in range(3)]
    depth_m = np.stack([scene[0] for scene in scenes])
    rgb = np.stack([scene[1] for scene in scenes])
    expected = np.stack([dtof_peak(d, c, 4) for d, c in scenes])
    monkeypatch.setattr(dtof_sensor, "BAND_PIXELS", 400)
    np.testing.assert_array_equal(dtof_peak(depth_m, rgb, 4), expected)


def test_far_float64_depth_is_no_return_without_a_warning(recwarn):
    depth_m = np.full((4, 4), 1e300)
    assert dtof_peak(depth_m, np.full((4, 4, 3), 9, np.uint8), 4) == 0
    assert not recwarn


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"depth_m": np.ones((8, 12), np.uint16)}, TypeError, "floating point.*uint16"),
        ({"rgb_uint8": np.ones((8, 12, 3), np.float32)}, TypeError, "uint8.*float32"),
        ({"depth_m": np.ones(8, np.float32)}, ValueError, r"\(t, H, W\).*\(8,\)"),
        ({"depth_m": np.ones((0, 8, 12), np.float32)}, ValueError, r"none of them 0.*\(0, 8, 12\)"),
        ({"rgb_uint8": np.ones((8, 11, 3), np.uint8)}, ValueError, r"\(8, 12, 3\).*\(8, 11, 3\)"),
        ({"scale": 8}, ValueError, "divisible.*8x12 and scale 8"),
        ({"scale": 0}, ValueError, "scale >= 1.*scale 0"),
        ({"range_m": -1.0}, ValueError, "range_m.*-1"),
        ({"bins": 1}, ValueError, "2 bins, got 1"),
    ],
)
def test_wrong_input_is_refused_with_required_and_got(change, error, words):
    good = {
        "depth_m": np.ones((8, 12), np.float32),
        "rgb_uint8": np.ones((8, 12, 3), np.uint8),
        "scale": 4,
    }
    with pytest.raises(error, match=words):
        dtof_peak(**(good | change))


@pytest.fixture(scope="module")
def published_frames():
    if not HR.is_dir():
        pytest.skip("datasets/DyDToF is not there")
    frames = {}
    for file in sorted((HR / "depth").glob("*.npy")):
        rgb = cv2.imread(str(HR / "color" / f"{file.stem}.jpeg"))[..., ::-1]
        frames[file.name] = (np.load(file), rgb)
    return frames


@pytest.mark.parametrize("scale", [4, 8, 16])
def test_dtof_peak_reproduces_every_published_file(published_frames, scale):
    lr = DYDTOF / "DyDToF_LR" / f"X{scale}" / "school" / "school_shot8" / "depth"
    files = {file.name for file in lr.glob("*.npy")}
    assert files
    assert files == set(published_frames)
    for name, (depth_m, rgb) in published_frames.items():
        error_m = np.abs(dtof_peak(depth_m, rgb, scale) - np.load(lr / name)).max()
        assert error_m <= 1e-5, name
