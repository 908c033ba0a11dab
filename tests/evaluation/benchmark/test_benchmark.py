"""A benchmark of a filter, a trained network and one that fails, on synthetic rooms."""

import copy
import json
import math

import numpy as np
import pytest
import torch

import stdnet_arch.evaluation.benchmark.benchmark as benchmark
import stdnet_arch.evaluation.cost as cost_module
from stdnet_arch.evaluation.benchmark.benchmark import (
    Workplace,
    measure_costs,
    run_benchmark,
    train_entry,
)
from stdnet_arch.evaluation.benchmark.benchmark_plan import checkpoint_of, read_plan

ROOMS = {"source": "Synthetic", "source_opt": {"num_clips": 1, "num_frame": 3, "size": [32, 48]}}
OPTIONS = {
    "name": "tried",
    "scale": 4,
    "title": "Tried",
    "train": {
        "model_type": "RGBDVideoModel",
        "num_gpu": 0,
        "manual_seed": 0,
        "datasets": {
            "train": {
                "name": "rooms", "type": "RGBDVideoDataset", **ROOMS, "num_frame": 2, "gt_size": 32,
                "use_shuffle": True, "num_worker_per_gpu": 0, "batch_size_per_gpu": 1,
                "dataset_enlarge_ratio": 4, "prefetch_mode": None,
            }
        },
        "train": {
            "optim_g": {"type": "Adam", "lr": 0.001},
            "scheduler": {"type": "MultiStepLR", "milestones": [2], "gamma": 0.5},
            "total_iter": 2,
            "warmup_iter": -1,
            "pixel_opt": {"type": "L1Loss"},
        },
        "logger": {"print_freq": 1, "save_checkpoint_freq": 1, "use_tb_logger": False},
    },
    "test": {"halls": {"type": "RGBDVideoTestDataset", **ROOMS}},
    "metrics": {"rmse_cm": {"type": "calculate_rmse"}},
    "cost": {"sizes": ["16x24"], "frames": 1, "repeats": 1, "warmup": 0},
    "models": {
        "bilinear": {"competitor": {"type": "Interpolated", "mode": "bilinear"}},
        "EDSR": {
            "network_g": {
                "type": "ToolboxVSR", "arch": "EDSR", "options": {"num_feat": 4, "num_block": 1}
            },
        },
        "broken": {"network_g": {"type": "STDNet", "num_feat": "many"}, "weights": "nowhere.pth"},
    },
}  # fmt: skip


@pytest.fixture
def options():
    return copy.deepcopy(OPTIONS)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A place where all has run, and what was found."""
    root = tmp_path_factory.mktemp("benchmark")
    place = Workplace(root / "out", root)
    return place, run_benchmark(read_plan(OPTIONS), place, resume=False)


@pytest.fixture
def no_training(monkeypatch):
    def refuse(*given, **named):
        pytest.fail("trained again")

    monkeypatch.setattr(benchmark, "run_child", refuse)


def written_scores(path):
    """What a file of scores holds, without the checksum that guards it."""
    held = json.loads(path.read_text())
    assert held.pop("checksum")
    return held


def test_a_method_that_fails_does_not_stop_the_others(finished):
    errors = [result.get("error", "") for result in finished[1]]
    assert errors[:2] == ["", ""]
    assert "Error: " in errors[2]


def test_a_network_was_trained_and_judged(finished):
    place, (_, edsr, _) = finished
    plan = read_plan(OPTIONS)
    weights = torch.load(checkpoint_of(plan, plan.models[1], place.root), weights_only=False)
    assert edsr["parameters"] == sum(x.numel() for x in weights["params"].values()) > 0
    assert 0 < edsr["clips"][0]["metrics"]["rmse_cm"] < math.inf


def test_the_error_of_the_frames_is_that_of_the_clip(finished):
    clip = finished[1][0]["clips"][0]
    # All pixels of these rooms are valid, so each frame counts alike.
    frames_cm = np.array(clip["rmse_per_frame_cm"])
    assert len(frames_cm) == 3
    assert math.sqrt((frames_cm**2).mean()) == pytest.approx(clip["metrics"]["rmse_cm"], rel=1e-4)


def test_predictions_are_kept_for_pictures(finished):
    place, _ = finished
    kept = np.load(place.out / "samples/EDSR@halls.npz")["pred_m"]
    assert (kept.shape, kept.dtype) == ((3, 32, 48), np.float32)


def test_results_that_are_there_are_not_overwritten_unasked(finished, options):
    with pytest.raises(FileExistsError, match="holds results; continue with --resume"):
        run_benchmark(read_plan(options), finished[0], resume=False)


def test_what_is_done_is_kept_and_what_is_missing_is_made(finished, options, no_training):
    place, before = finished
    kept, lost = (place.out / f"scores/{name}@halls.json" for name in ("bilinear", "EDSR"))
    written = kept.stat().st_mtime_ns
    lost.unlink()
    after = run_benchmark(read_plan(options), place, resume=True)
    assert kept.stat().st_mtime_ns == written
    assert after[:2] == before[:2] == [written_scores(kept), written_scores(lost)]


@pytest.mark.parametrize(
    ("section", "change", "again"),
    [
        ("metrics", {"mae_cm": {"type": "calculate_mae"}}, [True, True]),
        ("train", {"manual_seed": 1}, [False, True]),
        ("title", "Another", [False, False]),
    ],
)
def test_a_result_is_made_again_if_its_options_change(options, section, change, again):
    plan = read_plan(options)
    new = {**options[section], **change} if isinstance(change, dict) else change
    other = read_plan({**options, section: new})
    marks = [
        [benchmark._fingerprint(p, entry, "halls") for entry in p.models[:2]] for p in (plan, other)
    ]
    assert [one != two for one, two in zip(*marks, strict=True)] == again


def test_a_training_that_was_killed_goes_on(finished, options):
    place, _ = finished
    plan = read_plan(options)
    entry = plan.models[1]
    checkpoint = checkpoint_of(plan, entry, place.root)
    # As if killed after the first iteration.
    for killed in ("models/net_g_2.pth", "models/net_g_latest.pth", "training_states/2.state"):
        (checkpoint.parent.parent / killed).unlink()
    assert train_entry(plan, entry, place) == checkpoint
    log = next((place.out / "train").glob("*.log")).read_text()
    assert "Resuming training from epoch: 0, iter: 1" in log
    assert checkpoint.is_file()


def test_a_training_that_fails_says_why(options, monkeypatch, tmp_path):
    def fail(command, log, folder):
        log.write("Traceback\nKeyError: no NoSuchLoss\n")
        log.flush()
        return 1

    monkeypatch.setattr(benchmark, "run_child", fail)
    plan = read_plan(options)
    with pytest.raises(RuntimeError, match="training ended with 1: KeyError: no NoSuchLoss"):
        train_entry(plan, plan.models[1], Workplace(tmp_path / "out", tmp_path))


@pytest.mark.parametrize(
    "change",
    [
        {"published": "X"},
        {"cost": {"sizes": ["16"]}},
        {"metrics": {"rmse_cm": {"type": "calculate_rmse", "better": "higher"}}},
    ],
)
def test_what_could_not_be_reported_is_told_first(options, change, tmp_path, no_training):
    with pytest.raises(ValueError, match="must be|better"):
        run_benchmark(read_plan({**options, **change}), Workplace(tmp_path, tmp_path), False)


def test_costs_are_measured_once(options, monkeypatch, tmp_path):
    monkeypatch.setattr(cost_module, "peak_rss_mb", lambda *given: 1.0)
    plan, place = read_plan(options, ["bilinear", "EDSR"]), Workplace(tmp_path, tmp_path)
    costs = measure_costs(plan, place, resume=False)
    assert [cost["failed"] for cost in costs] == ["", ""]
    monkeypatch.setattr(cost_module, "measure_or_report", lambda *given: pytest.fail("again"))
    assert measure_costs(plan, place, resume=True)[1] == costs[1]


def test_costs_go_on_where_they_stopped_and_say_how_far_they_are(
    options, monkeypatch, tmp_path, capsys
):
    monkeypatch.setattr(cost_module, "peak_rss_mb", lambda *given: 1.0)
    plan, place = read_plan(options, ["bilinear", "EDSR"]), Workplace(tmp_path, tmp_path)
    measure, measured = cost_module.measure_or_report, []

    def stop_at_the_second(name, *more):
        if measured == ["bilinear"]:
            raise KeyboardInterrupt
        measured.append(name)
        return measure(name, *more)

    monkeypatch.setattr(cost_module, "measure_or_report", stop_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        measure_costs(plan, place, resume=False)
    said = capsys.readouterr().err.splitlines()
    assert [line.split(", after")[0] for line in said] == ["cost 1 of 2", "cost 2 of 2"]
    assert "bilinear, " in said[0]
    assert "EDSR, " in said[1]
    monkeypatch.setattr(cost_module, "measure_or_report", measure)
    costs = measure_costs(plan, place, resume=True)
    assert [cost["method"] for cost in costs] == ["bilinear", "EDSR"]
    assert capsys.readouterr().err.startswith("cost 1 of 1")


def test_a_plan_without_costs_measures_nothing(options, tmp_path):
    del options["cost"]
    assert measure_costs(read_plan(options), Workplace(tmp_path, tmp_path), resume=False) == []
