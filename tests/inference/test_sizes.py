"""Depth and RGB of any two sizes stay aligned to a fraction of a pixel."""

import numpy as np
import pytest
import torch

from stdnet_arch.inference.sizes import plan_sizes
from stdnet_arch.ops.resize import upsample

RATIOS = [
    ((6, 8), (45, 60), 8),  # 7.5 times, as 256x192 depth with 1920x1440 RGB
    ((6, 8), (45, 60), 4),
    ((9, 16), (27, 48), 4),  # 3 times
    ((24, 32), (100, 133), 4),  # not the same ratio in both directions
]


def edge_picture(size, place):
    """A vertical edge at ``place`` (share of the width), each pixel its covered share."""
    height, width = size
    left = np.arange(width) / width
    bright = np.clip((left + 1 / width - place) * width, 0, 1)
    return torch.tensor(np.broadcast_to(bright, (height, width)).copy(), dtype=torch.float32)


def edge_of(picture):
    """Share of the width where the edge of a picture is: the dark share of its middle row."""
    row = picture[picture.shape[0] // 2]
    return float((1 - row).mean())


@pytest.mark.parametrize(("lq", "rgb", "scale"), RATIOS)
def test_an_edge_goes_there_and_back_within_a_twentieth_of_a_pixel(lq, rgb, scale):
    plan = plan_sizes(lq, rgb, scale)
    guide = edge_picture(rgb, 0.3721).expand(3, *rgb)
    _, at_net = plan.to_network(torch.zeros(1, *lq), guide)
    assert at_net.shape == (3, lq[0] * scale, lq[1] * scale)
    assert abs(edge_of(at_net[0]) - 0.3721) * rgb[1] < 0.05
    back = plan.from_network(at_net[:1])
    assert back.shape == (1, *rgb)
    assert abs(edge_of(back[0]) - 0.3721) * rgb[1] < 0.05


@pytest.mark.parametrize(("lq", "rgb", "scale"), RATIOS)
def test_a_slope_of_depth_stays_where_it_is(lq, rgb, scale):
    def slope(size):
        y, x = np.mgrid[: size[0], : size[1]] + 0.5
        return torch.tensor(2 * x / size[1] + 3 * y / size[0], dtype=torch.float32)[None]

    plan = plan_sizes(lq, rgb, scale)
    depth, _ = plan.to_network(slope(lq), torch.zeros(3, *rgb))
    pred = plan.from_network(upsample(depth[None, None], scale, "bilinear")[0, 0])
    margin = [-(-rgb[i] // lq[i]) for i in (0, 1)]  # a low-resolution pixel at the border
    inside = (0, slice(margin[0], -margin[0]), slice(margin[1], -margin[1]))
    torch.testing.assert_close(pred[inside], slope(rgb)[inside], atol=2e-3, rtol=0)


def test_matching_sizes_are_left_alone():
    plan = plan_sizes((3, 5), (12, 20), 4)
    lq, guide = torch.rand(1, 3, 5), torch.rand(3, 12, 20)
    assert plan.note is None
    same_lq, same_guide = plan.to_network(lq, guide)
    assert torch.equal(same_lq, lq)
    assert torch.equal(same_guide, guide)
    pred = torch.rand(1, 12, 20)
    assert torch.equal(plan.from_network(pred), pred)


def test_resampling_is_said():
    note = plan_sizes((192, 256), (1440, 1920), 8).note
    assert note is not None
    assert "RGB 1920x1440 is 7.5 times the depth 256x192" in note
    assert "resampled to 2048x1536 (bicubic)" in note
    assert "back to 1920x1440" in note


def test_sides_are_padded_to_the_multiple_and_cropped():
    plan = plan_sizes((3, 5), (12, 20), 4, multiple_of=2)
    lq, guide = plan.to_network(torch.rand(1, 3, 5), torch.rand(3, 12, 20))
    assert (lq.shape, guide.shape) == ((1, 4, 6), (3, 16, 24))
    assert torch.equal(lq[:, 3], lq[:, 2])
    pred = torch.rand(1, 16, 24)
    assert torch.equal(plan.from_network(pred), pred[:, :12, :20])


@pytest.mark.parametrize(
    ("lq", "rgb", "message"),
    [
        ((480, 640), (1080, 1920), "the same view: depth is 640x480, RGB is 1920x1080"),
        ((192, 256), (1920, 1440), "register or crop"),
        ((480, 640), (480, 640), "larger than the depth .*640x480, RGB is 640x480"),
        ((480, 640), (240, 320), "larger than the depth"),
    ],
)
def test_impossible_pairs_name_both(lq, rgb, message):
    with pytest.raises(ValueError, match=message):
        plan_sizes(lq, rgb, 4)


@pytest.mark.parametrize(("scale", "ratio"), [(4, 8), (8, 4), (4, 16)])
def test_a_recording_for_another_network_is_told(scale, ratio):
    sizes = (6, 9), (6 * ratio, 9 * ratio)
    message = rf"network is x{scale}, the recording x{ratio}: .*--any-ratio"
    with pytest.raises(ValueError, match=message):
        plan_sizes(*sizes, scale)
    assert plan_sizes(*sizes, scale, any_ratio=True).net == (6 * scale, 9 * scale)


@pytest.mark.parametrize(("scale", "multiple_of"), [(4, 1), (8, 1), (3, 1), (4, 2)])
def test_a_first_pixel_becomes_the_middle_one_of_its_block(scale, multiple_of):
    lq_size, rgb = (3, 5), (3 * scale, 5 * scale)
    number = torch.arange(float(rgb[0] * rgb[1])).view(1, *rgb) / (rgb[0] * rgb[1])
    lq = number[:, ::scale, ::scale]
    plan = plan_sizes(lq_size, rgb, scale, multiple_of, origin="first")
    seen_lq, seen = plan.to_network(lq, number.expand(3, *rgb))
    assert seen.shape[1:] == tuple(scale * side for side in seen_lq.shape[1:])
    assert not any(side % multiple_of for side in seen_lq.shape[1:])
    middles = seen[:1, scale // 2 :: scale, scale // 2 :: scale]
    assert torch.equal(middles[:, :3, :5], lq)
    assert torch.equal(seen_lq[:, :3, :5], lq)
    assert torch.equal(plan.from_network(seen[:1]), number)


def test_a_first_pixel_of_another_ratio_comes_to_lie_near_the_middle():
    lq_size, rgb, scale = (3, 5), (18, 30), 4  # 6 times
    column = (torch.arange(30.0) / 30).expand(3, 18, 30)
    plan = plan_sizes(lq_size, rgb, scale, origin="first")
    _, seen = plan.to_network(torch.ones(1, *lq_size), column)
    middles = seen[0, 2, scale // 2 :: scale][1:5] * 30
    # Half a pixel of the network's guide is 0.75 pixels here.
    assert (middles - torch.arange(6.0, 30.0, 6.0)).abs().max() < 0.76
