"""Judging whole clips: shards, padding, means, and what a validation of the model leaves behind."""

import csv
import math
import weakref
from pathlib import Path

import numpy as np
import pytest
import torch
from basicsr.utils.registry import METRIC_REGISTRY
from model_parts import RANGE_M, Repeat, TinyClips, batches, loader, make_model, options, train

from stdnet_arch.data.rgbd_video_test_dataset import RGBDVideoTestDataset
from stdnet_arch.metrics.traits import needs
from stdnet_arch.models import validator
from stdnet_arch.models.batch import as_batch
from stdnet_arch.models.prediction import predict_padded
from stdnet_arch.models.reporting import skipped_note
from stdnet_arch.models.validation import (
    ClipScore,
    Mean,
    Metric,
    mean_over_clips,
    read_metrics,
    score_clips,
    shard,
)

RMSE = Metric("rmse_cm", "calculate_rmse", "lower")
CPU = torch.device("cpu")
REAL = Path(__file__).parents[2] / "datasets/DyDToF"
METRICS = ("rmse_cm", "mae_cm")


@pytest.mark.parametrize("world_size", [1, 2, 3, 5])
@pytest.mark.parametrize("length", [0, 1, 3, 7])
def test_each_clip_belongs_to_exactly_one_rank(length, world_size):
    owned = [i for rank in range(world_size) for i in shard(length, rank, world_size)]
    assert sorted(owned) == list(range(length))


def test_scores_are_the_metric_of_metres_on_the_whole_clip():
    dataset = TinyClips({"name": "d", "num_clip": 2, "scale": 2, "lq_size": (5, 7)})
    (scores,) = score_clips(dataset, [1], {"repeat": Repeat()}, [RMSE], CPU)
    item = {k: v.double().numpy() for k, v in dataset[1].items() if isinstance(v, torch.Tensor)}
    pred = item["lq"].repeat(2, axis=-1).repeat(2, axis=-2)
    error = 100 * RANGE_M * (pred - item["gt"])[dataset[1]["valid"].numpy()]
    assert (scores[0].index, scores[0].clip, scores[0].method) == (1, "d/clip1", "repeat")
    assert scores[0].values["rmse_cm"] == pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-6)


def test_only_the_shard_is_read():
    read = []

    class Watched(TinyClips):
        def __getitem__(self, index):
            read.append(index)
            return super().__getitem__(index)

    dataset = Watched({"name": "d", "num_clip": 5, "scale": 2, "lq_size": (4, 4)})
    scores = list(score_clips(dataset, shard(5, 1, 2), {"repeat": Repeat()}, [RMSE], CPU))
    assert read == [1, 3]
    assert [clip[0].index for clip in scores] == [1, 3]


@pytest.mark.parametrize("missing", [("gt", "valid"), ("valid",)])
def test_a_clip_needs_neither_truth_nor_mask(missing):
    opt = {"name": "d", "num_clip": 1, "scale": 2, "lq_size": (4, 4), "without": missing}
    (scores,) = score_clips(TinyClips(opt), [0], {"repeat": Repeat()}, [RMSE], CPU)
    assert list(scores[0].values) == ([] if "gt" in missing else ["rmse_cm"])


def test_clips_that_cannot_be_judged_are_left_out_of_the_mean_and_counted():
    values = [3.0, math.nan, 5.0]
    scores = [ClipScore(i, "c", "net", {"rmse_cm": v}) for i, v in enumerate(values)]
    scores.append(ClipScore(0, "c", "other", {"rmse_cm": math.inf}))
    means = mean_over_clips(scores, [RMSE])
    assert means["net"]["rmse_cm"] == Mean(4.0, judged=2, skipped=1)
    assert means["other"]["rmse_cm"] == Mean(math.inf, judged=1, skipped=0)
    nothing = mean_over_clips(scores[1:2], [RMSE])["net"]["rmse_cm"]
    assert math.isnan(nothing.value)


def test_a_metric_says_itself_which_way_is_better():
    section = {"rmse_cm": {"type": "calculate_rmse", "max_m": 5.0}}
    assert read_metrics(section) == [Metric("rmse_cm", "calculate_rmse", "lower", {"max_m": 5.0})]
    assert section["rmse_cm"]["max_m"] == 5.0
    assert read_metrics(None) == []


def test_metric_options_reach_the_metric():
    gt = torch.tensor([1.0, 9.0])
    (metric,) = read_metrics({"m": {"type": "calculate_mae", "max_m": 5.0}})
    pred, all_valid = gt + torch.tensor([0.5, 4.0]), torch.ones(2, dtype=torch.bool)
    assert metric(pred, gt, all_valid, all_valid) == 50.0


@pytest.mark.parametrize(("frames", "error_cm"), [("all", 200), ("given", 100), ("made", 400)])
def test_given_and_made_frames_are_judged_apart(frames, error_cm):
    gt = torch.ones(1, 3, 1, 2, 2)
    pred = gt + torch.tensor([1.0, 4.0, 1.0]).view(1, 3, 1, 1, 1)
    (metric,) = read_metrics({"mae_cm": {"type": "calculate_mae", "frames": frames}})
    given = torch.tensor([True, False, True])
    assert metric(pred, gt, gt > 0, given) == pytest.approx(error_cm)


def test_a_clip_without_such_frames_is_not_judged():
    gt = torch.ones(1, 2, 1, 2, 2)
    (metric,) = read_metrics({"mae_cm": {"type": "calculate_mae", "frames": "made"}})
    assert math.isnan(metric(gt, gt, gt > 0, torch.tensor([True, True])))


def test_an_unknown_choice_of_frames_is_refused():
    with pytest.raises(ValueError, match=r"frames must be one of all, given, made.*'odd'"):
        read_metrics({"mae_cm": {"type": "calculate_mae", "frames": "odd"}})


def test_a_metric_of_neighbouring_frames_takes_no_choice_of_frames():
    words = r"tepe_cm: calculate_tepe_diff compares neighbouring frames.*got frames: given"
    with pytest.raises(ValueError, match=words):
        read_metrics({"tepe_cm": {"type": "calculate_tepe_diff", "frames": "given"}})


@pytest.mark.parametrize("option", ["treshold", "valid", "flow_px"])
def test_an_unknown_option_of_a_metric_is_refused_before_the_first_clip(option):
    words = rf"delta: the options of calculate_delta are align, .*threshold; got {option}"
    with pytest.raises(ValueError, match=words):
        read_metrics({"delta": {"type": "calculate_delta", option: 1.1}})


def tepe_of(**extras):
    """TEPE of a prediction that is 10 cm off in the second frame."""
    (metric,) = read_metrics({"tepe_cm": {"type": "calculate_tepe_warp3d"}})
    gt = torch.ones(1, 2, 1, 3, 4)
    pred = gt + torch.tensor([0, 0.1]).view(2, 1, 1, 1)
    return metric(pred, gt, gt > 0, torch.tensor([True, True]), extras)


def test_a_metric_is_given_what_it_needs_and_nothing_else():
    flow = torch.zeros(1, 1, 2, 3, 4)
    assert tepe_of(flow_px=flow, guide=torch.ones(1)) == pytest.approx(10, rel=1e-5)


def test_a_clip_without_what_a_metric_needs_is_not_judged():
    assert math.isnan(tepe_of(guide=torch.ones(1)))


@pytest.mark.parametrize(("flow_x", "error_cm"), [(None, 0), (2, 100)])
def test_a_metric_is_given_what_it_can_use_where_it_is(flow_x, error_cm):
    (metric,) = read_metrics({"moving_cm": {"type": "calculate_mae_moving"}})
    gt = torch.ones(1, 2, 1, 1, 4)
    gt[:, 1, ..., :2] = 2  # without flow, what changes is what moves
    pred = gt.clone()
    pred[..., 2:] += 1
    extras = {}
    if flow_x:
        extras["flow_px"] = torch.zeros(1, 1, 2, 1, 4)
        extras["flow_px"][:, :, 0, :, 2:] = flow_x
    assert metric(pred, gt, gt > 0, gt > 0, extras) == pytest.approx(error_cm)


def test_what_belongs_to_frames_is_chosen_with_them(monkeypatch):
    seen = {}

    @needs("guide", "intrinsics_px")
    def watch(pred_m, gt_m, *, valid, guide, intrinsics_px):
        seen.update(pred=pred_m, guide=guide, intrinsics_px=intrinsics_px)
        return 0.0

    monkeypatch.setattr(METRIC_REGISTRY, "get", lambda _: watch)
    gt = torch.arange(3.0).view(1, 3, 1, 1, 1)
    extras = {"guide": 10 * gt, "intrinsics_px": torch.ones(1, 4), "pose": gt}
    Metric("m", "watch", "lower", {}, "made")(gt, gt, gt > 0, gt.flatten() != 1, extras)
    assert (seen["pred"].item(), seen["guide"].item()) == (1, 10)
    assert seen["intrinsics_px"].shape == (1, 4)


def test_scores_see_the_extras_of_the_clip():
    class Still(TinyClips):
        def __getitem__(self, index):
            item = super().__getitem__(index)
            t, _, height, width = item["gt"].shape
            return {**item, "flow_px": torch.zeros(t - 1, 2, height, width)}

    dataset = Still({"name": "d", "num_clip": 1, "scale": 2, "lq_size": (4, 4)})
    both = read_metrics({
        "warp3d_cm": {"type": "calculate_tepe_warp3d"}, "diff_cm": {"type": "calculate_tepe_diff"}
    })  # fmt: skip
    (scores,) = score_clips(dataset, [0], {"repeat": Repeat()}, both, CPU)
    values = scores[0].values
    assert values["warp3d_cm"] == pytest.approx(values["diff_cm"], rel=1e-4)
    assert values["diff_cm"] > 0


def test_the_note_on_skipped_clips_says_what_they_may_lack():
    (metric,) = read_metrics({"tepe_cm": {"type": "calculate_tepe_warp3d"}})
    note = skipped_note({"net": {"tepe_cm": Mean(1.0, judged=1, skipped=2)}}, [metric])
    assert "net: 2 of 3 clips without a pixel or flow_px to judge" in note


# -------------------------------------------------------------- validation as the runner calls it


def read_rows(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_table_holds_every_clip_and_method_and_their_means(tmp_path, log):
    model = make_model(tmp_path)
    model.validation(loader(), 4, None)
    rows = read_rows(tmp_path / "metrics/val.csv")
    names = [(row["clip"], row["method"]) for row in rows]
    clips = ["val/clip0", "val/clip1", "val/clip2", "mean"]
    assert names == [(c, m) for c in clips for m in ("bilinear", "TinyDepthNet")]
    for column in ("rmse_cm", "mae_cm"):
        one = [float(r[column]) for r in rows if r["method"] == "bilinear"]
        assert one[-1] == pytest.approx(np.mean(one[:3]), rel=1e-12)
    message = log.records[-1].getMessage()
    best = model.best_metric_results["val"]["rmse_cm"]
    assert f"# rmse_cm: {best['val']:.4f}\tBest: {best['val']:.4f} @ 4 iter" in message
    assert f"{float(rows[-2]['rmse_cm']):.2f}" in message
    assert "| mean | bilinear |" in (tmp_path / "metrics/val.md").read_text()


def test_a_perfect_network_is_judged_perfect(tmp_path, log):
    opt = options(tmp_path)
    opt["network_g"] = {"type": "Interpolation", "scale": 2, "mode": "nearest"}
    opt["train"] = {}
    model = make_model(tmp_path, {**opt, "is_train": False, "path": results(opt)})
    data = loader(num_clip=1)
    item = data.dataset[0]
    item["gt"] = predict_padded(model.net_g, item["lq"][None], item["guide"][None])[0]
    data.dataset.__class__ = type("One", (TinyClips,), {"__getitem__": lambda _s, _i: item})
    model.validation(data, "tiny", None)
    assert model.metric_results == {"rmse_cm": 0, "mae_cm": 0}
    assert "Best" not in log.text  # a test has one value and no best


def results(opt):
    return {**opt["path"], "results_root": opt["path"]["experiments_root"]}


def test_the_average_is_judged_where_there_is_one(tmp_path):
    model = make_model(tmp_path, ema_decay=0.9)
    train(model, batches(2))
    model.validation(loader(), 4, None)
    judged = model.metric_results
    model.net_g.load_state_dict(model.net_g_ema.state_dict())
    del model.net_g_ema
    model.validation(loader("again"), 4, None)
    assert model.metric_results == judged


def test_validation_changes_nothing_in_training(tmp_path):
    one, other = make_model(tmp_path), make_model(tmp_path)
    other.net_g.load_state_dict(one.net_g.state_dict())
    data = batches(2)
    train(one, data)
    train(other, data[:1])
    other.validation(loader(), 1, None)
    train(other, data[1:], first=2)
    for key, value in one.net_g.state_dict().items():
        assert torch.equal(other.net_g.state_dict()[key], value)


def test_the_best_value_is_kept_per_dataset(tmp_path):
    model = make_model(tmp_path)
    model.validation(loader("a"), 1, None)
    good = model.metric_results["rmse_cm"]
    model.net_g.shift = 0.5
    model.validation(loader("a"), 2, None)
    model.validation(loader("b"), 2, None)
    assert model.metric_results["rmse_cm"] > good
    best = model.best_metric_results
    assert best["a"]["rmse_cm"] == {"better": "lower", "val": good, "iter": 1}
    assert best["b"]["rmse_cm"]["iter"] == 2


def test_the_last_validation_is_not_run_twice(tmp_path, monkeypatch):
    calls = []
    model = make_model(tmp_path)
    data = loader()
    judge = validator.score_clips
    monkeypatch.setattr(
        validator,
        "score_clips",
        lambda *args, **options: calls.append(1) or judge(*args, **options),
    )
    model.validation(data, 8, None)
    model.validation(data, 9, None)  # the runner's last call: one beyond total_iter
    assert calls == [1]
    assert {row["iter"] for row in read_rows(tmp_path / "metrics/val.csv")} == {"8"}


def test_two_datasets_of_one_name_are_refused(tmp_path):
    datasets = {key: {"name": "same"} for key in ("train", "val_1", "val_2")}
    with pytest.raises(ValueError, match="names of their own, got same, same"):
        make_model(tmp_path, {**options(tmp_path), "datasets": datasets})


def test_the_table_names_clips_that_could_not_be_judged(tmp_path, log):
    model = make_model(tmp_path)
    model.validation(loader(invalid=1.0), 1, None)
    message = log.records[-1].getMessage()
    assert (
        "bilinear: 3 of 3 clips without a pixel to judge are not in the mean of mae_cm" in message
    )
    assert model.best_metric_results["val"]["mae_cm"]["iter"] == -1


def test_ranks_together_give_the_table_of_one_process(tmp_path, monkeypatch):
    model = make_model(tmp_path)
    model.validation(loader("one", num_clip=5), 1, None)
    expected = (tmp_path / "metrics/one.csv").read_text()
    shards = []
    for rank in (1, 0):  # rank 0 comes last and finds what rank 1 has sent
        monkeypatch.setattr(validator, "get_dist_info", lambda rank=rank: (rank, 2))
        monkeypatch.setattr(
            validator, "gather_objects", lambda mine: shards.append(mine) or shards[::-1]
        )
        model.validation(loader(f"two{rank}", num_clip=5), 1, None)
    assert [len(scores) for scores in shards] == [2 * 2, 3 * 2]
    merged = (tmp_path / "metrics/two0.csv").read_text()
    rows = [line.replace("two0", "one").replace("two1", "one") for line in merged.splitlines()]
    assert rows == expected.splitlines()


def test_tensorboard_gets_the_means(tmp_path):
    points = []

    class Board:
        def add_scalar(self, *point):
            points.append(point)

    model = make_model(tmp_path)
    model.validation(loader(), 4, Board())
    assert points == [(f"metrics/val/{k}", v, 4) for k, v in model.metric_results.items()]


def test_no_prediction_outlives_its_turn():
    earlier, alive = [], []

    def watch(_method, _batch, pred_m):
        alive.append(sum(reference() is not None for reference in earlier))
        earlier.append(weakref.ref(pred_m))

    dataset = TinyClips({"name": "d", "num_clip": 2, "scale": 2, "lq_size": (4, 4)})
    methods = {"a": Repeat(), "b": Repeat()}
    list(score_clips(dataset, [0, 1], methods, [RMSE], CPU, watch))
    assert alive == [0, 0, 0, 0]


def test_a_batch_of_one_shares_the_memory_of_the_clip():
    item = TinyClips({"name": "d", "num_clip": 1, "scale": 2})[0]
    batch = as_batch(item)
    assert batch["gt"].shape == (1, *item["gt"].shape)
    assert batch["gt"].data_ptr() == item["gt"].data_ptr()
    assert (batch["clip"], batch["frame"].tolist()) == (["d/clip0"], [0])


def test_visuals_are_the_last_batch(tmp_path):
    model = make_model(tmp_path)
    (batch,) = batches(1)
    model.feed_data(batch)
    model.test()
    visuals = model.get_current_visuals()
    assert torch.equal(visuals["gt"], batch["gt"])
    expected = predict_padded(model.net_g, batch["lq"], batch["guide"])
    assert torch.equal(visuals["result"], expected)
    model.feed_data({key: batch[key] for key in ("lq", "guide")})
    assert model.get_current_visuals().keys() == {"lq", "result"}  # no truth of an earlier batch


@pytest.mark.skipif(not REAL.exists(), reason="needs the real frames at datasets/DyDToF")
def test_plain_interpolation_of_the_real_clip_gives_the_published_errors(tmp_path):
    section = {"name": "real", "type": "RGBDVideoTestDataset", "source": "DyDToF", "scale": 16}
    opt = {**options(tmp_path, is_train=False), "scale": 16}
    opt["network_g"] = {"type": "Interpolation", "scale": 16, "mode": "bicubic"}
    data = RGBDVideoTestDataset({**section, "phase": "test", "dataroot": str(REAL)})
    model = make_model(tmp_path, opt)
    model.validation(torch.utils.data.DataLoader(data), "real", None)
    means = {
        r["method"]: r for r in read_rows(tmp_path / "metrics/real.csv") if r["clip"] == "mean"
    }
    cm = {m: tuple(round(float(r[k]), 2) for k in METRICS) for m, r in means.items()}
    assert cm == {"bilinear": (47.31, 13.13), "Interpolation": (48.75, 14.83)}
