"""Which pixel of its block a depth pixel shows is seen at edges, and said once a clip."""

import logging

import numpy as np
import pytest
import torch

from stdnet_arch import DepthSRPredictor
from stdnet_arch.data.lq.depth_resize import area
from stdnet_arch.data.synthetic.source import Synthetic
from stdnet_arch.inference.jobs.job import Job, settings_of
from stdnet_arch.inference.lq_origin import ADVICE, looks_first


@pytest.fixture(scope="module")
def room():
    """Depth [m] and RGB of a room with enough edges."""
    source = Synthetic(num_clips=2, num_frame=1, size=[192, 256], seed=1)
    return np.array(source.depth_m("0001", 0)), np.array(source.guide("0001", 0))


def as_tensors(depth_m, rgb):
    """What a network gets of a frame."""
    return torch.tensor(depth_m)[None], torch.tensor(rgb).permute(2, 0, 1) / 255


@pytest.mark.parametrize("scale", [4, 8])
def test_only_first_pixels_look_like_it(room, scale):
    depth_m, rgb = room
    made = {at: depth_m[at::scale, at::scale].copy() for at in (0, scale // 2, scale - 1)}
    made |= {"mean": area(depth_m, scale, 20.0)}
    found = {name: looks_first(*as_tensors(lq_m, rgb)) for name, lq_m in made.items()}
    assert found == {0: True, scale // 2: False, scale - 1: False, "mean": False}


def test_one_direction_is_not_enough(room):
    depth_m, rgb = room
    assert not looks_first(*as_tensors(depth_m[2::4, ::4].copy(), rgb))


def test_a_flat_wall_says_nothing(room):
    _, rgb = room
    assert not looks_first(*as_tensors(np.full((48, 64), 2, np.float32), rgb))


@pytest.mark.parametrize(
    ("at", "origin", "said"), [(0, "middle", 1), (0, "first", 0), (2, "middle", 0)]
)
def test_the_advice_is_given_once_a_clip_and_only_where_it_helps(room, caplog, at, origin, said):
    depth_m, rgb = room
    predictor = DepthSRPredictor("plane_blend_x4", device="cpu", lq_origin=origin)
    frames = [(depth_m[at::4, at::4], rgb)] * 2
    with caplog.at_level(logging.WARNING):
        results = list(predictor.predict_frames(frames))
    assert caplog.text.count(ADVICE) == said
    assert results[0].depth_m.shape == depth_m.shape


def test_depth_that_was_made_coarse_here_needs_no_advice(room, caplog):
    depth_m, rgb = room
    predictor = DepthSRPredictor("plane_blend_x4", device="cpu")
    for made_coarse, said in ((False, 1), (True, 0)):
        caplog.clear()
        frames = predictor.open_cleaner().frames([(depth_m[::4, ::4], rgb)])
        list(predictor.predict_prepared(frames, made_coarse=made_coarse))
        assert caplog.text.count(ADVICE) == said


def test_first_pixels_are_better_when_it_is_said(room):
    depth_m, rgb = room
    lq_m = depth_m[None, ::4, ::4]

    def error_m(origin):
        predictor = DepthSRPredictor("plane_blend_x4", device="cpu", lq_origin=origin)
        return np.abs(predictor.predict(lq_m, rgb[None]) - depth_m).mean()

    assert error_m("first") < 0.9 * error_m("middle")


def test_another_origin_is_another_result(tmp_path):
    job = Job(tmp_path / "depth", tmp_path / "rgb", tmp_path / "out")
    made = [
        settings_of(job, DepthSRPredictor("plane_blend_x4", device="cpu", lq_origin=origin))
        for origin in ("middle", "first")
    ]
    # Results from before there was a choice stay done.
    assert "lq_origin" not in made[0]
    assert made[1] == {**made[0], "lq_origin": "first"}


def test_another_origin_is_refused():
    with pytest.raises(ValueError, match="lq_origin must be middle or first; got 'last'"):
        DepthSRPredictor("plane_blend_x4", device="cpu", lq_origin="last")
