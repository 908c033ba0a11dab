"""Reading again finds every change."""

import re

import cv2
import numpy as np
import pytest
from fake_frames import coordinate_guide, write_npy, write_rgb
from lmdb_parts import change_value, write_lmdb

from stdnet_arch.data.database.lmdb_verify import verify_lmdb


@pytest.fixture
def root(make_clip):
    return make_clip()


@pytest.fixture
def path(tmp_path, root):
    return write_lmdb(root, tmp_path / "x.lmdb")


def flip(value):
    return value[:99] + bytes([value[99] ^ 1]) + value[100:]


def test_what_was_written_is_fine(path, root):
    assert verify_lmdb(path, quiet=True) == []
    assert verify_lmdb(path, str(root), quiet=True) == []


@pytest.mark.parametrize(
    ("key", "change", "problems"),
    [
        ("clip/000002/depth", flip, ["clip/000002/depth: checksum differs"]),
        ("clip/000002/lq4", flip, ["clip/000002/lq4: checksum differs"]),
        ("clip/000002/guide", lambda value: value[:-9], ["clip/000002/guide: checksum differs"]),
        ("clip/000002/guide", lambda _: None, ["clip/000002: .*expected a value 'clip/000002/gu"]),
        ("clip/000002", lambda _: None, ["clip/000002: .*expected a value", "clip: records diff"]),
        ("clip/000002", lambda value: value.replace(b'"m"', b'"mm"'), ["clip: records differ"]),
        ("clip/000002", lambda value: value[:-4], ["clip/000002: Unterminated", "clip: records"]),
    ],
)
def test_a_changed_value_is_named(path, key, change, problems):
    change_value(path, key, change)
    found = verify_lmdb(path, quiet=True)
    assert len(found) == len(problems)
    assert all(re.match(pattern, text) for pattern, text in zip(problems, found, strict=True)), (
        found
    )


def test_a_changed_raw_file_is_named(path, root):
    write_npy(root / "depth" / "0003.npy", np.full((24, 32), 7, np.float32))
    write_rgb(root / "rgb" / "0004.png", coordinate_guide(1, 24, 32)[0])
    assert verify_lmdb(path, str(root), quiet=True) == [
        "clip/000003/depth: differs from the raw files",
        "clip/000004/guide: differs from the raw files",
    ]


def test_a_broken_raw_file_is_named(path, root):
    (root / "depth" / "0003.npy").write_bytes(b"")
    (problem,) = verify_lmdb(path, str(root), quiet=True)
    assert problem.startswith("clip/000003: ")
    assert "depth/0003.npy" in problem


def test_the_same_pixels_compressed_otherwise_are_the_same(path, root):
    image = cv2.imread(str(root / "rgb" / "0001.png"))
    cv2.imwrite(str(root / "rgb" / "0001.png"), image, [cv2.IMWRITE_PNG_COMPRESSION, 0])
    assert verify_lmdb(path, str(root), quiet=True) == []


def test_a_missing_list_is_named(path):
    (path / "meta_info.txt").unlink()
    assert verify_lmdb(path, quiet=True) == [f"{path / 'meta_info.txt'}: missing"]


@pytest.mark.parametrize("change", [lambda text: text[:-1], lambda text: text.replace("24", "23")])
def test_a_list_of_other_values_is_named(path, change):
    meta_info = path / "meta_info.txt"
    meta_info.write_text(change(meta_info.read_text()))
    assert verify_lmdb(path, quiet=True) == [f"{meta_info}: lists other values than are stored"]
