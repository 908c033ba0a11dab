"""What is stored of a frame, and which frames are refused."""

import numpy as np
import pytest
from fake_frames import coordinate_guide, coordinates, write_npy
from test_clip_reader import damage

from stdnet_arch.data.database.lmdb_frame import StoreOptions, encode_frame, scales_with_files
from stdnet_arch.data.database.lmdb_values import open_value
from stdnet_arch.data.lq.degradation import dtof_peak
from stdnet_arch.data.sources.folder_source import Folder
from stdnet_arch.data.synthetic.source import Synthetic


@pytest.fixture(scope="module")
def room():
    """A source without files, with flow and cameras."""
    return Synthetic(num_clips=1, num_frame=1, size=[16, 24])


def encode(root, i=2, lq="lq_x{scale}", **options):
    options = {"scales": (4,), **options}
    return encode_frame(Folder(str(root), lq=lq), "clip", i, StoreOptions(**options))


def arrays(frame):
    return {
        value.name: np.asarray(open_value(value.about, memoryview(value.data), value.name))
        for value in frame.values
    }


def test_a_frame_is_stored_with_all_it_has(make_clip):
    frame = encode(make_clip())
    stored = arrays(frame)
    assert (frame.clip, frame.index, frame.size) == ("clip", 2, (24, 32))
    assert sorted(stored) == ["depth", "guide", "lq4"]
    np.testing.assert_array_equal(stored["depth"], coordinates(5, 24, 32)[2])
    np.testing.assert_array_equal(stored["guide"], coordinate_guide(5, 24, 32)[2])
    np.testing.assert_array_equal(stored["lq4"], coordinates(5, 24, 32)[2, ::4, ::4])


def test_every_value_has_dtype_shape_unit_and_checksum(room):
    frame = encode_frame(room, "0000", 0, StoreOptions(scales=(4, 8)))
    assert {v.name: (v.about["dtype"], v.about["shape"]) for v in frame.values} == {
        "guide": ("|u1", [16, 24, 3]), "depth": ("<f4", [16, 24]), "lq4": ("<f4", [4, 6]),
        "lq8": ("<f4", [2, 3]), "flow": ("<f4", [2, 16, 24]), "flow_seen": ("|b1", [16, 24]),
        "pose": ("<f8", [4, 4]), "intrinsics": ("<f8", [4]),
    }  # fmt: skip
    assert all({"unit", "checksum", "bytes", "codec"} <= v.about.keys() for v in frame.values)


def test_flow_can_stay_out(room):
    frame = encode_frame(room, "0000", 0, StoreOptions(scales=(), flow=False))
    assert [v.name for v in frame.values] == ["guide", "depth", "pose", "intrinsics"]


@pytest.mark.parametrize(("lq", "made"), [("auto", "files"), ("files", "files"),
                                          ("dtof_peak", "dtof_peak")])  # fmt: skip
def test_lr_says_how_it_was_made(make_clip, lq, made):
    frame = encode_frame(
        Folder(str(make_clip()), lq="lq_x{scale}"), "clip", 2, StoreOptions(scales=(4,), lq=lq)
    )
    assert frame.values[-1].about["made"] == made


def test_simulated_lr_is_the_sensors(make_clip):
    root = make_clip(frames=1)
    depth_m = (coordinates(1, 24, 32)[0] / 30).astype(np.float32)
    write_npy(root / "depth" / "0000.npy", depth_m)
    frame = encode(root, i=0, lq=None, scales=(2, 8), range_m=120.0, bins=99)
    for scale in (2, 8):
        expected = dtof_peak(depth_m, coordinate_guide(1, 24, 32)[0], scale, 120.0, 99)
        np.testing.assert_array_equal(arrays(frame)[f"lq{scale}"], expected)


def test_scales_are_those_with_files(make_clip):
    root = make_clip(scale=8)
    assert scales_with_files(Folder(str(root), lq="lq_x{scale}"), "clip", 0) == (8,)
    assert scales_with_files(Folder(str(root)), "clip", 0) == ()


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("truncated depth", r"depth/0002.npy: expected a readable npy file; got \d+ bytes"),
        ("truncated rgb", r"rgb/0002.png: expected a whole image; got a truncated file"),
        ("truncated lr", r"lq_x4/0002.npy: expected a readable npy file; got \d+ bytes"),
        ("empty depth", r"depth/0002.npy: expected a readable npy file; got 0 bytes"),
        ("negative depth", r"depth/0002.npy: expected depth >= 0 m; got -3 m"),
        ("negative lr", r"lq_x4/0002.npy: expected depth >= 0 m; got -\d+ m"),
        ("no valid pixel", r"depth/0002.npy: expected at least one pixel with depth"),
        ("all nan", r"depth/0002.npy: expected at least one pixel with depth"),
        ("other rgb size", r"rgb/0002.png: expected 24x32, as its depth frame; got 24x28"),
        ("other lr size", r"lq_x4/0002.npy: expected 6x8; got 3x4"),
        ("three channels", r"depth/0002.npy: expected one depth plane.*got shape \(3, 24, 32\)"),
    ],
)
def test_a_bad_frame_names_file_expected_and_got(make_clip, kind, message):
    root = make_clip()
    damage(root, kind)
    with pytest.raises(ValueError, match=message):
        encode(root)


def test_sides_that_do_not_fit_a_scale_are_refused(make_clip):
    message = r"depth/0002.npy: expected sides that are multiples of scale 16; got 24x32"
    with pytest.raises(ValueError, match=message):
        encode(make_clip(), scales=(4, 16))


def test_lr_files_that_are_asked_for_must_exist(make_clip):
    source, options = Folder(str(make_clip())), StoreOptions(scales=(8,), lq="files")
    with pytest.raises(FileNotFoundError, match="lq is files: expected x8 LR files"):
        encode_frame(source, "clip", 0, options)


def test_flow_of_another_size_is_refused(room, monkeypatch):
    other = np.zeros((2, 16, 20)), np.ones((16, 20), bool)
    monkeypatch.setattr(room, "flow_px", lambda clip, i: other)
    with pytest.raises(ValueError, match=r"flow of depth of clip .*: expected \(2, 16, 24\)"):
        encode_frame(room, "0000", 0, StoreOptions(scales=()))


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"lq": "gaussian"}, "lq must be one of auto, files, dtof_peak.*; got 'gaussian'"),
        ({"depth_dtype": "int8"}, "depth_dtype must be one of float32, float16, uint16; got"),
        ({"rgb": "webp"}, "rgb must be one of keep, raw, png, jpeg; got 'webp'"),
        ({"scales": (4, 0)}, r"scales must be at least 1; got \[4, 0\]"),
        ({"depth_scale": 0.0}, "positive depth_scale"),
        ({"quality": 0}, r"quality in 1..100"),
    ],
)
def test_options_that_make_no_sense_are_refused(option, message):
    with pytest.raises(ValueError, match=message):
        StoreOptions(**option)


def test_colour_of_a_source_without_files_is_kept_without_loss(room):
    frame = encode_frame(room, "0000", 0, StoreOptions(scales=()))
    np.testing.assert_array_equal(arrays(frame)["guide"], room.guide("0000", 0))
