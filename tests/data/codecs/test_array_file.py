"""Several arrays in a file: whole, checked, without code."""

import zipfile

import numpy as np
import pytest

from stdnet_arch.data.codecs.array_file import read_arrays, write_arrays
from stdnet_arch.utils.input_errors import InputError

ARRAYS = {"a": np.arange(6, dtype=np.int16).reshape(2, 3), "b": np.array(["x", "yz"])}


@pytest.mark.parametrize("compressed", [True, False])
def test_arrays_come_back_and_numpy_reads_them(tmp_path, compressed):
    write_arrays(tmp_path / "x.npz", ARRAYS, compressed)
    for found in (read_arrays(tmp_path / "x.npz"), dict(np.load(tmp_path / "x.npz"))):
        assert found.keys() == ARRAYS.keys()
        np.testing.assert_array_equal(found["a"], ARRAYS["a"])
        np.testing.assert_array_equal(found["b"], ARRAYS["b"])
    assert [path.name for path in tmp_path.iterdir()] == ["x.npz"]


def test_a_flipped_bit_is_noticed(tmp_path):
    write_arrays(tmp_path / "x.npz", ARRAYS, compressed=False)
    data = bytearray((tmp_path / "x.npz").read_bytes())
    data[data.index(ARRAYS["a"].tobytes())] ^= 1
    (tmp_path / "x.npz").write_bytes(data)
    with pytest.raises(InputError, match="x.npz: expected a readable npz file"):
        read_arrays(tmp_path / "x.npz")


def test_pickled_objects_are_not_read(tmp_path):
    np.savez(tmp_path / "x.npz", a=np.array([{}], object))
    with pytest.raises(InputError, match="x.npz"):
        read_arrays(tmp_path / "x.npz")


def test_an_array_that_the_file_cannot_hold_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000,), }"
        header += b" " * (117 - len(header)) + b"\n"
        archive.writestr("a.npy", b"\x93NUMPY\x01\x00" + bytes([118, 0]) + header + bytes(8))
    with pytest.raises(InputError, match="declares"):
        read_arrays(tmp_path / "x.npz")
