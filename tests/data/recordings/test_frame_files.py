"""Frames of a folder come in the right order, and none is missing."""

import pytest

from stdnet_arch.data.recordings.frame_files import list_frames


def make(folder, *names):
    for name in names:
        (folder / name).touch()
    return folder


def test_numbers_count_not_letters(tmp_path):
    make(tmp_path, "f9.png", "f10.png", "f11.png", "notes.txt")
    assert [p.name for p in list_frames(tmp_path, (".png",))] == ["f9.png", "f10.png", "f11.png"]


def test_a_missing_frame_is_named(tmp_path):
    make(tmp_path, "f9.png", "f11.png")
    with pytest.raises(ValueError, match=r"missing frame: expected number 10 after .*f9.png"):
        list_frames(tmp_path, (".png",))


def test_timestamps_come_in_natural_order(tmp_path):
    make(tmp_path, "9.5.png", "10.25.png", "100.125.PNG")
    names = [p.name for p in list_frames(tmp_path, (".png",), by_name=True)]
    assert names == ["9.5.png", "10.25.png", "100.125.PNG"]


@pytest.mark.parametrize("by_name", [False, True])
def test_folders_without_frames_are_named(tmp_path, by_name):
    with pytest.raises(FileNotFoundError, match=r"expected frames .* in .*got none"):
        list_frames(tmp_path, (".png",), by_name)
    with pytest.raises(FileNotFoundError, match="gone; it does not exist"):
        list_frames(tmp_path / "gone", (".png",), by_name)
