"""The RGB of a source as space-time clips: the frames of the source, LR of the crop, errors."""

import numpy as np
import pytest
import torch

from stdnet_arch.data.lq.bicubic import shrink_bicubic, to_8bit
from stdnet_arch.data.rgb.rgb_source_dataset import SourceRGBDataset
from stdnet_arch.data.sources.source import build_source

SCENE = {"size": [24, 32], "num_clips": 2, "num_frame": 4, "seed": 3}


def dataset(**options):
    opt = {"name": "d", "source": "Synthetic", "source_opt": SCENE, "scale": 2}
    return SourceRGBDataset({**opt, **options})


def test_a_whole_clip_is_the_rgb_of_the_source_at_every_frame():
    item = dataset(clips=["0001 1 4"])[0]
    source = build_source("Synthetic", "", SCENE)
    frames = np.stack([source.guide("0001", i) for i in (1, 2, 3)])
    expected = torch.from_numpy(frames).permute(0, 3, 1, 2) / 255
    torch.testing.assert_close(item["gt"], expected, rtol=0, atol=1e-6)
    assert item["lq"].shape == (3, 3, 12, 16)
    low = to_8bit(shrink_bicubic(frames[2].astype(np.float64), 2))
    assert np.array_equal((item["lq"][2] * 255).round().byte().permute(1, 2, 0), low)
    assert (item["clip"], item["frame"]) == ("0001", 1)


def test_a_window_is_given_every_second_frame_of_one_crop():
    data = dataset(num_frame=3, gt_size=8)
    item = data[3]
    assert len(data) == 4  # two clips of four frames
    assert item["lq"].shape == (2, 3, 4, 4)
    assert item["gt"].shape == (3, 3, 8, 8)
    # Far from its border, bicubic LR of a crop is near the mean of its pixels.
    mean = torch.nn.functional.avg_pool2d(item["gt"][::2], 2)
    assert (mean - item["lq"])[..., 1:-1, 1:-1].abs().mean() < 0.1 * item["gt"].std()


def test_a_window_may_be_given_every_frame():
    item = dataset(num_frame=2, gt_size=8, lq_every=1)[3]
    assert item["lq"].shape == (2, 3, 4, 4)
    assert item["gt"].shape == (2, 3, 8, 8)
    mean = torch.nn.functional.avg_pool2d(item["gt"], 2)
    assert (mean - item["lq"])[..., 1:-1, 1:-1].abs().mean() < 0.1 * item["gt"].std()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_frame": 0, "lq_every": 1}, "num_frame must be at least 1.*got 0"),
        ({"lq_every": 3}, "lq_every must be 1 or 2; got 3"),
        ({"num_frame": 4}, "num_frame must be odd and at least 3.*got 4"),
        ({"gt_size": 9}, "gt_size must be a multiple of scale 2; got 9"),
        ({"num_frame": 5, "gt_size": 8}, "at least num_frame 5 frames; got 4"),
        ({"lq": "auto"}, "expected only the keys.*got lq"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        dataset(**options)


def test_a_crop_must_fit_into_the_frame():
    with pytest.raises(ValueError, match="at least gt_size 64; got 24x32"):
        dataset(num_frame=3, gt_size=64)[0]
