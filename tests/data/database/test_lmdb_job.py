"""Which clips and frames a job is about, before the first frame is read."""

import json

import pytest
from lmdb_parts import folder_job

from stdnet_arch.data.database.lmdb_job import make_plan
from stdnet_arch.data.database.lmdb_manifest import StoredClip


@pytest.fixture
def root(tmp_path, make_clip):
    for name in ("a", "b"):
        make_clip(name=f"raw/{name}")
    return tmp_path / "raw"


def test_without_a_list_every_clip_is_stored_whole(root):
    plan, _ = make_plan(folder_job(root))
    assert plan.clips == (StoredClip("a", 5, ((0, 5),)), StoredClip("b", 5, ((0, 5),)))
    assert plan.frames()[4:6] == [("a", 4), ("b", 0)]


def test_spans_of_a_clip_come_together_in_the_order_of_the_list(root):
    plan, _ = make_plan(folder_job(root, clips=["b 3 5", "a", "b 0 2", "b 1 3"]))
    assert plan.clips == (StoredClip("b", 5, ((0, 5),)), StoredClip("a", 5, ((0, 5),)))


def test_scales_are_looked_up_once(root):
    assert make_plan(folder_job(root))[0].job.store.scales == (4,)
    assert make_plan(folder_job(root, source_opt={}))[0].job.store.scales == ()
    assert make_plan(folder_job(root, scales=(2, 8)))[0].job.store.scales == (2, 8)


@pytest.mark.parametrize("lq", ["files", "dtof_peak"])
def test_a_wish_for_lr_depth_is_not_passed_over(root, lq):
    with pytest.raises(ValueError, match=f"lq {lq}: expected the scales to store"):
        make_plan(folder_job(root, source_opt={}, lq=lq))
    assert make_plan(folder_job(root, lq="files"))[0].job.store.scales == (4,)


def test_a_first_clip_that_is_broken_does_not_hide_the_scales(root):
    (root / "a" / "lq_x4" / "0000.npy").write_bytes(b"")
    with pytest.raises(ValueError, match="lq_x4/0000.npy"):
        make_plan(folder_job(root))
    assert make_plan(folder_job(root), skip_bad=True)[0].job.store.scales == (4,)


def test_the_description_is_all_that_decides_the_content(root):
    described = make_plan(folder_job(root, clips=["a"], depth_dtype="float16"))[0].describe()
    assert json.loads(json.dumps(described)) == described
    assert described["source"]["source_opt"] == {"lq": "lq_x{scale}"}
    assert described["options"]["depth_dtype"] == "float16"
    assert described["split"]["asked"] == [{"clip": "a", "count": 5, "spans": [[0, 5]]}]


@pytest.mark.parametrize(
    ("clips", "message"),
    [(["c"], "got 'c'"), (["a 7"], "expected 7 frames of a; got 5"), ([], "at least one clip")],
)
def test_a_list_that_does_not_fit_is_refused(root, clips, message):
    with pytest.raises((FileNotFoundError, ValueError), match=message):
        make_plan(folder_job(root, clips=clips))


def test_nothing_left_is_an_error(root):
    with pytest.raises(ValueError, match="at least one clip; got none that can be read"):
        make_plan(folder_job(root, clips=["c"]), skip_bad=True)


def test_a_name_too_long_for_a_key_is_refused(tmp_path, make_clip):
    name = "/".join(["x" * 200] * 3)
    make_clip(frames=1, name=f"raw/{name}")
    with pytest.raises(ValueError, match="keys have at most 511 bytes; got"):
        make_plan(folder_job(tmp_path / "raw"))
