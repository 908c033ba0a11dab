"""The benchmark of the operators: what it says, not how fast they are."""

import json
import runpy
import sys

import pytest
import torch

from stdnet_arch.evaluation.op_speed import (
    CASES,
    OpCase,
    Timing,
    as_table,
    benchmark,
    measure,
    peak_mb,
)

SETTINGS = {"device": torch.device("cpu"), "dtype": torch.float32, "batch": 2, "rounds": 1}


def refuse(x):
    raise ValueError("needs a moon")


TOY = OpCase(
    "toy: squares",
    lambda b: [torch.rand(b, 3)],
    {"product": lambda x: x * x, "power": lambda x: x**2, "moon": refuse},
)


def test_every_form_is_timed_or_says_why_not():
    timings, refused = measure(TOY, **SETTINGS, threads=1)
    assert [each.form for each in timings] == ["product", "power"]
    assert all(each.forward_ms > 0 and each.training_ms > 0 for each in timings)
    assert refused == {"moon": "needs a moon"}


def test_the_number_of_threads_is_put_back():
    before = torch.get_num_threads()
    measure(TOY, **SETTINGS, threads=before + 1)
    assert torch.get_num_threads() == before


def test_ratios_are_to_the_first_form_of_the_same_case_and_threads():
    timings = [
        Timing("a", "plain", 1, 8.0, 20.0, 1.0, 2.0),
        Timing("a", "fast", 1, 2.0, 5.0, 1.0, 2.0),
        Timing("a", "plain", 2, 4.0, 10.0, 1.0, 2.0),
        Timing("a", "fast", 2, 2.0, 5.0, 1.0, 2.0),
    ]
    assert [(row[3], row[5]) for row in as_table(timings).rows] == [(1, 1), (4, 4), (1, 1), (2, 2)]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_the_peak_is_what_was_needed_and_not_what_is_left():
    # 64 MB that are gone again.
    assert 60 < peak_mb(lambda: torch.ones(1 << 24).sum(), torch.device("cpu")) < 80


def test_table_and_json_say_the_same(tmp_path, capsys):
    path = tmp_path / "ops.json"
    benchmark([TOY], **SETTINGS, threads=[1], json_path=path)
    text, report = capsys.readouterr().out, json.loads(path.read_text())
    assert report["machine"]["torch"] == torch.__version__
    assert [each["form"] for each in report["timings"]] == ["product", "power"]
    assert f"{report['timings'][1]['forward_ms']:.1f}" in text
    assert "not run: moon: needs a moon" in text


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.partition(":")[0])
def test_all_forms_of_a_case_give_the_same_numbers(case):
    tensors = case.inputs(1)
    first, *others = [form for name, form in case.forms.items() if name != "triton"]
    expected = first(*tensors)
    assert len(others) >= 1
    for form in others:
        torch.testing.assert_close(form(*tensors), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "moon"], "no case contains 'moon'"),
        (["--batch", "0"], "must be at least 1"),
    ],
)
def test_wishes_that_cannot_be_are_refused(monkeypatch, arguments, message):
    monkeypatch.setattr(sys, "argv", ["measure.py", "ops", *arguments])
    with pytest.raises(SystemExit, match=message):
        runpy.run_path("scripts/measure.py", run_name="__main__")


def test_no_threads_are_refused(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["measure.py", "ops", "--threads", "0"])
    with pytest.raises(SystemExit, match="2"):
        runpy.run_path("scripts/measure.py", run_name="__main__")
    assert "--threads: must be a whole number above 0; got '0'" in capsys.readouterr().err
