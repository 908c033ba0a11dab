"""Pictures of the predictions that a benchmark kept."""

import base64
import math
import re

import cv2
import numpy as np
import pytest

from stdnet_arch.evaluation.benchmark import benchmark_samples
from stdnet_arch.evaluation.benchmark.benchmark_samples import SHOWN, sample_pictures

ROOMS = {
    "type": "RGBDVideoTestDataset",
    "source": "Synthetic",
    "source_opt": {"num_clips": 1, "num_frame": 2, "size": [32, 48]},
}


def found(better, *means, **more):
    results = [
        {"method": f"m{i}", "slug": f"m{i}", "dataset": "rooms", "means": {"x": mean}, **more}
        for i, mean in enumerate(means)
    ]
    return {"metrics": {"x": better}, "results": results}


def test_pictures_decode(tmp_path):
    (tmp_path / "samples").mkdir()
    np.savez(tmp_path / "samples/m0@rooms.npz", pred_m=np.ones((2, 32, 48), np.float32))
    pictures = sample_pictures(found("lower", 1.0), {"rooms": ROOMS}, 4, tmp_path, True)
    data = [re.search(r"base64,([^\"]+)", html)[1] for html in pictures]
    images = [cv2.imdecode(np.frombuffer(base64.b64decode(d), np.uint8), 1) for d in data]
    assert [image.ndim for image in images] == [3, 3, 3]
    # Frames, depth and slices: not a blank among them, and none is another one.
    assert all(len(np.unique(image.reshape(-1, 3), axis=0)) > 50 for image in images)
    assert len({image.tobytes() for image in images}) == 3


def test_without_predictions_there_is_no_picture(tmp_path):
    assert sample_pictures(found("lower", 1.0), {"rooms": ROOMS}, 4, tmp_path, False) == []


@pytest.mark.parametrize(
    ("better", "order"), [("lower", ["m0", "m3", "m1"]), ("higher", ["m0", "m1", "m3"])]
)
def test_the_first_is_shown_and_then_the_best(better, order):
    shown = benchmark_samples._shown(found(better, 5.0, 4.0, math.nan, 1.0), "rooms")
    assert [result["method"] for result in shown] == order


def test_few_are_shown_and_none_that_failed():
    assert len(benchmark_samples._shown(found("lower", *range(9)), "rooms")) == SHOWN
    assert benchmark_samples._shown(found("lower", 1.0, error="no"), "rooms") == []
