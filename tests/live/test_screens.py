"""What is shown, and where."""

import numpy as np
import pytest

from stdnet_arch.data.codecs.rgb_codec import decode_rgb
from stdnet_arch.inference.predictor import Prediction
from stdnet_arch.live import screens
from stdnet_arch.live.pictures import FramePainter, picked
from stdnet_arch.live.screens import has_display, open_screen
from stdnet_arch.visual.caption import HEIGHT, add_caption
from stdnet_arch.visual.colorize import colorize_depth

RGB = np.random.default_rng(0).integers(0, 256, (12, 20, 3)).astype(np.uint8)
LQ_M = np.linspace(1, 2, 15, dtype=np.float32).reshape(3, 5)
PRED_M = np.linspace(1, 2, 240, dtype=np.float32).reshape(12, 20)


def prediction(error_m=None):
    return Prediction(PRED_M, np.ones((12, 20), bool), error_m)


def test_panels_stand_side_by_side_in_one_range_of_colours():
    painter = FramePainter()
    drawn = painter.draw(RGB, LQ_M, prediction())
    assert drawn.shape == (12, 60, 3)
    np.testing.assert_array_equal(drawn[:, :20], RGB)
    expected = colorize_depth(LQ_M, painter.limits).repeat(4, 0).repeat(4, 1)
    np.testing.assert_array_equal(drawn[:, 20:40], expected)
    np.testing.assert_array_equal(drawn[:, 40:], colorize_depth(PRED_M, painter.limits))


def test_expected_errors_are_a_panel_of_their_own():
    drawn = FramePainter().draw(RGB, LQ_M, prediction(np.zeros((12, 20), np.float32)))
    assert drawn.shape == (12, 80, 3)
    assert drawn[:, 60:].max() <= 4  # no error is nearly black


def test_the_range_of_colours_only_grows():
    painter = FramePainter()
    for factor in (1, 3, 0.5, 1):
        painter.draw(RGB, factor * LQ_M, prediction())
    assert painter.limits.near_m == pytest.approx(0.5, rel=0.02)
    assert painter.limits.far_m == pytest.approx(6, rel=0.02)


def test_holes_are_black_and_a_frame_without_depth_can_be_drawn():
    drawn = FramePainter().draw(RGB, np.zeros((3, 5), np.float32), prediction())
    assert not drawn[:, 20:40].any()


def test_a_line_of_text_stands_below_the_picture():
    drawn = add_caption(np.zeros((30, 200, 3), np.uint8), "12.5 frames/s")
    assert drawn.shape == (30 + HEIGHT, 200, 3)
    assert not drawn[:30].any()
    assert drawn[30:, :110].max() > 200
    assert not drawn[30:, 110:].any()


def test_wide_frames_become_panels_of_bounded_size():
    image = np.arange(6000).reshape(3, 2000)
    assert picked(image, (1, 4)).tolist() == [[2250, 2750, 3250, 3750]]


@pytest.mark.skipif(screens.sys.platform != "linux", reason="other systems have windows")
def test_without_a_display_the_page_is_opened_and_a_window_is_refused(monkeypatch):
    for name in screens.DISPLAYS:
        monkeypatch.delenv(name, raising=False)
    assert open_screen("auto", lambda: "the page") == "the page"
    with pytest.raises(ValueError, match="needs a display.*--screen page"):
        open_screen("window", lambda: "the page")
    assert has_display({"WAYLAND_DISPLAY": "wayland-0"})


@pytest.mark.skipif(not has_display(), reason="needs a display, such as that of xvfb-run")
def test_a_window_shows_pictures_until_it_is_closed():
    import cv2

    window = open_screen("auto", lambda: "the page")
    assert window.name == "window"
    assert window.show(RGB)
    assert window.show(RGB)
    cv2.destroyAllWindows()
    assert not window.show(RGB)
    window.close()


def test_the_page_shows_the_newest_picture():
    pytest.importorskip("gradio", reason="needs the extra view")
    from urllib.request import urlopen

    from stdnet_arch.live.page import Page

    page = Page(0)
    address = f"http://127.0.0.1:{page.server.port}"
    flat = np.full((16, 24, 3), 90, np.uint8)
    page.show(255 - flat)
    page.show(flat)
    try:
        assert b"live.mjpg" in urlopen(address, timeout=60).read()
        answer = urlopen(f"{address}/live.mjpg", timeout=60)
        head = [answer.readline() for _ in range(4)]
        shown = decode_rgb(answer.read(int(head[2].split()[1])), "picture")
    finally:
        page.close()
    np.testing.assert_allclose(shown, flat, atol=2)
