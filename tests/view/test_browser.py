"""The page in headless Chromium, as a visitor uses it.

python -m pytest -m slow tests/view/test_browser.py

STDNET_PICTURES=FOLDER also takes pictures of the page for the docs.
"""

import os
import re
import shutil
import time
import zipfile

import cv2
import numpy as np
import pytest
from served_page import Served

from stdnet_arch.data.synthetic.recording import write_synthetic_recording
from stdnet_arch.inference.jobs.command import main

playwright = pytest.importorskip(
    "playwright.sync_api", reason="needs Playwright: pip install playwright"
)
pytest.importorskip("gradio", reason="needs the extra [view]: pip install -e .[view]")

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
PICTURES = os.environ.get("STDNET_PICTURES")
SIZE, FRAMES = (96, 128), 6
PATIENCE_MS = 600_000
ARGUMENTS = ["--no-sandbox", "--enable-unsafe-swiftshader"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """The synthetic clip, and what infer makes of it."""
    folder = tmp_path_factory.mktemp("page")
    write_synthetic_recording(folder / "clip", FRAMES, SIZE, 4)
    clip = [f"--{name}={folder / 'clip' / part}" for name, part in
            (("depth", "depth"), ("rgb", "rgb"), ("gt", "gt"))]  # fmt: skip
    assert main([*clip, "-o", str(folder / "out"), "--error-map", "--device=cpu", "--quiet"]) == 0
    return folder


@pytest.fixture(scope="module")
def served(root):
    made = Served(root)
    yield made
    made.sessions.close_all()


@pytest.fixture(scope="module")
def address(served):
    from stdnet_arch.view.server import serve

    server = serve(served.app, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.port}/"
    server.stop()


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        made = started.chromium.launch(
            executable_path=CHROMIUM, args=ARGUMENTS, timeout=PATIENCE_MS
        )
        yield made
        made.close()


@pytest.fixture(scope="module")
def asked():
    """Addresses that the browser asked for."""
    return []


@pytest.fixture(scope="module")
def new_tab(browser, address, asked):
    """A function that opens the page as a new visitor."""

    def make():
        size = {"width": 1400, "height": 1150}
        tab = browser.new_context(accept_downloads=True, viewport=size).new_page()
        tab.set_default_timeout(PATIENCE_MS)
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto(address)
        tab.locator("#open").wait_for()
        return tab

    return make


@pytest.fixture(scope="module")
def tab(new_tab, root):
    """A visitor who has run the synthetic clip."""
    made = new_tab()
    fill(made, depth="clip/depth", rgb="clip/rgb", truth="clip/gt", options=camera(root))
    made.locator("#open").click()
    look(made).locator("#viewer").wait_for()
    made.opening = lines(made)
    made.before = look(made).locator("#left option").all_text_contents()
    made.locator("#run").click()
    made.get_by_text(f"ended: {FRAMES} of {FRAMES} frames").wait_for()
    look(made).locator("#right option[value=error]").wait_for(state="attached")
    return made


def camera(root):
    return "--intrinsics " + (root / "clip/intrinsics.txt").read_text()


def fill(tab, **fields):
    for name, text in fields.items():
        tab.locator(f"#{name} textarea, #{name} input").first.fill(text)


def lines(tab):
    return tab.locator("#lines textarea").input_value()


def look(tab):
    return tab.frame_locator("#look")


def set_slider(frame, name, value):
    script = "(field, value) => { field.value = value; field.dispatchEvent(new Event('input')); }"
    frame.locator(f"#{name}").evaluate(script, value)


def hover(frame, x, y):
    stage = frame.locator("#stage")
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    place = {"x": (x + 0.5) / SIZE[1] * box["width"], "y": (y + 0.5) / SIZE[0] * box["height"]}
    stage.hover(position=place, force=True)
    frame.get_by_text(f"x {x}, y {y}").wait_for()


def values(frame):
    rows = frame.locator("#values tr").all()
    return dict(row.locator("td").all_text_contents() for row in rows)


def test_the_opening_line_stands_there_before_anything_runs(tab):
    assert re.match(r"weights plane_blend_x4.*\ndepth and RGB.*6 frames", tab.opening, re.DOTALL)
    assert tab.before == ["RGB", "LR depth", "bilinear", "truth"]


def test_a_run_tells_its_frames_per_second(tab):
    said = tab.locator("#progress").inner_text()
    assert re.search(r"6 of 6 frames, \d+\.\d\d frames/s", said)


def test_two_views_are_parted_by_a_slider(tab):
    frame = look(tab)
    frame.locator("#left").select_option("bilinear")
    frame.locator("#right").select_option("expected error")
    set_slider(frame, "split", 250)
    style = frame.locator("#image-right").get_attribute("style")
    assert "inset(0px 0px 0px 25%)" in style
    assert frame.locator("#tag-left").inner_text() == "bilinear"


def test_the_frame_slider_shows_another_frame(tab):
    frame = look(tab)
    set_slider(frame, "frame", 4)
    assert frame.locator("#name").inner_text() == "000004 (5 of 6)"
    assert "/picture/4/" in frame.locator("#image-left").get_attribute("src")


@pytest.mark.parametrize(("i", "x", "y"), [(0, 5, 40), (3, 70, 11), (5, 127, 95)])
def test_the_value_under_the_mouse_is_that_of_the_file(tab, root, i, x, y):
    frame = look(tab)
    set_slider(frame, "frame", i)
    hover(frame, x, y)
    told = {view: text for view, text in values(frame).items() if text.endswith(" m")}
    for view, folder in (("prediction", "out"), ("expected error", "out/error_map"),
                         ("truth", "clip/gt")):  # fmt: skip
        stored = cv2.imread(str(root / folder / f"{i:06d}.png"), -1)[y, x] / 1000
        assert told[view] == f"{stored:.4f} m"


def test_the_row_under_the_cursor_is_shown_over_time(tab):
    frame = look(tab)
    hover(frame, 20, 33)
    image = frame.locator(".slice img").first
    frame.get_by_text("Row 33 over time").wait_for()
    image.wait_for()
    size = image.evaluate(
        "image => image.decode().then(() => [image.naturalWidth, image.naturalHeight])"
    )
    assert size == [SIZE[1], FRAMES]


def test_points_can_be_turned(tab):
    frame = look(tab)
    frame.locator("#show-points").click()
    frame.get_by_text(f"{SIZE[0] * SIZE[1]} points of frame").wait_for()
    canvas = frame.locator("#points")
    canvas.scroll_into_view_if_needed()
    before, turn = canvas.screenshot(), canvas.get_attribute("data-turn")
    box = canvas.bounding_box()
    tab.mouse.move(box["x"] + 100, box["y"] + 100)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 300, box["y"] + 140, steps=4)
    tab.mouse.up()
    assert canvas.get_attribute("data-turn") != turn
    changed = decoded(before) != decoded(canvas.screenshot())
    assert changed.any(axis=-1).mean() > 0.02


def decoded(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), -1)


def test_the_download_is_what_infer_writes(tab, root, tmp_path):
    with tab.expect_download() as begun:
        look(tab).locator("#download").click()
    begun.value.save_as(tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as packed:
        got = {name: packed.read(name) for name in packed.namelist()}
    files = {path for path in (root / "out").rglob("*") if path.is_file()}
    assert got == {str(path.relative_to(root / "out")): path.read_bytes() for path in files}


@pytest.mark.skipif(PICTURES is None, reason="pictures for the docs: set STDNET_PICTURES")
def test_the_page_sits_for_its_pictures(tab):
    tab.set_viewport_size({"width": 1400, "height": 1640})  # from the first field to the slices
    frame = look(tab)
    for side, view in (("left", "LR depth"), ("right", "prediction")):
        frame.locator(f"#{side}").select_option(view)
    set_slider(frame, "frame", 3)
    set_slider(frame, "split", 500)
    hover(frame, 100, 40)
    frame.locator(".slice img").nth(1).wait_for()
    tab.wait_for_timeout(2000)
    tab.evaluate("window.scrollTo(0, 0)")
    tab.screenshot(path=f"{PICTURES}/view.jpg", type="jpeg", quality=80, full_page=False)
    frame.locator("#points").screenshot(path=f"{PICTURES}/view_points.jpg", type="jpeg", quality=85)


def test_a_finished_result_is_shown_without_computing(new_tab, root):
    tab = new_tab()
    fill(tab, depth="out")
    before = {path: path.stat().st_mtime_ns for path in (root / "out").rglob("*")}
    tab.locator("#open").click()
    look(tab).locator("#viewer").wait_for()
    assert "prediction" in look(tab).locator("#right option").all_text_contents()
    assert {path: path.stat().st_mtime_ns for path in (root / "out").rglob("*")} == before


def test_a_broken_upload_is_told_and_an_honest_one_runs(new_tab, root, tmp_path):
    tab = new_tab()
    whole = shutil.make_archive(str(tmp_path / "clip"), "zip", root / "clip")
    broken = tmp_path / "broken.zip"
    broken.write_bytes((tmp_path / "clip.zip").read_bytes()[:3000])
    tab.locator("#uploads button").first.click()
    tab.locator("#upload-depth input[type=file]").set_input_files(broken)
    tab.get_by_text("expected a readable zip file").wait_for()
    tab.locator("#upload-depth input[type=file]").set_input_files(whole)
    tab.get_by_text("taken: clip.zip").wait_for()
    tab.locator("#open").click()
    look(tab).locator("#viewer").wait_for()
    assert "6 frames" in lines(tab)


def test_two_visitors_do_not_see_each_other_and_take_their_files_along(new_tab, served, root):
    tab, before = new_tab(), set(served.sessions.root.iterdir())
    fill(tab, depth="clip/depth", rgb="clip/rgb")
    tab.locator("#open").click()
    look(tab).locator("#viewer").wait_for()
    (mine,) = set(served.sessions.root.iterdir()) - before
    assert look(tab).locator("#right option").all_text_contents() == ["RGB", "LR depth", "bilinear"]
    tab.context.close()
    assert is_soon(lambda: not mine.exists())


def is_soon(happens):
    ends_s = time.monotonic() + PATIENCE_MS / 1000
    while not happens() and time.monotonic() < ends_s:
        time.sleep(0.1)
    return happens()


def test_the_browser_asked_this_server_alone(tab, address, asked):
    assert len(asked) > 20
    strange = [url for url in asked if not url.startswith((address, "blob:", "data:"))]
    assert strange == []
