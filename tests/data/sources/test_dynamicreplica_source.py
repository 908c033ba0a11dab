"""Dynamic Replica in both layouts and all decodings."""

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
