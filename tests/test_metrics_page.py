"""The page on metrics: it names all of them, its YAML runs, and the truth is judged as it says."""

import math
import re
from pathlib import Path

import pytest
import torch
import yaml
from basicsr.data import build_dataset
from basicsr.utils.registry import METRIC_REGISTRY

from stdnet_arch.archs.interpolation_arch import Interpolation
from stdnet_arch.models.validation import ClipScore, read_metrics, score_clips

PAGE = (Path(__file__).parent.parent / "docs/metrics.md").read_text(encoding="utf-8")
OPT = yaml.safe_load(re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[1])
METRICS = read_metrics(OPT["val"]["metrics"])
OURS = [name for name, f in METRIC_REGISTRY if f.__module__.startswith("stdnet_arch.")]
NOT_ZERO_FOR_THE_TRUTH = {"opw_cm", "tae_percent"}


class Truth(torch.nn.Module):
    """Predicts what it was told."""

    scale = multiple_of = 1

    def __init__(self, gt):
        super().__init__()
        self.gt = gt

    def forward(self, lq, guide):
        return {"pred": self.gt[None]}


@pytest.fixture(scope="module")
def scores() -> dict[str, ClipScore]:
    """Scores of the truth and of two interpolations on the first clip of the page's dataset."""
    dataset = build_dataset({**OPT["datasets"]["test"], "phase": "test", "scale": 4})
    methods = {mode: Interpolation(scale=4, mode=mode) for mode in ("nearest", "bilinear")}
    methods["truth"] = Truth(dataset[0]["gt"])
    (scores,) = score_clips(dataset, [0], methods, METRICS, torch.device("cpu"))
    return {score.method: score for score in scores}


@pytest.mark.parametrize("name", OURS)
def test_the_table_names_every_metric(name):
    names = [row.split("|")[1] for row in PAGE.splitlines() if row.startswith("| `calculate_")]
    assert sum(f"`{name}`" in cell for cell in names) == 1


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_the_truth_is_perfect(metric, scores):
    value = scores["truth"].values[metric.name]
    perfect = 1 if metric.better == "higher" else 0
    # Centimetres of depths normalised in float32 come back to a thousandth.
    expected = pytest.approx(perfect, abs=1e-3)
    assert math.isfinite(value)
    assert (value == expected) != (metric.name in NOT_ZERO_FOR_THE_TRUTH)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_interpolation_is_worse_than_the_truth(metric, scores):
    truth, bilinear = (scores[name].values[metric.name] for name in ("truth", "bilinear"))
    assert (bilinear > truth) if metric.better == "lower" else (bilinear < truth)


def test_edges_and_motion_are_where_interpolation_fails(scores):
    values = scores["bilinear"].values
    assert values["mae_edge_cm"] > 5 * values["mae_flat_cm"]
    assert values["rmse_moving_cm"] != values["rmse_static_cm"]
