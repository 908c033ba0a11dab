"""Depth of the RGB's size becomes coarse, and stays where it was measured well."""

import numpy as np
import pytest
from recording_parts import rgb_clip, write_depth_folder, write_rgb_folder

from stdnet_arch.data.codecs.depth_file import read_depth
from stdnet_arch.data.recordings.open_recording import open_recording
from stdnet_arch.data.recordings.reading import Reading
from stdnet_arch.inference.jobs.job import Job, run_job
from stdnet_arch.inference.refinement import RefinedRecording, Refinement, noise_m
from stdnet_arch.utils.input_errors import InputError


def lower_medians(depth_m, scale):
    """The rule as loops."""
    height, width = (-(-side // scale) for side in depth_m.shape)
    result = np.zeros((height, width), np.float32)
    for i in range(height):
        for j in range(width):
            block = depth_m[i * scale : (i + 1) * scale, j * scale : (j + 1) * scale]
            seen = np.sort(block[np.isfinite(block) & (block > 0)])
            result[i, j] = seen[(len(seen) - 1) // 2] if len(seen) else 0
    return result


def test_a_block_becomes_the_lower_median_of_what_it_measured():
    random = np.random.default_rng(5)
    depth_m = random.uniform(0.5, 4, (13, 18)).astype(np.float32)
    depth_m[random.random((13, 18)) < 0.4] = 0
    depth_m[4:8, 8:12] = [[np.nan, np.inf, 0, -1]] * 4
    coarse = Refinement(4).coarse(depth_m)
    np.testing.assert_array_equal(coarse, lower_medians(depth_m, 4))
    assert coarse[1, 2] == 0


def test_every_nth_pixel_is_taken_as_it_is():
    depth_m = np.arange(35, dtype=np.float32).reshape(5, 7)
    # The middle of each block of 3x3; the last column's and row's repeat what there is.
    expected = [[8, 11, 13], [29, 32, 34]]
    np.testing.assert_array_equal(Refinement(3, "nth").coarse(depth_m), expected)


def test_rgb_is_filled_up_to_whole_blocks():
    rgb = rgb_clip(1, 5, 7)[0]
    padded = Refinement(4).padded_rgb(rgb)
    assert padded.shape == (8, 8, 3)
    np.testing.assert_array_equal(padded[:5, :7], rgb)
    np.testing.assert_array_equal(padded[5:, 7], np.broadcast_to(rgb[4, 6], (3, 3)))


def test_measured_depth_stays_where_the_network_or_its_neighbours_agree():
    measured = np.full((6, 9), 2.0, np.float32)
    pred = np.full((8, 12), 2.004, np.float32)
    measured[0, 0] = 0  # a hole is filled
    measured[3, 4] = 2.5  # a lone outlier goes
    measured[:, 7:] = 1.2  # a pole that the network lost stays
    merged = Refinement(4).merge(pred, measured)
    expected = measured.copy()
    expected[0, 0] = expected[3, 4] = np.float32(2.004)
    np.testing.assert_array_equal(merged, expected)


def test_noise_grows_with_the_square_of_the_depth():
    np.testing.assert_allclose(noise_m(np.array([0, 1, 4.0])), [0.002, 0.0035, 0.026], rtol=1e-6)


def test_a_clip_of_one_size_is_refined(tmp_path, bilinear):
    depth_m = np.full((3, 18, 22), 1.5, np.float32)
    depth_m[:, 5:9, 6:10] = 0
    depth_m[1] = 0.0
    write_depth_folder(tmp_path / "depth", depth_m)
    write_rgb_folder(tmp_path / "rgb", rgb_clip(3, 18, 22))
    job = Job(tmp_path / "depth", tmp_path / "rgb", tmp_path / "out", refine="median", holes="mark")
    assert run_job(job, bilinear, quiet=True) == 3
    written = np.stack([read_depth(tmp_path / f"out/d_{i:04d}.png") for i in range(3)])
    np.testing.assert_allclose(written, depth_m, atol=1e-6)
    filled = Job(tmp_path / "depth", tmp_path / "rgb", tmp_path / "filled", refine="median")
    assert run_job(filled, bilinear, quiet=True) == 3
    assert (read_depth(tmp_path / "filled/d_0001.png") == 1.5).all()


def test_depth_of_first_pixels_is_not_refined(tmp_path, bilinear):
    bilinear.lq_origin = "first"
    job = Job(tmp_path / "depth", tmp_path / "rgb", tmp_path / "out", refine="nth")
    with pytest.raises(InputError, match="--lq-origin first says otherwise: leave one of them out"):
        run_job(job, bilinear, quiet=True)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("rule", "shape"), [("mean", (4, 6)), ("median", (5, 6))])
def test_what_cannot_be_refined_is_told(tmp_path, rule, shape):
    write_depth_folder(tmp_path / "depth", np.ones((1, *shape)))
    write_rgb_folder(tmp_path / "rgb", rgb_clip(1, 4, 6))
    recording = open_recording(tmp_path / "depth", tmp_path / "rgb", Reading(), 4)
    with pytest.raises(ValueError, match="by median or nth; got 'mean'|depth is 6x5, RGB is 6x4"):
        RefinedRecording(recording, Refinement(4, rule))
