"""Dynamic Replica in both layouts and all decodings, its cameras and its flow."""

import gzip
import json

import numpy as np
import pytest
from fake_frames import coordinate_guide, write_npy, write_png16, write_rgb

from stdnet_arch.data.sources.dynamicreplica_source import DynamicReplica

SEQUENCE = "029beb-3_obj_source_left"
STDNET, NATIVE = f"test_001/{SEQUENCE}", f"test/{SEQUENCE}"
CODES = np.arange(15360, 15360 + 8 * 12, dtype=np.uint16).reshape(8, 12)  # from 1 m on
METRES = 1 + np.arange(8 * 12, dtype=np.float32).reshape(8, 12) / 1024  # float16 steps there


def write_stdnet(root, depth=CODES, lq=CODES[None, ::4, ::4], frames=2):
    for i in range(frames):
        name = f"processed_{SEQUENCE}_{i:04d}.geometric.npy"
        guide = coordinate_guide(frames, 8, 12)[i]
        write_rgb(root / "HR_RGB" / STDNET / "color" / f"{SEQUENCE}-{i:04d}.png", guide)
        write_npy(root / "HR_RGB" / STDNET / "depth" / name, depth)
        write_npy(root / "LR" / "X4" / STDNET / name, lq)


def write_native(root, codes=CODES, frames=2):
    for i in range(frames):
        guide = coordinate_guide(frames, 8, 12)[i]
        write_rgb(root / NATIVE / "images" / f"{SEQUENCE}-{i:04d}.png", guide)
        write_png16(root / NATIVE / "depths" / f"{SEQUENCE}_{i:04d}.geometric.png", codes)


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
def test_stdnet_layout_holds_float16_codes_in_any_dtype(tmp_path, dtype):
    write_stdnet(tmp_path, CODES.astype(dtype), CODES[None, ::4, ::4].astype(dtype))
    source = DynamicReplica(str(tmp_path))
    assert (source.layout, source.clips()) == ("stdnet", {STDNET: 2})
    np.testing.assert_array_equal(source.depth_m(STDNET, 1), METRES)
    np.testing.assert_array_equal(source.lq_m(STDNET, 1, 4), METRES[::4, ::4])
    np.testing.assert_array_equal(source.guide(STDNET, 1), coordinate_guide(2, 8, 12)[1])


def test_native_layout_holds_float16_bits_in_a_png(tmp_path):
    write_native(tmp_path)
    source = DynamicReplica(str(tmp_path))
    assert (source.layout, source.clips()) == ("native", {NATIVE: 2})
    np.testing.assert_array_equal(source.depth_m(NATIVE, 1), METRES)
    assert source.lq_m(NATIVE, 1, 4) is None


def test_raw_codes_are_the_papers_parity_mode(tmp_path):
    write_stdnet(tmp_path)
    source = DynamicReplica(str(tmp_path), depth_decode="uint16_raw")
    np.testing.assert_array_equal(source.depth_m(STDNET, 0), CODES)
    np.testing.assert_array_equal(source.lq_m(STDNET, 0, 4), CODES[::4, ::4])
    assert (source.default_range_m, DynamicReplica.default_range_m) == (17700, 10)


def test_raw_codes_cannot_be_simulated(tmp_path):
    write_native(tmp_path)
    source = DynamicReplica(str(tmp_path), depth_decode="uint16_raw")
    np.testing.assert_array_equal(source.depth_m(NATIVE, 0), CODES)
    with pytest.raises(FileNotFoundError, match="uint16_raw: expected LR files"):
        source.lq_m(NATIVE, 0, 4)


def test_metres_are_left_alone(tmp_path):
    write_stdnet(tmp_path, METRES, METRES[None, ::4, ::4])
    source = DynamicReplica(str(tmp_path), depth_decode="metres")
    np.testing.assert_array_equal(source.depth_m(STDNET, 0), METRES)


def test_numbers_between_codes_are_not_decoded_as_float16(tmp_path):
    write_stdnet(tmp_path, lq=CODES[None, ::4, ::4] / 1023 * 100)
    source = DynamicReplica(str(tmp_path))
    with pytest.raises(ValueError, match=r"geometric.npy: expected whole float16 codes"):
        source.lq_m(STDNET, 0, 4)


def test_depth_nearer_than_a_hundredth_millimetre_is_none(tmp_path):
    write_native(tmp_path, np.where(CODES % 2, CODES, 7).astype(np.uint16))  # 7 is 4e-7 m
    depth_m = DynamicReplica(str(tmp_path)).depth_m(NATIVE, 0)
    np.testing.assert_array_equal(depth_m, np.where(CODES % 2, METRES, 0))


def test_an_unknown_decoding_lists_the_known(tmp_path):
    write_native(tmp_path)
    with pytest.raises(ValueError, match=r"one of float16_png, uint16_raw, metres; got 'raw'"):
        DynamicReplica(str(tmp_path), depth_decode="raw")


def entry(number, centre, size=(8, 12), **view):
    """An annotation of a camera at ``centre`` whose axes (x left, y up, z forward) are the world's.

    PyTorch3D: a point as a row is ``world @ R + T`` in the view.
    """
    rotation = np.eye(3)
    viewpoint = {
        "R": rotation.tolist(),
        "T": (-np.asarray(centre, float) @ rotation).tolist(),
        "focal_length": [2.0, 2.5],
        "principal_point": [0.25, -0.5],
        "intrinsics_format": "ndc_isotropic",
        **view,
    }
    path = f"{SEQUENCE}/images/{SEQUENCE}-{number:04d}.png"
    image = {"path": path, "size": list(size)}
    return {"frame_number": number, "image": image, "viewpoint": viewpoint, "camera_name": "left"}


def annotate(folder, *entries):
    data = gzip.compress(json.dumps(entries).encode())
    (folder / "frame_annotations_test.jgz").write_bytes(data)


def test_a_camera_with_the_world_s_axes_lies_where_it_lies(tmp_path):
    write_native(tmp_path)
    annotate(tmp_path / "test", entry(0, (0, 0, 0)), entry(1, (1, 2, 3)))
    pose = DynamicReplica(str(tmp_path)).pose(NATIVE, 1)
    # Right and down are the world's -x and -y.
    np.testing.assert_allclose(pose, [[-1, 0, 0, 1], [0, -1, 0, 2], [0, 0, 1, 3], [0, 0, 0, 1]])


def test_a_turned_camera_maps_a_point_as_pytorch3d_does(tmp_path):
    write_native(tmp_path)
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    moved = [0.3, -0.7, 1.1]
    annotate(tmp_path / "test", entry(0, (0, 0, 0), R=turn.tolist(), T=moved))
    pose = DynamicReplica(str(tmp_path)).pose(NATIVE, 0)
    world = np.array([0.5, 1.5, -2.0])
    left, up, forward = world @ turn + moved
    np.testing.assert_allclose(pose @ [-left, -up, forward, 1], [*world, 1])


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        # Half of the shorter side, 4, is one unit; the middle of 12 x 8 pixels is (6, 4).
        ("ndc_isotropic", (2 * 4, 2.5 * 4, 6 - 0.25 * 4 - 0.5, 4 + 0.5 * 4 - 0.5)),
        ("ndc_norm_image_bounds", (2 * 6, 2.5 * 4, 6 - 0.25 * 6 - 0.5, 4 + 0.5 * 4 - 0.5)),
    ],
)
def test_normalised_intrinsics_become_pixels(tmp_path, kind, expected):
    write_native(tmp_path)
    annotate(tmp_path / "test", entry(0, (0, 0, 0), intrinsics_format=kind))
    assert DynamicReplica(str(tmp_path)).intrinsics_px(NATIVE) == pytest.approx(expected)


@pytest.mark.parametrize("layout", ["stdnet", "native"])
def test_flow_is_two_planes_side_by_side_and_a_mask(tmp_path, layout):
    write_native(tmp_path) if layout == "native" else write_stdnet(tmp_path)
    clip = NATIVE if layout == "native" else STDNET
    folder = tmp_path / NATIVE if layout == "native" else tmp_path / "HR_RGB" / STDNET
    flow = np.arange(2 * 8 * 12).reshape(2, 8, 12).astype(np.float16) / 4 - 20
    codes = np.concatenate(list(flow), axis=1).view(np.uint16)
    write_png16(folder / "flow_forward" / f"{SEQUENCE}_0000.png", codes)
    mask = np.zeros((8, 12, 3), np.uint8)
    mask[2, 5] = 255
    write_rgb(folder / "flow_forward_mask" / f"{SEQUENCE}_0000.png", mask)
    source = DynamicReplica(str(tmp_path))
    found, seen = source.flow_px(clip, 0)
    np.testing.assert_array_equal(found, flow)
    assert np.argwhere(seen).tolist() == [[2, 5]]
    assert source.flow_px(clip, 1) is None


def test_without_these_files_there_is_neither_camera_nor_flow(tmp_path):
    write_native(tmp_path)
    source = DynamicReplica(str(tmp_path))
    assert source.pose(NATIVE, 0) is None
    assert source.intrinsics_px(NATIVE) is None
    assert source.flow_px(NATIVE, 0) is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no gzip", "expected gzipped JSON"),
        (gzip.compress(b"{}", mtime=0), "expected a list of frames; got dict"),
        (gzip.compress(b"[{}]", mtime=0), "expected frames with frame_number"),
        (gzip.compress(b"[]", mtime=0), "expected frame 0 of"),
    ],
)
def test_annotations_that_do_not_fit_are_named(tmp_path, content, message):
    write_native(tmp_path)
    (tmp_path / "test/frame_annotations_test.jgz").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        DynamicReplica(str(tmp_path)).pose(NATIVE, 0)
