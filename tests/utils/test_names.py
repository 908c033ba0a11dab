"""Names from files stay under their root; a target never replaces what it must not."""

import os

import pytest

from stdnet_arch.utils.input_errors import InputError
from stdnet_arch.utils.names import check_replaceable, check_target, resolve_name

CLIMBING = [
    "../x", "a/../../x", "/etc/x", "..", "a\\..\\..\\x", "C:\\x", "C:x", "\\\\host\\x", "", " ",
    "a\0b", None, 3, "out/back/x",
]  # fmt: skip


@pytest.mark.parametrize("name", CLIMBING, ids=repr)
def test_a_name_that_leaves_its_root_is_refused(name, tmp_path):
    (tmp_path / "root" / "out").mkdir(parents=True)
    (tmp_path / "root" / "out" / "back").symlink_to(tmp_path)
    with pytest.raises(InputError, match="clip must"):
        resolve_name(tmp_path / "root", name, "clip")


@pytest.mark.parametrize("name", ["x", "clip/depth", "..a/b..", "a.b/c d", "ü/1"])
def test_a_name_under_its_root_is_kept(name, tmp_path):
    assert resolve_name(tmp_path, name) == tmp_path / name


def test_a_loop_of_links_is_refused(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(InputError, match="loop"):
        resolve_name(tmp_path, "a/x")


@pytest.fixture
def odd(tmp_path):
    """A link, a pipe, a folder, a link that leads nowhere."""
    (tmp_path / "file.mp4").write_bytes(b"x")
    (tmp_path / "link.mp4").symlink_to(tmp_path / "file.mp4")
    (tmp_path / "broken.mp4").symlink_to(tmp_path / "none")
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "folder.mp4").mkdir()
    return tmp_path


@pytest.mark.parametrize("name", ["link.mp4", "broken.mp4", "pipe.mp4", "folder.mp4"])
def test_only_a_regular_file_is_replaced(odd, name):
    with pytest.raises(InputError, match="regular file to write to"):
        check_replaceable(odd / name)
    check_replaceable(odd / "file.mp4")
    check_replaceable(odd / "new.mp4")


def test_a_target_is_no_input_and_not_inside_one(tmp_path):
    (tmp_path / "rgb").mkdir()
    (tmp_path / "rgb.mp4").write_bytes(b"x")
    os.link(tmp_path / "rgb.mp4", tmp_path / "same.mp4")
    for name in ("rgb.mp4", "same.mp4", "rgb/x.mp4"):
        with pytest.raises(InputError, match="must not replace or lie in the input"):
            check_target(tmp_path / name, [".mp4"], [tmp_path / "rgb.mp4", None, tmp_path / "rgb"])
    check_target(tmp_path / "new.mp4", [".mp4"], [tmp_path / "rgb.mp4", None, tmp_path / "rgb"])


@pytest.mark.parametrize("name", ["net.pth", "net.safetensors", "null", "x.png"])
def test_a_target_has_the_ending_of_what_is_written(tmp_path, name):
    with pytest.raises(InputError, match="ends in .mp4"):
        check_target(tmp_path / name, [".mp4"])
