"""Options of a zero-shot benchmark: every name stands for something."""

from pathlib import Path

import pytest
import yaml

from stdnet_arch import option_file
from stdnet_arch.evaluation.zero_shot.plan import read_zero_shot_plan

SHIPPED = Path(__file__).parents[3] / "options/benchmark/out_of_the_box.yml"


def test_the_shipped_options_are_read():
    plan = read_zero_shot_plan(yaml.safe_load(SHIPPED.read_text()))
    assert [files.name for files in plan.scenes][-1] == "small_warehouse"
    assert len(plan.scenes) == 6
    assert len(plan.cells()) == 3 * 3 + 3
    assert plan.rules[1].lq == "area"
    assert plan.rules[3].preset == "iphone"


def test_rules_run_at_the_scales_they_name(options):
    cells = [(scale, rule.name) for scale, rule in read_zero_shot_plan(options).cells()]
    assert cells == [(4, "dtof_peak"), (4, "means"), (8, "dtof_peak")]


def test_some_methods_come_with_those_they_are_compared_with(options):
    kept = read_zero_shot_plan(options, only=["ours"]).methods
    assert [method.name for method in kept] == ["bilinear", "joint bilateral", "ours"]
    assert [m.name for m in read_zero_shot_plan(options, only=[]).methods] == [
        "bilinear",
        "joint bilateral",
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"scenes": ["kitchen sink"]}, "kitchen sink"),
        ({"against": "nobody"}, "against"),
        ({"checked": ["sonar"]}, "sonar"),
        ({"colour": 1}, "colour"),
        ({"shown": ["nobody"]}, "nobody"),
        ({"targets": [{"method": "ours"}]}, "targets"),
        ({"rules": {"dtof_peak": {"lq": "area", "preset": "iphone"}}}, "either lq or preset"),
    ],
)
def test_what_stands_for_nothing_is_refused(options, change, said):
    with pytest.raises(ValueError, match=said):
        read_zero_shot_plan({**options, **change})


def test_a_target_needs_a_figure_that_is_computed(options):
    options["targets"][0]["figure"] = "beauty"
    with pytest.raises(ValueError, match="beauty"):
        read_zero_shot_plan(options)


@pytest.mark.parametrize("method", [{}, {"competitor": {"type": "X"}, "weights": "y"}])
def test_a_method_is_a_filter_or_a_network(options, method):
    options["methods"]["ours"] = method
    with pytest.raises(ValueError, match="either competitor or weights"):
        read_zero_shot_plan(options)


def test_a_filter_is_not_mirrored(options):
    options["methods"]["ours"] = {"competitor": {"type": "X"}, "self_ensemble": True}
    with pytest.raises(ValueError, match="self_ensemble is for weights; got a competitor"):
        read_zero_shot_plan(options)


def test_the_brief_form_differs_in_its_name_and_frames_alone():
    brief = option_file.read(SHIPPED.with_name("out_of_the_box_brief.yml"))
    whole = option_file.read(SHIPPED)
    different = {key for key in whole if whole[key] != brief[key]}
    assert different == {"name", "frames"}
    assert read_zero_shot_plan(brief).frames == 2
