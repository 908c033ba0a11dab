"""The page of a benchmark."""

import base64
import re

import cv2
import numpy as np
import pytest
import torch

from stdnet_arch.evaluation.benchmark.benchmark_report import (
    clip_pictures,
    draw_frame_curves,
    draw_scatter,
    picture,
    write_report,
)


def result(method, rmse_cm, share, parameters=0, **more):
    means = {"rmse_cm": rmse_cm, "share": share}
    clips = [{"clip": "c", "rmse_per_frame_cm": [rmse_cm, None, rmse_cm]}]
    basis = {"dataset": "rooms", "means": means, "clips": clips, "parameters": parameters}
    return {"method": method, **basis, **more}


FAILED = {"method": "bad", "dataset": "rooms", "means": {}, "error": "ValueError: <no>"}
GOOD, SHARP = result("good", 2.0, 0.5), result("sharp", 3.0, 0.75, 1234)
FOUND = {
    "name": "a&b",
    "title": "Rooms < halls",
    "remarks": ["said once"],
    "training": "3 iterations",
    "machine": {"cores": 2},
    "metrics": {"rmse_cm": "lower", "share": "higher"},
    "results": [GOOD, SHARP, FAILED],
    "cost": [
        {"method": "good", "size": "16x24", "ms/frame": 2.0},
        {"method": "bad", "size": "16x24", "ms/frame": None},
    ],
    "published": [{"method": "printed", "rmse_cm": "18.23"}],
}  # fmt: skip


@pytest.fixture
def page(tmp_path):
    write_report(FOUND, tmp_path / "page.html", ["<p>a strip</p>"])
    return (tmp_path / "page.html").read_text()


def decoded(html):
    data = re.search(r'src="data:image/jpeg;base64,([^"]+)"', html)[1]
    return cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), 1)[..., ::-1]


def test_the_page_needs_nothing_from_outside(page):
    sources = re.findall(r'(?:src|href)="([^"]{5})', page)
    assert set(sources) == {"data:"}
    assert "<script" not in page
    assert "http" not in page


def test_the_best_of_each_metric_is_marked(page):
    assert re.findall(r'class="best">([^<]+)', page) == ["2.000", "0.750"]


def test_a_method_that_failed_is_shown_with_its_error(page):
    row = re.search(r'<tr class="failed">.*?</tr>', page)[0]
    assert "ValueError: &lt;no&gt;" in row


def test_published_numbers_stand_apart(page):
    before, apart = page.split('<div class="apart">')
    assert "18.23" in apart
    assert "18.23" not in before
    assert "not to be compared" in " ".join(apart.split())


def test_texts_are_escaped(page):
    assert "<title>a&amp;b</title>" in page
    assert "<h1>Rooms &lt; halls</h1>" in page


def test_quality_stands_against_parameters_and_time(page):
    captions = re.findall("<figcaption>([^<]+)", page)
    assert captions[:2] == ["rmse_cm against parameters", "rmse_cm against ms/frame at 16x24"]
    assert "<p>a strip</p>" in page


def test_without_costs_there_is_no_scatter_of_time(tmp_path):
    write_report({**FOUND, "cost": []}, tmp_path / "page.html")
    assert "ms/frame" not in (tmp_path / "page.html").read_text()


def test_a_picture_decodes_to_its_colours():
    image = np.zeros((16, 24, 3), np.uint8) + np.uint8([200, 100, 50])
    found = decoded(picture(image, 'a "caption"'))
    assert np.abs(found.astype(int) - image).max() <= 4


def test_a_scatter_moves_with_the_cost():
    cheap = draw_scatter([GOOD, SHARP], "rmse_cm", {"good": 1.0, "sharp": 9.0}, "ms")
    dear = draw_scatter([GOOD, SHARP], "rmse_cm", {"good": 8.0, "sharp": 9.0}, "ms")
    assert cheap.shape == dear.shape
    assert (cheap != dear).any()


def test_parameters_do_not_stand_in_for_a_cost_that_is_missing():
    few, many = ({**SHARP, "parameters": number} for number in (10, 10**6))
    one, two = (draw_scatter([GOOD, r], "rmse_cm", {"good": 2.0}, "ms") for r in (few, many))
    np.testing.assert_array_equal(one, two)


def test_what_failed_or_has_no_mean_is_not_drawn():
    more = [FAILED, result("empty", None, 0.1), result("broken", np.inf, 0.1)]
    np.testing.assert_array_equal(
        draw_scatter([GOOD, *more], "rmse_cm"), draw_scatter([GOOD], "rmse_cm")
    )


def test_what_failed_has_no_curve():
    np.testing.assert_array_equal(draw_frame_curves([GOOD, FAILED]), draw_frame_curves([GOOD]))


@pytest.mark.parametrize("show_data", [False, True])
def test_pictures_of_a_clip_are_a_strip_and_two_slices(show_data):
    item = {
        "clip": "c", "lq": torch.rand(3, 1, 8, 10), "gt": torch.rand(3, 1, 32, 40),
        "guide": torch.rand(3, 3, 32, 40), "valid": torch.ones(3, 1, 32, 40, dtype=torch.bool),
        "depth_range_m": torch.tensor(5.0),
    }  # fmt: skip
    pictures = clip_pictures(item, {"flat": np.ones((2, 32, 40), np.float32)}, show_data)
    assert len(pictures) == 3
    assert "row " in pictures[1]
    assert "column " in pictures[2]
    assert min(min(decoded(html).shape[:2]) for html in pictures) >= 2


def test_data_that_may_not_be_shown_is_not_in_the_slices(monkeypatch):
    drawn = []
    monkeypatch.setattr(
        "stdnet_arch.evaluation.benchmark.benchmark_report.draw_profile",
        lambda *a, **k: drawn.append(a) or np.zeros((4, 4, 3), np.uint8),
    )
    item = {
        "clip": "c", "lq": torch.rand(2, 1, 8, 10), "gt": torch.rand(2, 1, 32, 40),
        "guide": torch.rand(2, 3, 32, 40), "valid": torch.ones(2, 1, 32, 40, dtype=torch.bool),
        "depth_range_m": torch.tensor(5.0),
    }  # fmt: skip
    clip_pictures(item, {"flat": np.ones((2, 32, 40), np.float32)}, show_data=False)
    assert [(guide, list(shown)) for guide, shown, _ in drawn] == [(None, ["flat"])] * 2
