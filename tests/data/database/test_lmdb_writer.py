"""Creating LMDBs: finished or not there, resumable, never of mixed options."""

import fcntl
import os

import numpy as np
import pytest
from fake_frames import coordinate_guide, coordinates, write_npy, write_rgb
from lmdb_parts import contents, folder_job, write_lmdb

from stdnet_arch.data.database import lmdb_writer
from stdnet_arch.data.database.lmdb_manifest import read_manifest
from stdnet_arch.data.database.lmdb_source import LmdbSource
from stdnet_arch.data.database.lmdb_writer import create_lmdb


def create(root, out, *, skip_bad=False, force=False, workers=1, **job):
    return create_lmdb(
        folder_job(root, **job), out, skip_bad=skip_bad, force=force, workers=workers, quiet=True
    )


@pytest.fixture
def two_clips(tmp_path, make_clip):
    """Clips ``a`` and ``b`` of five frames under one root."""
    root = tmp_path / "raw"
    for name in ("a", "b"):
        make_clip(name=f"raw/{name}")
    return root


def spoil(root, clip="a", number=3):
    path = root / clip / "depth" / f"{number:04d}.npy"
    path.write_bytes(path.read_bytes()[:-9])


def test_a_frame_is_read_as_it_lies_on_disk(tmp_path, make_clip):
    path = write_lmdb(make_clip(), tmp_path / "x.lmdb")
    source = LmdbSource(str(path))
    assert source.clips() == {"clip": 5}
    np.testing.assert_array_equal(source.depth_m("clip", 3), coordinates(5, 24, 32)[3])
    np.testing.assert_array_equal(source.guide("clip", 3), coordinate_guide(5, 24, 32)[3])
    np.testing.assert_array_equal(source.lq_m("clip", 3, 4), coordinates(5, 24, 32)[3, ::4, ::4])


def test_a_finished_lmdb_is_a_folder_of_three_files(tmp_path, make_clip):
    path = write_lmdb(make_clip(), tmp_path / "x.lmdb")
    assert sorted(file.name for file in path.iterdir()) == [
        "data.mdb", "manifest.json", "meta_info.txt",
    ]  # fmt: skip
    assert [file.name for file in tmp_path.glob("x.lmdb*")] == ["x.lmdb"]


def test_workers_write_the_same(tmp_path, two_clips):
    create(two_clips, tmp_path / "one.lmdb")
    create(two_clips, tmp_path / "two.lmdb", workers=2)
    assert contents(tmp_path / "two.lmdb") == contents(tmp_path / "one.lmdb")


def test_the_map_grows_with_frames_larger_than_the_first(tmp_path, two_clips, monkeypatch):
    monkeypatch.setattr(lmdb_writer, "MAP_START", 1 << 15)
    for i in range(5):
        write_npy(two_clips / "b" / "depth" / f"{i:04d}.npy", np.ones((400, 404), np.float32))
        write_rgb(two_clips / "b" / "rgb" / f"{i:04d}.png", coordinate_guide(1, 400, 404)[0])
        write_npy(two_clips / "b" / "lq_x4" / f"{i:04d}.npy", np.ones((100, 101), np.float32))
    path = create(two_clips, tmp_path / "x.lmdb").path
    assert (path / "data.mdb").stat().st_size > 5 * 400 * 404 * 4
    assert np.asarray(LmdbSource(str(path)).depth_m("b", 4)).shape == (400, 404)


def test_a_finished_lmdb_is_left_alone(tmp_path, make_clip):
    root = make_clip()
    before = create(root, tmp_path / "x.lmdb")
    inode = (tmp_path / "x.lmdb" / "data.mdb").stat().st_ino
    again = create(root, tmp_path / "x.lmdb")
    assert (before.was_finished, again.was_finished) == (False, True)
    assert (tmp_path / "x.lmdb" / "data.mdb").stat().st_ino == inode


def test_other_options_need_force(tmp_path, make_clip):
    root = make_clip()
    write_lmdb(root, tmp_path / "x.lmdb")
    message = r"--force replaces it: expected the same options; got depth_dtype 'float16' \(was"
    with pytest.raises(ValueError, match=message):
        create(root, tmp_path / "x.lmdb", depth_dtype="float16")
    create(root, tmp_path / "x.lmdb", depth_dtype="float16", force=True)
    assert read_manifest(tmp_path / "x.lmdb")["options"]["depth_dtype"] == "float16"


def test_what_a_process_has_open_is_read_anew_after_force(tmp_path, make_clip):
    root = make_clip()
    path = write_lmdb(root, tmp_path / "x.lmdb")
    assert LmdbSource(str(path)).depth_m("clip", 0)[0:1, 0:1] == 1
    write_npy(root / "depth" / "0000.npy", np.full((24, 32), 7, np.float32))
    create(root, path, force=True)
    assert LmdbSource(str(path)).depth_m("clip", 0)[0:1, 0:1] == 7


def test_a_folder_of_someone_else_is_never_replaced(tmp_path, make_clip):
    (tmp_path / "x.lmdb").mkdir()
    with pytest.raises(FileNotFoundError, match="expected an LMDB with manifest.json"):
        create(make_clip(), tmp_path / "x.lmdb", force=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"depth_dtype": "float16"}, r"got depth_dtype 'float16' \(was 'float32'\)"),
        ({"scales": (4, 8)}, r"got scales \[4, 8\] \(was \[4\]\)"),
        ({"clips": ["b"]}, "got other clips"),
    ],
)
def test_an_interrupted_run_goes_on_with_its_own_options_only(tmp_path, two_clips, change, message):
    spoil(two_clips)
    with pytest.raises(ValueError, match="clip 'a', frame 3"):
        create(two_clips, tmp_path / "x.lmdb")
    with pytest.raises(ValueError, match=rf"x.lmdb.part was begun; delete it .*{message}"):
        create(two_clips, tmp_path / "x.lmdb", **change)


def test_a_run_that_stored_nothing_binds_no_one(tmp_path, make_clip):
    root = make_clip()
    with pytest.raises(ValueError, match="multiples of scale 5"):
        create(root, tmp_path / "x.lmdb", scales=(5,), lq="dtof_peak")
    assert create(root, tmp_path / "x.lmdb").manifest["options"]["scales"] == [4]


def test_a_mended_frame_lets_the_run_go_on(tmp_path, two_clips, monkeypatch):
    create(two_clips, tmp_path / "whole.lmdb")
    spoil(two_clips, "b", 2)
    with pytest.raises(ValueError, match=r"clip 'b', frame 2: .*b/depth/0002.npy"):
        create(two_clips, tmp_path / "x.lmdb")
    write_npy(two_clips / "b" / "depth" / "0002.npy", coordinates(5, 24, 32)[2])
    read = []
    encode = lmdb_writer.encode_frames
    monkeypatch.setattr(
        lmdb_writer, "encode_frames",
        lambda job, source, todo, n: encode(job, source, (read.append(f) or f for f in todo), n),
    )  # fmt: skip
    create(two_clips, tmp_path / "x.lmdb")
    assert read == [("b", 2), ("b", 3), ("b", 4)]
    assert contents(tmp_path / "x.lmdb") == contents(tmp_path / "whole.lmdb")


def test_bad_clips_are_left_out_and_listed_on_request(tmp_path, two_clips, monkeypatch):
    monkeypatch.setattr(lmdb_writer, "COMMIT_BYTES", 0)
    spoil(two_clips, "a", 3)
    outcome = create(two_clips, tmp_path / "x.lmdb", skip_bad=True)
    assert list(outcome.left_out) == ["a"]
    assert "frame 3: " in outcome.left_out["a"]
    assert "a/depth/0003.npy" in outcome.left_out["a"]
    assert LmdbSource(str(outcome.path)).clips() == {"b": 5}
    assert not [key for key in contents(outcome.path) if str(key).startswith("b'a/")]


def test_entries_that_name_no_clip_are_left_out_on_request(tmp_path, two_clips):
    outcome = create(two_clips, tmp_path / "x.lmdb", skip_bad=True, clips=["a 7", "b", "c"])
    assert list(outcome.left_out) == ["a 7", "c"]
    assert "expected 7 frames of a; got 5" in outcome.left_out["a 7"]


def test_spans_are_stored_alone(tmp_path, two_clips):
    path = create(two_clips, tmp_path / "x.lmdb", clips=["a 3 5", "a 0 2", "b 1 4"]).path
    source = LmdbSource(str(path))
    np.testing.assert_array_equal(source.depth_m("a", 4), coordinates(5, 24, 32)[4])
    assert [(s.clip, s.start, s.stop) for s in source.find_spans(None)] == [
        ("a", 0, 2), ("a", 3, 5), ("b", 1, 4),
    ]  # fmt: skip
    assert read_manifest(path)["counts"]["frames"] == 7


def test_a_run_killed_before_its_folder_got_its_name_is_finished(tmp_path, make_clip, monkeypatch):
    root = make_clip()
    write_lmdb(root, tmp_path / "whole.lmdb")
    with monkeypatch.context() as killed:
        killed.setattr(lmdb_writer, "_publish", lambda part, out: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            write_lmdb(root, tmp_path / "x.lmdb")
    assert create(root, tmp_path / "x.lmdb").was_finished
    assert contents(tmp_path / "x.lmdb") == contents(tmp_path / "whole.lmdb")


def test_two_processes_do_not_write_to_one(tmp_path, make_clip):
    part = tmp_path / "x.lmdb.part"
    part.mkdir()
    handle = os.open(part, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with pytest.raises(OSError, match="another process is writing to it"):
        write_lmdb(make_clip(), tmp_path / "x.lmdb")
    os.close(handle)


def test_a_path_that_is_no_lmdb_is_refused(tmp_path, make_clip):
    with pytest.raises(ValueError, match="ends in .lmdb"):
        write_lmdb(make_clip(), tmp_path / "x")


def test_files_of_someone_else_are_not_written_over(tmp_path, make_clip):
    (tmp_path / "x.lmdb.part").mkdir()
    (tmp_path / "x.lmdb.part" / "notes").touch()
    with pytest.raises(FileExistsError, match="got other files"):
        write_lmdb(make_clip(), tmp_path / "x.lmdb")
