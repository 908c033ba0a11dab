"""Frames are encoded in order, and only as far ahead as memory allows."""

from lmdb_parts import folder_job

from stdnet_arch.data.database.lmdb_frame import StoredFrame
from stdnet_arch.data.database.lmdb_job import make_plan
from stdnet_arch.data.database.lmdb_pool import BadFrame, encode_frames


def test_a_bad_frame_takes_its_place_among_the_good(make_clip):
    root = make_clip()
    (root / "depth" / "0001.npy").write_bytes(b"")
    plan, source = make_plan(folder_job(root))
    frames = list(encode_frames(plan.job, source, plan.frames(), 1))
    assert [frame.index for frame in frames] == [0, 1, 2, 3, 4]
    assert [type(frame) for frame in frames] == [StoredFrame, BadFrame, *[StoredFrame] * 3]
    assert "depth/0001.npy" in frames[1].reason


def test_frames_are_asked_for_when_they_are_needed(make_clip):
    plan, source = make_plan(folder_job(make_clip()))
    asked = []
    frames = (asked.append(frame) or frame for frame in plan.frames())
    encoded = encode_frames(plan.job, source, frames, 1)
    next(encoded)
    next(encoded)
    assert asked == [("clip", 0), ("clip", 1)]
