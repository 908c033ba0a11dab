"""The check of a card: its steps in small on a CPU, and what it makes of crashes and hangs."""

import runpy
import sys

import pytest
import torch
from basicsr.archs import build_network

import stdnet_arch
from stdnet_arch.evaluation.gpu import check as check_module
from stdnet_arch.evaluation.gpu.check import Check, files_for_a_card, run_check, verdicts
from stdnet_arch.evaluation.gpu.networks import (
    NETWORKS,
    NetworkForm,
    is_known,
    make_clip,
    make_network,
)
from stdnet_arch.evaluation.gpu.records import ResultRecorder, read_records
from stdnet_arch.evaluation.gpu.speed import JOBS, SpeedJob, measure_speeds
from stdnet_arch.evaluation.gpu.step import STEPS
from stdnet_arch.evaluation.gpu.timing import precision_of_float32

CPU = torch.device("cpu")
KNOWN = [name for name in NETWORKS if is_known(name)]


def records_of(step, tmp_path):
    recorder = ResultRecorder(tmp_path / "records.jsonl")
    for measure in STEPS[step]:
        measure(recorder, CPU, True)
    return read_records(tmp_path / "records.jsonl")


@pytest.mark.parametrize(
    "step", ["main", "training", "operators", "others", "compiled", "ceilings"]
)
def test_every_step_measures_all_it_can_without_a_card(step, tmp_path):
    records = records_of(step, tmp_path)
    assert not [record for record in records if "failed" in record]
    found = [r for r in records if "skipped" not in r and r["what"] in {"speed", "training"}]
    times = [r.get("ms_per_frame") or r.get("ms_per_step") for r in found]
    assert all(time > 0 for time in times)
    assert all(r["finite"] for r in found if r["what"] == "speed")


@pytest.mark.parametrize("name", KNOWN)
def test_half_precision_is_near_and_not_equal(name, tmp_path):
    recorder = ResultRecorder(tmp_path / "x")
    jobs = [SpeedJob(name, (480, 640), NetworkForm(kind)) for kind in ("fp32", "bf16")]
    measure_speeds(iter(jobs), recorder, CPU, tiny=True)
    exact, half = read_records(tmp_path / "x")
    assert exact["error"] == 0
    assert 0 < half["error"] < 5e-2


def test_a_stream_gives_as_many_frames_as_it_takes_once_it_is_full():
    net = make_network("STDNet", True, CPU)
    form = NetworkForm(kind="stream")
    run = form.prepare(net, *make_clip(24, (16, 24), CPU))
    assert [form.run(run, CPU).shape[1] for _ in range(3)] == [16, 24, 24]


def test_settings_are_put_back():
    before = torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark
    with precision_of_float32(not before[0], not before[1]):
        assert torch.backends.cuda.matmul.allow_tf32 is not before[0]
    assert before == (torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark)


def test_the_targets_forms_come_first():
    first = next(JOBS["main"]())
    assert (first.network, first.size) == ("STDNet", (480, 640))
    assert first.form.name == "bf16, eager, channels_last"


def test_no_measurement_begins_when_time_is_up(tmp_path):
    recorder = ResultRecorder(tmp_path / "x", seconds=0)
    recorder.attempt({"what": "speed"}, lambda: pytest.fail("was run"), CPU)
    assert read_records(tmp_path / "x")[0]["skipped"] == "no time left"


def test_a_failure_is_a_line_and_half_a_line_is_none(tmp_path):
    recorder = ResultRecorder(tmp_path / "x")
    recorder.attempt({"what": "speed"}, lambda: {"ms": 1 / 0}, CPU)
    (tmp_path / "x").open("a").write('{"what": "spe')
    (line,) = read_records(tmp_path / "x")
    assert line["failed"] == "ZeroDivisionError: division by zero"


def test_verdicts_are_read_from_both_forms_of_pytest():
    lines = [
        "[gw1] [ 10%] PASSED tests/a.py::test_one[cuda] ",
        "tests/a.py::test_two FAILED                     [ 20%]",
        "FAILED tests/a.py::test_two - AssertionError",
        "tests/a.py::test_three SKIPPED (needs 2 cards)",
    ]
    found = verdicts(lines)
    assert (found["passed"], found["failed"], found["skipped"]) == (1, 1, 1)
    assert found["which"] == ["tests/a.py::test_two"]


def test_files_with_tests_for_a_card_are_found():
    files = files_for_a_card()
    assert files[0] == "tests/test_devices.py"
    assert {"tests/test_archs.py", "tests/test_golden.py", "tests/ops/test_warp.py"} <= set(files)
    assert "tests/ops/test_fold.py" not in files


@pytest.fixture
def scripted(monkeypatch, tmp_path):
    """A function that runs the check with Python code as its steps."""

    def run(limit, **codes):
        monkeypatch.setattr(check_module, "GRACE_S", 0.2)
        monkeypatch.setattr(check_module, "LIMITS_S", dict.fromkeys(codes, limit))
        monkeypatch.setattr(check_module, "GROUPS", {"speed": tuple(codes)})
        monkeypatch.setattr(
            Check, "command", lambda self, step, seconds: [sys.executable, "-c", codes[step]]
        )
        check = Check(tmp_path, "cpu", only=("speed",))
        well = run_check(check)
        return well, {r["name"]: r["code"] for r in read_records(check.records)}

    return run


def test_a_crash_and_a_hang_stop_no_other_step(scripted):
    hang = "import time; time.sleep(60)"
    well, codes = scripted(5.0, crash="raise SystemExit(3)", hang=hang, fine="pass")
    assert not well
    assert codes == {"crash": 3, "hang": 124, "fine": 0}


def test_all_well_is_said(scripted):
    assert scripted(20.0, one="pass", two="pass") == (True, {"one": 0, "two": 0})


def test_an_unknown_group_is_refused(tmp_path):
    with pytest.raises(ValueError, match="some of parity, train, speed, main, .*; got"):
        Check(tmp_path, only=("speed", "weather"))


def test_the_command_runs_a_group_to_its_table(monkeypatch, tmp_path, capsys):
    arguments = ["gpu_check", "-o", str(tmp_path), "--device", "cpu", "--tiny", "--only", "parity"]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as ended:
        runpy.run_path("scripts/gpu_check.py", run_name="__main__")
    log = (tmp_path / "log.txt").read_text()
    assert ended.value.code == 0, log
    assert "| passed | failed | error | skipped | which |" in capsys.readouterr().out
    assert (tmp_path / "gpu_check.md").read_text()


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("PlaneBlend, as x4 is shipped", "plane_blend_x4"),
        ("PlaneBlend, live", "plane_blend_live_x4"),
    ],
)
def test_shipped_forms_are_those_of_the_files(name, weights):
    shipped = stdnet_arch.load(weights).state_dict()
    ours = build_network({**NETWORKS[name], "scale": 4}).state_dict()
    assert {k: v.shape for k, v in ours.items()} == {k: v.shape for k, v in shipped.items()}
