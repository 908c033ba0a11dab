"""A whole zero-shot benchmark: rows, checks, going on, and the page."""

import json
from dataclasses import replace

import numpy as np
import pytest

from stdnet_arch.data.recordings.rgb_registration import Registration
from stdnet_arch.evaluation.benchmark.competitor import build_competitor
from stdnet_arch.evaluation.zero_shot import scoring
from stdnet_arch.evaluation.zero_shot.command import run_from_options
from stdnet_arch.evaluation.zero_shot.plan import MethodPlan, read_zero_shot_plan
from stdnet_arch.evaluation.zero_shot.run import make_ready, run_zero_shot
from stdnet_arch.evaluation.zero_shot.scenes import load_scenes
from stdnet_arch.evaluation.zero_shot.scoring import make_case, run_network, score
from stdnet_arch.evaluation.zero_shot.summary import pick, sum_up


@pytest.fixture
def plan(options):
    return read_zero_shot_plan(options)


@pytest.fixture
def scenes(plan):
    return load_scenes(plan.dataroot, plan.frames, plan.scenes)


@pytest.fixture
def rows(plan, scenes, tmp_path):
    """Rows of the whole benchmark."""
    return run_zero_shot(plan, scenes, tmp_path / "out", device="cpu")


def test_every_method_with_weights_has_a_row_per_cell_and_scene(rows):
    assert len(pick(rows, method="bilinear")) == 3 * 2
    assert len(pick(rows, method="ours", scale=4)) == 2 * 2
    assert pick(rows, method="ours", scale=8) == []


def test_rows_hold_the_scores_of_the_scene(rows, scenes):
    row = pick(rows, method="bilinear", scene="hall", scale=4, rule="dtof_peak")[0]
    expected = score(lambda lq_m, rgb: np.ones(rgb.shape[:3], np.float32), scenes[:1], 4)[0]
    assert row["rmse_cm"] == pytest.approx(expected.bilinear_rmse_cm)
    assert row["mae_cm"] == pytest.approx(expected.bilinear_mae_cm)


def test_videos_have_flicker_and_stills_none(rows):
    hall = pick(rows, method="ours", scene="hall", scale=4, rule="dtof_peak")[0]
    still = pick(rows, method="ours", scene="stills", scale=4, rule="dtof_peak")[0]
    assert hall["jitter_cm"] > 0
    assert "jitter_cm" not in still


def test_a_network_that_ignores_rgb_is_not_hurt_by_turning_it(rows):
    row = pick(rows, method="ours", scene="hall", scale=4, rule="dtof_peak")[0]
    assert row["turned_rmse_cm"] == row["rmse_cm"]
    assert "turned_rmse_cm" not in pick(rows, method="ours", rule="means")[0]


def test_single_frames_are_run_without_earlier_ones(rows, plan, scenes):
    row = pick(rows, method="ours", scene="hall", scale=4, rule="dtof_peak")[0]
    case = make_case(scenes[0], 4, plan.rules[0])
    truth = case.valid
    single_m = 1.01 * np.kron(case.lq_m, np.ones((1, 4, 4)))  # each frame is its own earlier one
    expected = 100 * np.sqrt(np.mean((single_m - case.depth_m)[truth] ** 2))
    assert row["single_rmse_cm"] == pytest.approx(expected, rel=1e-4)


def test_a_stopped_run_goes_on_without_running_anything_again(plan, scenes, rows, tmp_path):
    path = next((tmp_path / "out/rows").glob("ours@x4_means_hall.json"))
    path.unlink()
    kept = {p: p.stat().st_mtime_ns for p in (tmp_path / "out/rows").iterdir()}
    again = run_zero_shot(plan, scenes, tmp_path / "out", resume=True, device="cpu")
    assert again == rows
    assert all(p.stat().st_mtime_ns == time for p, time in kept.items())


def test_rows_of_another_run_need_resume(plan, scenes, rows, tmp_path):
    with pytest.raises(FileExistsError, match="--resume"):
        run_zero_shot(plan, scenes, tmp_path / "out", device="cpu")


def test_other_weights_are_run_again(options, scenes, rows, tmp_path):
    plan = read_zero_shot_plan(options)
    weights = tmp_path / "net_x4.pth"
    before = json.loads((tmp_path / "out/rows/ours@x4_means_hall.json").read_text())
    weights.write_bytes((tmp_path / "net_x4.pth").read_bytes() + b" ")
    again = run_zero_shot(plan, scenes, tmp_path / "out", resume=True, device="cpu")
    row = pick(again, method="ours", scene="hall", rule="means")[0]
    assert row["fingerprint"] != before["fingerprint"]


def test_ratios_are_means_over_scenes_and_targets_are_judged(plan, rows):
    found = sum_up(plan, rows)
    entry = pick(found["overview"], method="ours", scale=4, rule="dtof_peak")[0]
    errors = [
        [pick(rows, method=m, scene=s, scale=4, rule="dtof_peak")[0]["rmse_cm"] for m in (
            "ours", "bilinear")]
        for s in ("hall", "stills")
    ]  # fmt: skip
    ratios = [ours / theirs for ours, theirs in errors]
    assert entry["ratio_mean"] == pytest.approx(np.mean(ratios))
    assert entry["ratio_worst"] == pytest.approx(max(ratios))
    assert [target["met"] for target in found["targets"]] == [True, False]


def test_expected_errors_are_compared_with_true_ones(plan, rows):
    found = sum_up(plan, rows)["calibration"]
    deciles = next(e for e in found if e["rule"] == "means")["deciles_cm"]
    assert list(deciles) == ["all", "hall", "stills"]
    expected = [expected for expected, _ in deciles["hall"]]
    assert expected == sorted(expected)


def test_a_registered_method_sees_moved_rgb(options, scenes, tmp_path, monkeypatch):
    moved = Registration(1.0, (6.0, 0.0))
    monkeypatch.setattr(scoring, "find_registration", lambda _: moved)
    filters = {"competitor": {"type": "JointBilateral"}}
    options["methods"]["moved"] = {**filters, "registered": True}
    plan = read_zero_shot_plan(options)
    rows = run_zero_shot(plan, scenes, tmp_path / "own", device="cpu")
    at = {"scene": "stills", "scale": 4, "rule": "means"}
    plain, other = (pick(rows, method=m, **at)[0] for m in ("joint bilateral", "moved"))
    case = make_case(scenes[1], 4, plan.rules[1])
    rgb = np.stack([moved.apply(one) for one in case.rgb])
    pred_m = build_competitor({"type": "JointBilateral", "scale": 4}).infer(case.filled_m, rgb)
    assert other["rmse_cm"] == pytest.approx(case.errors_cm(pred_m)[0])
    assert other["rmse_cm"] != plain["rmse_cm"]


def test_a_mirrored_network_is_the_mean_over_mirror_images(scenes):
    ready = make_ready(
        MethodPlan(name="x", weights="plane_blend_live_x{scale}", self_ensemble=True), 4
    )
    plain = make_ready(MethodPlan(name="y", weights="plane_blend_live_x{scale}"), 4)
    case = make_case(scenes[1], 4, "dtof_peak")
    found = run_network(ready.run, case, slice(0, 1))["depth_m"][0]
    each = []
    for axes in ((), (1,), (2,), (1, 2)):
        turned = replace(case, lq_m=np.flip(case.lq_m, axes), rgb=np.flip(case.rgb, axes))
        each.append(np.flip(run_network(plain.run, turned, slice(0, 1))["depth_m"][0], [
            axis - 1 for axis in axes
        ]))  # fmt: skip
    np.testing.assert_allclose(found, np.mean(each, axis=0), rtol=1e-5)
    assert not np.allclose(found, each[0], rtol=1e-4)


def test_unknown_shipped_weights_have_no_row():
    assert make_ready(MethodPlan(name="x", weights="nothing_x{scale}"), 4) is None


def test_shipped_weights_are_found_by_name():
    ready = make_ready(MethodPlan(name="x", weights="stdnet_t_x{scale}"), 4)
    assert ready.depth_range_m == 1


def test_a_path_that_is_missing_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        make_ready(MethodPlan(name="x", weights=str(tmp_path / "gone.pth")), 4)


def test_the_page_holds_tables_and_pictures(options, tmp_path):
    text = run_from_options(options, tmp_path / "results", None, resume=False)
    page = (tmp_path / "results/small/small.html").read_text()
    assert "small.html" in text
    wanted = ("Targets", "x8, dtof_peak", "hall, frame 1", "stills, frame 1", "black to")
    assert [part for part in wanted if part not in page] == []
    summary = json.loads((tmp_path / "results/small/summary.json").read_text())
    assert len(summary["rows"]) == 16
