"""Keys, records and the manifest."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stdnet_arch.data.database.lmdb_manifest import (
    FORMAT,
    FORMAT_VERSION,
    StoredClip,
    checksum,
    encode_record,
    frame_key,
    merge_spans,
    meta_line,
    read_manifest,
    stored_clips,
    value_key,
    write_manifest,
)

GOOD = {"format": FORMAT, "format_version": FORMAT_VERSION}


def test_keys_name_clip_frame_and_value():
    assert frame_key("school/shot8", 123) == "school/shot8/000123"
    assert value_key("school/shot8", 123, "lq16") == "school/shot8/000123/lq16"


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9)), max_size=6))
def test_merged_spans_hold_the_same_frames_once(pairs):
    spans = [(start, start + length) for start, length in pairs]
    merged = merge_spans(spans)
    frames = [i for span in merged for i in range(*span)]
    assert frames == sorted({i for span in spans for i in range(*span)})
    assert list(StoredClip("a", 40, merged).frames()) == frames
    assert all(stop < start for (_, stop), (start, _) in zip(merged, merged[1:], strict=False))


def test_the_checksum_is_blake2b():
    assert checksum(b"abc") == hashlib.blake2b(b"abc", digest_size=16).hexdigest()


def test_equal_records_have_equal_bytes():
    one, other = {"a": {"x": 1, "y": 2}, "b": {}}, {"b": {}, "a": {"y": 2, "x": 1}}
    assert encode_record(one) == encode_record(other)
    assert json.loads(encode_record(one)) == one


def test_a_line_of_meta_info_is_the_toolboxs():
    about = {"extension": "png", "shape": [528, 960, 3]}
    assert meta_line("a", 7, "guide", about) == "a/000007/guide.png (528,960,3) 0\n"


def test_a_manifest_comes_back(tmp_path):
    clips = [{"clip": "a/b", "count": 9, "spans": [[0, 3], [5, 9]]}]
    write_manifest(tmp_path, {**GOOD, "split": {"clips": clips}})
    manifest = read_manifest(tmp_path)
    assert stored_clips(manifest) == [StoredClip("a/b", 9, ((0, 3), (5, 9)))]


def test_an_unfinished_lmdb_is_called_so(tmp_path):
    (tmp_path / "x.lmdb.part").mkdir()
    with pytest.raises(FileNotFoundError, match=r"got the unfinished x.lmdb.part"):
        read_manifest(tmp_path / "x.lmdb")


@pytest.mark.parametrize(("name", "got"), [(".", "a folder without one"), ("no", "no such folder")])
def test_what_is_no_lmdb_of_ours_is_called_so(tmp_path, name, got):
    with pytest.raises(FileNotFoundError, match=f"expected an LMDB with manifest.json.*{got}"):
        read_manifest(tmp_path / name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "expected JSON"),
        ("{}", "got None, None"),
        (json.dumps({**GOOD, "format_version": 99}), "of version 1; got .*, 99"),
    ],
)
def test_another_format_is_refused(tmp_path, text, message):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_manifest(tmp_path)
