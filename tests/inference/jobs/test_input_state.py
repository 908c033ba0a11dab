"""A change of the inputs is noticed and told."""

import os

import pytest

from stdnet_arch.inference.jobs.input_state import describe_inputs, tell_change


@pytest.fixture
def inputs(tmp_path):
    """A folder of three files, and a file."""
    (tmp_path / "depth").mkdir()
    for name in "abc":
        (tmp_path / "depth" / name).write_bytes(name.encode() * 5)
    (tmp_path / "rgb.mp4").write_bytes(b"film")
    return [tmp_path / "depth", tmp_path / "rgb.mp4", None]


def test_nothing_changed_is_nothing_to_tell(inputs):
    assert describe_inputs(inputs)["files"] == 4
    assert tell_change(describe_inputs(inputs), describe_inputs(inputs)) == ""


CHANGES = {
    "a frame more": (lambda d: (d / "d").write_bytes(b"d"), "was 4 files of 19 bytes, is 5 of 20"),
    "a frame less": (lambda d: (d / "a").unlink(), "was 4 files of 19 bytes, is 3 of 14"),
    "another name": (lambda d: (d / "a").rename(d / "x"), "were replaced"),
    "a later time": (lambda d: os.utime(d / "a", (1, 1)), "were replaced"),
}


@pytest.mark.parametrize(("change", "words"), CHANGES.values(), ids=CHANGES)
def test_a_change_is_told(inputs, change, words):
    before = describe_inputs(inputs)
    change(inputs[0])
    assert words in tell_change(before, describe_inputs(inputs))


def test_hidden_files_and_links_to_nowhere_are_no_reason_to_fail(inputs):
    before = describe_inputs(inputs)
    (inputs[0] / ".DS_Store").touch()
    assert tell_change(before, describe_inputs(inputs)) == ""
    (inputs[0] / "link").symlink_to("nowhere")
    assert describe_inputs(inputs)["files"] == 5


@pytest.mark.parametrize("then", [None, [], {"files": 3}, "x"])
def test_an_older_note_counts_as_unchanged(inputs, then):
    assert tell_change(then, describe_inputs(inputs)) == ""
