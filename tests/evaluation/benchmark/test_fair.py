"""Benchmarks at equal cost: plans that are refused, steps, choice of the rate, what is said."""

import copy
import math

import pytest
import torch
from basicsr.archs import build_network

from stdnet_arch.archs.checkpoints.loading import load_network
from stdnet_arch.archs.shared.flow import SpyNetFlow
from stdnet_arch.evaluation.benchmark import fair_training
from stdnet_arch.evaluation.benchmark.benchmark import Workplace
from stdnet_arch.evaluation.benchmark.benchmark_plan import read_plan
from stdnet_arch.evaluation.benchmark.benchmark_results import (
    markdown,
    means_of,
    quality_table,
    summary,
)
from stdnet_arch.evaluation.benchmark.fair import run_any, zero_shot_options
from stdnet_arch.evaluation.benchmark.fair_plan import (
    TrainingRun,
    read_fair,
    run_options,
    scale_steps,
)
from stdnet_arch.evaluation.benchmark.fair_report import (
    fair_table,
    first_paragraph,
    interval,
    order_sentence,
    unfairnesses,
)
from stdnet_arch.evaluation.benchmark.fair_training import best_rate, count_flow_parameters
from stdnet_arch.evaluation.zero_shot.plan import read_zero_shot_plan

ROOMS = {"source": "Synthetic", "source_opt": {"num_clips": 1, "num_frame": 2, "size": [32, 48]}}
OTHER = {"source": "Synthetic", "source_opt": {**ROOMS["source_opt"], "seed": 7}}
EDSR = {"type": "ToolboxVSR", "arch": "EDSR", "options": {"num_feat": 4, "num_block": 1}}
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
                "num_worker_per_gpu": 0, "batch_size_per_gpu": 1, "dataset_enlarge_ratio": 99,
            }
        },
        "train": {
            "optim_g": {"type": "Adam", "lr": 0.001},
            "scheduler": {
                "type": "CosineAnnealingRestartLR", "periods": [100], "eta_min": 0.0001,
            },
            "total_iter": 100,
            "warmup_iter": -1,
            "pixel_opt": {"type": "AnnealedPixelLoss", "anneal_start": 75, "anneal_end": 100},
        },
        "logger": {"print_freq": 1, "save_checkpoint_freq": 50, "use_tb_logger": False},
    },
    "test": {"halls": {"type": "RGBDVideoTestDataset", **ROOMS}},
    "metrics": {"rmse_cm": {"type": "calculate_rmse"}},
    "fair": {
        "cpu_seconds": 10,
        "learning_rates": [0.001, 0.002],
        "seeds": [3, 4],
        "val": {"yards": {"type": "RGBDVideoTestDataset", **OTHER}},
        "least_steps": 2,
        "probe_steps": [1, 2],
    },
    "models": {
        "bilinear": {"competitor": {"type": "Interpolated", "mode": "bilinear"}},
        "EDSR": {"network_g": EDSR},
    },
}  # fmt: skip


@pytest.fixture
def options():
    return copy.deepcopy(OPTIONS)


def of_runs(method, *values, **more):
    """A result whose runs scored so."""
    runs = [
        {"clips": [{"metrics": {"rmse_cm": value}}], "seed": i, "steps": 40, "rate": 0.001}
        for i, value in enumerate(values)
    ]
    sizes = {"parameters": 10, "flow_parameters": 0}
    return {"method": method, "dataset": "halls", "runs": runs, **sizes, **more}


# ------------------------------------------------------------------------------------- the plan


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seconds": 3}, "fair: expected the keys .*got .*seconds"),
        ({"cpu_seconds": 0}, "fair.cpu_seconds must be a number > 0; got 0"),
        ({"learning_rates": []}, "at least one learning rate"),
        ({"learning_rates": [-1]}, "fair.learning_rates must be a number > 0"),
        ({"seeds": [1, 1]}, "seeds that differ"),
        ({"choose_by": "mae_cm"}, "choose_by must be one of rmse_cm; got 'mae_cm'"),
        ({"val": OPTIONS["test"]}, "rates on that are no test"),
        ({"val": {}}, "rates on that are no test"),
        ({"val": {"halls": OPTIONS["fair"]["val"]["yards"]}}, "rates on that are no test"),
        ({"probe_steps": [5, 5]}, "two rising numbers"),
        ({"rate_share": 1.5}, "fair.rate_share must be at most 1; got 1.5"),
        ({"rate_share": 0}, "fair.rate_share must be a number > 0; got 0"),
    ],
)
def test_a_plan_that_is_not_fair_is_refused(options, change, message):
    options["fair"] |= change
    with pytest.raises(ValueError, match=message):
        read_fair(read_plan(options))


@pytest.mark.parametrize(
    ("network", "train", "message"),
    [
        ({"type": "STDNet", "init": "balanced"}, {}, "EDSR: init: balanced starts it otherwise"),
        ({"type": "Standardized", "net": {"type": "STDNet", "init": "paper"}}, {}, "init: paper"),
        (EDSR, {"train": {"grad_clip": 1}}, "one recipe; got train: of its own"),
    ],
)
def test_an_entry_that_has_more_than_others_is_refused(options, network, train, message):
    options["models"]["EDSR"] = {"network_g": network, "train": train}
    with pytest.raises(ValueError, match=message):
        read_fair(read_plan(options))


def test_steps_of_a_recipe_stay_in_proportion():
    scaled = scale_steps({**OPTIONS["train"]["train"], "milestones": [50, 80]}, 250)
    assert (scaled["total_iter"], scaled["milestones"]) == (250, [125, 200])
    assert scaled["scheduler"]["periods"] == [250]
    assert scaled["pixel_opt"]["anneal_start"] == 187  # 187.5
    few = scale_steps(OPTIONS["train"]["train"], 2)["pixel_opt"]
    assert (few["anneal_start"], few["anneal_end"]) == (1, 2)
    assert (scaled["warmup_iter"], scaled["optim_g"]["lr"]) == (-1, 0.001)


def test_a_run_s_options_differ_by_rate_seed_and_steps_alone(options):
    plan = read_plan(options)
    run = run_options(plan, TrainingRun(plan.models[1], 0.004, 9, 50))
    assert (run["manual_seed"], run["train"]["total_iter"]) == (9, 50)
    assert run["train"]["optim_g"] == {"type": "Adam", "lr": 0.004}
    assert run["train"]["scheduler"]["eta_min"] == pytest.approx(0.0004)  # stays a tenth
    names = {
        run_options(plan, TrainingRun(plan.models[1], rate, seed, steps))["name"]
        for rate in (0.001, 0.002) for seed in (1, 2) for steps in (5, 6)
    }  # fmt: skip
    assert len(names) == 8


# --------------------------------------------------------------------------------- the training


def test_the_pace_is_measured_until_start_ups_no_longer_count(options, monkeypatch, tmp_path):
    # A start costs 20 s, the second one 6 s less; a step 0.5 s.
    options["fair"] |= {"cpu_seconds": 100, "probe_steps": [3, 13], "probe_share": 0.3}
    starts, used, lengths = iter([20, 14, 20, 20]), [0.0], []

    def train_to_end(opt, place):
        lengths.append(opt["train"]["total_iter"])
        used[0] += next(starts) + 0.5 * lengths[-1]

    monkeypatch.setattr(fair_training, "train_to_end", train_to_end)
    monkeypatch.setattr(fair_training, "children_cpu_seconds", lambda: used[0])
    plan = read_plan(options)
    place = Workplace(tmp_path / "out", tmp_path)
    (place.out / "train").mkdir(parents=True)
    steps = fair_training.steps_for(plan, read_fair(plan), plan.models[1], place)
    assert lengths == [3, 13, 103]  # the second gave a step of less than nothing
    assert steps == 200


def test_the_rate_is_the_best_on_validation_data(options, monkeypatch, tmp_path):
    options["fair"]["learning_rates"] = [0.001, 0.002, 0.004]
    plan = read_plan(options)
    scores = {0.001: 5.0, 0.002: 3.0, 0.004: math.nan}
    seen = []

    def judged(plan, entry, place, dataset, weights, record):
        seen.append((dataset, record["seed"]))
        return {"clips": [{"metrics": {"rmse_cm": scores[record["rate"]]}}]}

    said = lambda plan, run, place: (None, {"rate": run.rate, "seed": run.seed})  # noqa: E731
    monkeypatch.setattr(fair_training, "train", said)
    monkeypatch.setattr(fair_training, "_judged", judged)
    place = Workplace(tmp_path, tmp_path)
    assert best_rate(plan, read_fair(plan), plan.models[1], place, 9) == 0.002
    assert set(seen) == {("yards", 3)}


def test_a_network_too_costly_for_the_budget_is_a_row_that_says_so(options, monkeypatch, tmp_path):
    options["fair"] |= {"cpu_seconds": 6, "least_steps": 50}
    plan = read_plan(options)
    clock = iter([0.0, 11.0, 11.0, 24.0])  # one step more takes two seconds more
    monkeypatch.setattr(fair_training, "children_cpu_seconds", lambda: next(clock))
    monkeypatch.setattr(fair_training, "train_to_end", lambda options, place: None)
    place = Workplace(tmp_path, tmp_path)
    (row,) = fair_training.run_fair_entry(plan, read_fair(plan), plan.models[1], place)
    assert row["error"] == "not trained: 6 s are 3 steps, fewer than 50"


def test_rates_may_be_tried_in_a_share_of_the_steps(options, monkeypatch, tmp_path):
    options["fair"]["rate_share"] = 0.25
    plan = read_plan(options)
    fair, place, lengths = read_fair(plan), Workplace(tmp_path, tmp_path), []

    def train(plan, run, place):
        lengths.append((run.rate, run.seed, run.steps))
        return None, {"rate": run.rate, "seed": run.seed, "steps": run.steps}

    monkeypatch.setattr(fair_training, "steps_for", lambda *given: 90)
    monkeypatch.setattr(fair_training, "train", train)
    monkeypatch.setattr(
        fair_training,
        "_judged",
        lambda *given: {"clips": [{"metrics": {"rmse_cm": given[-1]["rate"]}}], "parameters": 1},
    )
    (row,) = fair_training.run_fair_entry(plan, fair, plan.models[1], place)
    assert lengths == [(0.001, 3, 22), (0.002, 3, 22), (0.001, 3, 90), (0.001, 4, 90)]
    assert len(row["runs"]) == 2
    assert "tried for 25% of the time" in first_paragraph(plan, fair)


def test_rates_that_all_fail_are_a_failure(options, monkeypatch, tmp_path):
    def fail(plan, run, place):
        raise RuntimeError("loss is not finite")

    monkeypatch.setattr(fair_training, "steps_for", lambda *given: 9)
    monkeypatch.setattr(fair_training, "train", fail)
    plan = read_plan(options)
    place = Workplace(tmp_path, tmp_path)
    (row,) = fair_training.run_fair_entry(plan, read_fair(plan), plan.models[1], place)
    assert "no learning rate gave a network" in row["error"]
    assert "untrained" not in row
    (told,) = quality_table([row], "halls", ["rmse_cm"]).rows
    assert told[-1].startswith("failed: ")
    said = unfairnesses(plan, read_fair(plan), [row])
    assert any(line.endswith("training or judging failed: EDSR") for line in said)


@pytest.mark.parametrize(
    "entry", [{"competitor": {"type": "JointBilateral"}}, {"network_g": EDSR, "weights": "x.pth"}]
)
def test_what_is_never_trained_needs_no_reason(options, entry):
    options["models"]["other"] = {**entry, "untrained": "no time"}
    with pytest.raises(ValueError, match="other: untrained is for a network that would be trained"):
        read_fair(read_plan(options))


def test_a_network_that_is_not_to_be_trained_says_why(options, tmp_path):
    options["models"]["EDSR"]["untrained"] = "its flow network needs a GPU"
    plan = read_plan(options)
    place = Workplace(tmp_path, tmp_path)
    (row,) = fair_training.run_fair_entry(plan, read_fair(plan), plan.models[1], place)
    assert row["error"] == "not trained: its flow network needs a GPU"
    assert not list(tmp_path.iterdir())
    (told,) = quality_table([row], "halls", ["rmse_cm"]).rows
    assert told[-1] == row["error"]
    said = unfairnesses(plan, read_fair(plan), [row])
    assert "no row of numbers, since they were not trained: EDSR" in said
    del options["fair"]
    with pytest.raises(ValueError, match="EDSR: untrained belongs into a plan with"):
        read_fair(read_plan(options))


def test_flow_networks_are_counted_once_wherever_they_are():
    net = build_network(
        {"type": "Standardized", "scale": 4, "mean": 0.4, "spread": 0.1,
         "net": {"type": "ToolboxVSR", "arch": "BasicVSR",
                 "options": {"num_feat": 4, "num_block": 1}}}
    )  # fmt: skip
    flow = sum(parameter.numel() for parameter in SpyNetFlow().parameters())
    assert count_flow_parameters(net) == flow == 1_440_300
    assert count_flow_parameters(torch.nn.Linear(3, 2)) == 0


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What a whole run finds: the two networks' trainings are of a few steps."""
    root = tmp_path_factory.mktemp("fair")
    options = copy.deepcopy(OPTIONS)
    options["fair"] |= {"cpu_seconds": 1e-3, "least_steps": 0, "learning_rates": [0.001]}
    plan, place = read_plan(options), Workplace(root / "out", root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fair_training, "steps_for", lambda *given: 2)
        results, fair = run_any(plan, place, resume=False, config="plan.yml")
        again = run_any(plan, place, resume=True, config="plan.yml")[0]
    return plan, results, fair, again


def test_every_seed_is_trained_and_judged(found):
    _, (_, edsr), _, again = found
    assert [(run["seed"], run["steps"], run["rate"]) for run in edsr["runs"]] == [
        (3, 2, 0.001), (4, 2, 0.001)
    ]  # fmt: skip
    values = [run["clips"][0]["metrics"]["rmse_cm"] for run in edsr["runs"]]
    assert values[0] != values[1]
    assert all(run["cpu_seconds"] > 0.1 for run in edsr["runs"])
    assert means_of(edsr, ["rmse_cm"])["rmse_cm"] == pytest.approx(sum(values) / 2)
    assert again[1] == edsr


def test_the_report_begins_with_what_it_can_and_cannot_tell(found):
    plan, results, fair, _ = found
    text = markdown(summary(plan, results, (), fair))
    first = text.split("\n\n")[1]
    assert first.startswith("This says how good the networks of this table are at x4 after 0.001 s")
    assert "It cannot say what the networks become" in first
    assert "python scripts/benchmark.py --config plan.yml --models 'EDSR'" in text
    assert "2 seeds: intervals are wide" in text


def test_what_was_trained_goes_to_scenes_never_seen(found):
    plan, results, *_ = found
    base = {"kind": "zero_shot", "name": "unseen", "title": "Unseen", "rules": {"dtof_peak": None}}
    base |= {"against": "bilinear"}
    made = read_zero_shot_plan(zero_shot_options(plan, base, results))
    assert [method.name for method in made.methods] == ["bilinear", "EDSR, seed 3", "EDSR, seed 4"]
    loaded = load_network(made.methods[2].weights)
    assert (loaded.scale, loaded.depth_range_m, made.scales) == (4, 12.0, (4,))


# ------------------------------------------------------------------------------------ the report


def test_an_interval_is_student_s():
    # Table of t for 2 degrees of freedom: 4.303. Standard deviation of 1, 2, 3: 1.
    mean, half = interval([1.0, 2.0, 3.0])
    assert (mean, half) == (2, pytest.approx(4.303 / 3**0.5, abs=1e-3))
    assert interval([5.0]) == (5, math.inf)


def test_who_leads_follows_from_intervals():
    far = of_runs("far", 9.0, 9.1, 9.2)
    near = of_runs("near", 2.1, 2.3, 2.2)
    best = of_runs("best", 2.0, 2.1, 2.2)
    said = order_sentence([far, near, best], "halls", "rmse_cm", "lower")
    assert said.startswith("halls, rmse_cm: best has the best mean of the trained, 2.100 ± 0.248")
    assert said.endswith("not told apart from it: near (2.200 ± 0.248).")
    alone = order_sentence([far, best], "halls", "rmse_cm", "lower")
    assert alone.endswith("apart from all others.")
    assert order_sentence([far, best], "halls", "rmse_cm", "higher").split(": ")[1][:3] == "far"


def test_the_table_has_spread_and_parameters_without_flow():
    table = fair_table([of_runs("a", 1.0, 3.0, flow_parameters=4)], "halls", ["rmse_cm"])
    assert table.columns[:7] == [
        "method", "parameters", "without flow", "rate", "steps", "cpu s", "seeds"
    ]  # fmt: skip
    (row,) = table.rows
    assert row[:5] == ["a", 10, 6, "0.001", 40]
    assert row[6:] == [2, 2.0, pytest.approx(2**0.5)]


def test_what_is_not_equal_is_listed(options):
    flow = {**EDSR, "arch": "BasicVSR", "flow_weights": "spynet.safetensors"}
    wrapped = {"type": "Standardized", "mean": 0.3, "spread": 0.1, "net": flow}
    options["models"] |= {
        "warm": {"network_g": wrapped},
        "cold": {"network_g": {**EDSR, "arch": "BasicVSR"}},
        "shipped": {"network_g": EDSR, "weights": "x.pth"},
    }
    plan = read_plan(options)
    results = [of_runs("EDSR", 1.0, 2.0), of_runs("cold", 1.0, 2.0, flow_parameters=4)]
    results[1]["runs"][0]["steps"] = 7
    results.append({"method": "broken", "dataset": "halls", "error": "no"})
    said = "\n".join(unfairnesses(plan, read_fair(plan), results))
    for words in (
        "not standardised by Standardized for EDSR, cold",
        "warm start with a flow network that was trained before",
        "the flow networks of cold start random",
        "EDSR makes 40, cold 7",
        "not trained here, for longer and on other data: shipped",
        "training or judging failed: broken",
    ):
        assert words in said
