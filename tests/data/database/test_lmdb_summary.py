"""The manifest counts what is there; meta_info.txt lists it."""

from lmdb_parts import contents, folder_job, write_lmdb

from stdnet_arch.data.database.lmdb_manifest import read_manifest
from stdnet_arch.data.database.lmdb_summary import describe_manifest
from stdnet_arch.data.database.lmdb_writer import create_lmdb


def test_counts_and_bytes_are_those_of_the_values(tmp_path, make_clip):
    path = write_lmdb(make_clip(), tmp_path / "x.lmdb")
    values = {
        key: value for key, value in contents(path).items()
        if isinstance(key, bytes) and key.count(b"/") == 2
    }  # fmt: skip
    manifest = read_manifest(path)
    assert manifest["counts"] == {
        "clips": 1, "frames": 5, "values": 15, "bytes": sum(map(len, values.values())),
    }  # fmt: skip
    assert manifest["bytes"]["depth"] == 5 * 24 * 32 * 4
    assert manifest["split"]["clips"][0]["size"] == [24, 32]
    assert manifest["left_out"] == {}


def test_the_list_has_a_line_per_value_in_the_toolboxs_words(tmp_path, make_clip):
    path = write_lmdb(make_clip(), tmp_path / "x.lmdb")
    lines = (path / "meta_info.txt").read_text().splitlines()
    assert len(lines) == 15
    assert lines[:3] == [
        "clip/000000/depth.bin (24,32) 0",
        "clip/000000/guide.png (24,32,3) 0",
        "clip/000000/lq4.bin (6,8) 0",
    ]


def test_the_checksum_tells_contents_apart(tmp_path, make_clip):
    root = make_clip()
    sums = [
        read_manifest(write_lmdb(root, tmp_path / f"{dtype}.lmdb", depth_dtype=dtype))["checksum"]
        for dtype in ("float32", "float16")
    ]
    again = read_manifest(write_lmdb(root, tmp_path / "again.lmdb"))["checksum"]
    assert again == sums[0] != sums[1]


def test_errors_and_clips_left_out_are_said(tmp_path, make_clip):
    root = make_clip(height=100, width=96)
    job = folder_job(root, clips=["clip", "gone"], depth_dtype="float16", rgb="jpeg")
    manifest = create_lmdb(job, tmp_path / "x.lmdb", skip_bad=True, quiet=True).manifest
    text = describe_manifest(manifest)
    assert "1 clips, 5 frames" in text
    # Coordinates reach 49,996, where float16 has steps of 32.
    assert "depth as float16: largest error 16 m" in text
    assert f"RGB as jpeg: largest error {manifest['max_error']['guide']} of 255" in text
    assert "left out: gone: " in text


def test_the_rule_of_lr_depth_is_said(tmp_path, make_clip):
    manifest = read_manifest(write_lmdb(make_clip(), tmp_path / "x.lmdb", scales=(4, 8)))
    assert manifest["made_by"] == {"lq4": ["files"], "lq8": ["dtof_peak"]}
    assert "\nLR depth by: lq4 files, lq8 dtof_peak" in describe_manifest(manifest)
    assert "LR depth" not in describe_manifest({**manifest, "made_by": {}})
