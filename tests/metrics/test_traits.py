"""What metrics say of themselves."""

import inspect

import pytest
from basicsr.utils.registry import METRIC_REGISTRY

import stdnet_arch.metrics
from stdnet_arch.metrics.traits import NAMED_INPUTS, needs

OURS = {
    name: metric
    for name, metric in METRIC_REGISTRY
    if metric.__module__.startswith(stdnet_arch.metrics.__name__)
}


@pytest.mark.parametrize("name", OURS)
def test_every_metric_of_ours_says_which_way_is_better(name):
    assert OURS[name].better in {"lower", "higher"}


@pytest.mark.parametrize("name", OURS)
def test_every_metric_takes_by_name_what_it_says_it_needs(name):
    parameters = inspect.signature(OURS[name]).parameters
    required, optional = getattr(OURS[name], "needs", ()), getattr(OURS[name], "optional", ())
    assert {key for key in parameters if key in NAMED_INPUTS} == {*required, *optional}
    assert all(parameters[key].default is inspect.Parameter.empty for key in required)
    assert all(parameters[key].default is None for key in optional)


@pytest.mark.parametrize("name", OURS)
def test_what_needs_the_next_frame_is_of_whole_clips(name):
    used = {*getattr(OURS[name], "needs", ()), *getattr(OURS[name], "optional", ())}
    assert getattr(OURS[name], "whole_clip", False) >= bool(used & {"flow_px", "pose"})


def test_a_need_that_no_clip_brings_is_refused():
    with pytest.raises(ValueError, match="flow_px, intrinsics_px, pose, guide of a clip, got flow"):
        needs("flow")
