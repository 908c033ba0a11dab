"""The output folder knows whose it is, what is missing and when it is done."""

import pytest

from stdnet_arch.inference.jobs.outputs import OutputFolder

NAMES = ["a", "b", "c"]
SETTINGS = {"weights": "1234", "unit": None, "depth_range_m": 10.0}


@pytest.fixture
def output(tmp_path):
    return OutputFolder(tmp_path / "out", "npy")


def fill(output, *names):
    output.folder.mkdir(exist_ok=True)
    for name in names:
        output.path(name).touch()


def test_the_first_missing_frame_counts(output):
    assert output.first_missing(NAMES) == 0
    fill(output, "a", "c")
    assert output.first_missing(NAMES) == 1
    fill(output, "b")
    assert output.first_missing(NAMES) == 3


def test_done_means_finished_with_these_settings_and_all_frames_there(output):
    output.claim(SETTINGS)
    fill(output, *NAMES)
    assert not output.is_done(SETTINGS)
    output.finish(3)
    assert output.is_done(SETTINGS)
    assert not output.is_done({**SETTINGS, "weights": "other"})
    output.path("b").unlink()
    assert not output.is_done(SETTINGS)


def test_the_same_settings_go_on(output):
    output.claim(SETTINGS)
    fill(output, "a")
    (output.folder / "b.npy.part").touch()
    output.claim(dict(SETTINGS))
    assert output.first_missing(NAMES) == 1
    assert not (output.folder / "b.npy.part").exists()


def test_other_settings_are_refused_and_named(output):
    output.claim(SETTINGS)
    fill(output, "a")
    with pytest.raises(ValueError, match=r"another run \(depth_range_m was 10.0, is 5\); .*--over"):
        output.claim({**SETTINGS, "depth_range_m": 5})
    output.claim({**SETTINGS, "depth_range_m": 5}, overwrite=True)
    assert output.first_missing(NAMES) == 0


@pytest.mark.parametrize("content", [None, "{broken"])
def test_frames_of_somebody_else_are_not_touched(output, content):
    fill(output, "a")
    if content:
        (output.folder / "infer.json").write_text(content)
    with pytest.raises(ValueError, match="frames of another run .*infer.json"):
        output.claim(SETTINGS)
    assert output.path("a").exists()


def test_a_new_claim_is_not_done(output):
    output.claim(SETTINGS)
    output.finish(0)
    output.claim(SETTINGS)
    assert not output.is_done(SETTINGS)
