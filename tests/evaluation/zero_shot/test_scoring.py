"""Zero-shot scores: against NumPy, and what a network is shown of holes and steps."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from boxes_beside import frame
from torch import nn

from stdnet_arch.data.recordings.rgb_registration import find_registration
from stdnet_arch.evaluation.zero_shot import scoring
from stdnet_arch.evaluation.zero_shot.scenes import SceneFiles, SceneFrames
from stdnet_arch.evaluation.zero_shot.scoring import (
    LqRule,
    make_case,
    mean_and_worst,
    predict_scene,
    read_rule,
    score,
    stand_in,
)


def make_scene(video=True, frames=3, size=(18, 25)):
    """Depth of 1 to 3 m with a hole as large as an LR pixel; sides that 4 does not divide."""
    rng = np.random.default_rng(5)
    depth_m = rng.uniform(1, 3, (frames, *size)).astype(np.float32)
    depth_m[:, 4:8, 8:12] = 0
    rgb = rng.integers(1, 255, (frames, *size, 3), dtype=np.uint8)
    return SceneFrames(
        "room", rgb, depth_m, depth_m > 0, SceneFiles(name="room", folder="", video=video)
    )


class Spy(nn.Module):
    """Bilinear depth and a constant error; remembers what it saw."""

    halo, causal, multiple_of, scale = 0, True, 1, 4
    takes_holes = True

    def __init__(self):
        super().__init__()
        self.step, self.seen = 0.3, []

    def forward(self, lq, guide):
        self.seen.append((lq, guide, self.step))
        pred = F.interpolate(lq[:, :, 0], scale_factor=4, mode="bilinear")[:, :, None]
        return {"pred": pred, "error": torch.full_like(pred, 0.5)}


def test_errors_are_those_of_numpy_over_the_pixels_with_truth():
    scene = make_scene()
    row = score(lambda lq_m, rgb: np.full(rgb.shape[:3], 2.0, np.float32), [scene], 4)[0]
    truth_m = scene.depth_m[:, :16, :24]
    errors_cm = 100 * (truth_m[truth_m > 0].astype(np.float64) - 2)
    assert row.rmse_cm == pytest.approx(np.sqrt((errors_cm**2).mean()), rel=1e-6)
    assert row.mae_cm == pytest.approx(np.abs(errors_cm).mean(), rel=1e-6)


def test_bilinear_has_a_ratio_of_one():
    net = Spy()
    net.takes_holes = False
    row = score(net, [make_scene()], 4, "area")[0]
    assert row.ratio == pytest.approx(1, rel=1e-5)
    assert row.rmse_cm == pytest.approx(row.bilinear_rmse_cm, rel=1e-5)


def test_rows_and_columns_that_fill_no_lr_pixel_are_cut_off():
    case = make_case(make_scene(), 4, "area")
    assert case.lq_m.shape == (3, 4, 6)
    assert case.rgb.shape == (3, 16, 24, 3)


def test_block_means_leave_holes_out():
    scene = make_scene()
    lq_m = make_case(scene, 4, "area").lq_m
    assert lq_m[0, 2, 1] == pytest.approx(scene.depth_m[0, 8:12, 4:8].mean(), rel=1e-6)
    assert lq_m[0, 1, 2] == 0


def test_a_network_that_takes_holes_sees_zero_in_them():
    net = Spy()
    predict_scene(net, make_scene(), make_case(make_scene(), 4, "area"))
    assert net.seen[0][0][0, 0, 0, 1, 2] == 0


def test_another_network_sees_no_hole():
    net = Spy()
    net.takes_holes = False
    predict_scene(net, make_scene(), make_case(make_scene(), 4, "area"))
    assert (net.seen[0][0] > 0).all()


def test_a_network_is_told_the_step_in_units_of_its_depth():
    net, scene = Spy(), make_scene()
    predict_scene(net, scene, make_case(scene, 4, "dtof_peak"), depth_range_m=5.0)
    assert net.seen[0][2] == pytest.approx(100 / 1023 / 5, rel=1e-3)
    assert net.step == 0.3


@pytest.mark.parametrize("preset", ["realsense", "iphone", "dtof_photons"])
def test_a_sensor_with_faults_gives_the_same_frames_again(preset):
    scene = make_scene(size=(64, 96))
    rule = LqRule("bad", preset=preset)
    first, again = (make_case(scene, 4, rule).lq_m for scene in (scene, make_scene(size=(64, 96))))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, make_case(scene, 4, "area").lq_m)
    other = make_case(scene, 4, LqRule("bad", preset=preset, seed=1)).lq_m
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("said", [{}, {"lq": "area", "preset": "iphone"}, {"preset": "sonar"}])
def test_a_rule_is_one_thing_that_is_known(said):
    with pytest.raises(ValueError, match=r"rules\.x"):
        LqRule("x", **said)


def test_a_name_is_a_rule_or_a_sensor():
    assert (read_rule("area").lq, read_rule("area").preset) == ("area", None)
    assert (read_rule("iphone").lq, read_rule("iphone").preset) == (None, "iphone")
    with pytest.raises(ValueError, match="sonar"):
        read_rule("sonar")


def test_unrounded_depth_has_no_step():
    net, scene = Spy(), make_scene()
    predict_scene(net, scene, make_case(scene, 4, "nearest"))
    assert net.seen[0][2] == 0


def test_errors_of_a_network_come_in_metres():
    scene = make_scene()
    maps = predict_scene(Spy(), scene, make_case(scene, 4, "area"), depth_range_m=5.0)
    assert np.allclose(maps["error_m"], 2.5)
    assert maps["error_m"].shape == maps["depth_m"].shape == (3, 16, 24)


def test_stills_go_through_a_network_one_by_one():
    net, scene = Spy(), make_scene(video=False)
    predict_scene(net, scene, make_case(scene, 4, "area"))
    assert [lq.shape[1] for lq, _, _ in net.seen] == [1, 1, 1]


def test_a_frame_without_low_resolution_depth_gets_the_one_before_and_does_not_count(caplog):
    scene = make_scene()
    scene.depth_m[1] = 0
    case = make_case(scene, 4, "area")
    assert np.array_equal(case.lq_m[1], case.lq_m[0])
    assert not case.valid[1].any()
    assert case.valid[[0, 2]].any()
    assert "1 frames without any LR depth" in caplog.text


def test_first_frames_without_depth_get_the_first_with_some():
    lq_m = np.zeros((3, 2, 2), np.float32)
    lq_m[2] = 5
    filled, blank = stand_in(lq_m)
    assert (filled == 5).all()
    assert blank.tolist() == [True, True, False]


def test_a_scene_without_any_depth_is_an_error():
    scene = make_scene()
    scene.depth_m[:] = 0
    with pytest.raises(ValueError, match="none in any frame"):
        make_case(scene, 4, "area")


def test_mean_and_worst_ratio():
    rows = score(lambda lq_m, rgb: np.ones(rgb.shape[:3], np.float32), [make_scene()], 4)
    halved = rows[0]._replace(rmse_cm=rows[0].rmse_cm / 2)
    mean, worst = mean_and_worst([rows[0], halved])
    assert worst == rows[0].ratio
    assert mean == pytest.approx(0.75 * rows[0].ratio)


def test_rows_of_several_rules_hold_the_errors_of_each_scene(monkeypatch):
    scene = make_scene()
    monkeypatch.setattr(scoring, "load_scenes", lambda root, frames: [scene])
    rows = scoring.zero_shot_rows(Spy(), "anywhere", 4, ["area", "dtof_peak"])
    expected = score(Spy(), [scene], 4, "area")[0]
    assert [row["rule"] for row in rows] == ["area", "dtof_peak"]
    assert rows[0]["ratio_mean"] == rows[0]["ratio_worst"] == expected.ratio
    assert rows[0]["scenes"]["room"] == pytest.approx([expected.rmse_cm, expected.mae_cm], abs=1e-3)


def boxes(zoom):
    """A scene whose RGB lies beside its true depth, unless ``zoom`` is 1."""
    frames = [frame(seed, zoom, (5.0, 0.0) if zoom != 1 else (0.0, 0.0)) for seed in range(1, 6)]
    depth_m = np.stack([np.kron(d, np.ones((4, 4), np.float32)) for d, _ in frames])
    rgb = np.stack([rgb for _, rgb in frames])
    return SceneFrames("boxes", rgb, depth_m, depth_m > 0, SceneFiles(name="boxes", folder=""))


def test_rgb_beside_its_depth_is_moved_the_same_in_all_frames():
    case = make_case(boxes(0.93), 4, "nearest")
    found = find_registration(zip(case.lq_m[::2], case.rgb[::2], strict=True))
    np.testing.assert_array_equal(case.registered.rgb, [found.apply(one) for one in case.rgb])
    assert case.registered.lq_m is case.lq_m


def test_rgb_that_fits_is_left_where_it_is():
    case = make_case(boxes(1.0), 4, "nearest")
    assert case.registered is case


class Pairs(Spy):
    """Needs two frames and a finite halo; adds a thousandth of the frame after, or of the last."""

    halo, causal, min_frames = 1, False, 2

    def forward(self, lq, guide):
        made = super().forward(lq, guide)
        assert lq.shape[1] >= 2
        after = torch.cat((made["pred"][:, 1:], made["pred"][:, -1:]), 1)
        return {**made, "pred": made["pred"] + after / 1000}


def test_a_network_that_needs_two_frames_sees_a_still_twice():
    scene = make_scene(video=False)
    case = make_case(scene, 4, "area")
    made = predict_scene(Pairs(), scene, case)
    plain = predict_scene(Spy(), scene, case)
    assert made["depth_m"].shape == plain["depth_m"].shape == case.depth_m.shape
    np.testing.assert_allclose(made["depth_m"], plain["depth_m"] * 1.001, rtol=1e-6)
    assert made["error_m"].shape == case.depth_m.shape
