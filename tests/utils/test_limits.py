"""What a file declares is bounded by what it and the machine can hold."""

import contextlib
import io
import struct
import time
import zipfile
import zlib

import cv2
import numpy as np
import pytest

from stdnet_arch.data.codecs.depth_codec import load_npz
from stdnet_arch.data.codecs.depth_file import load_stored
from stdnet_arch.data.codecs.rgb_codec import read_rgb
from stdnet_arch.utils import limits
from stdnet_arch.utils.input_errors import InputError
from stdnet_arch.utils.limits import check_declared, free_bytes


def test_a_file_cannot_hold_more_than_it_can_be_packed_to():
    check_declared(1200 * 50_000, 50_000, "x")
    with pytest.raises(InputError, match=r"x: declares 60001200 bytes .* its 50000 bytes cannot"):
        check_declared(1200 * 50_001, 50_000, "x")


def test_an_array_must_fit_into_the_free_memory(monkeypatch):
    monkeypatch.setattr(limits, "free_bytes", lambda: 10**9)
    check_declared(4 * 10**8, 10**9, "x")
    with pytest.raises(InputError, match=r"x: needs 0.6 GB of memory, 1 GB are free"):
        check_declared(6 * 10**8, 10**9, "x")


def test_the_container_counts_if_it_has_less(monkeypatch, tmp_path):
    monkeypatch.setattr(limits, "CONTAINER", tmp_path)
    machine = free_bytes()
    (tmp_path / "memory.max").write_text("5000\n")
    (tmp_path / "memory.current").write_text("2000\n")
    assert free_bytes() == 3000
    (tmp_path / "memory.max").write_text("max\n")
    assert free_bytes() == pytest.approx(machine, rel=0.5)


def png(width, height):
    """A small PNG that declares a size."""
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes(5000))),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def tiff(width, height):
    """A small TIFF that declares a size."""
    data = bytearray(cv2.imencode(".tiff", np.ones((4, 5), np.float32))[1].tobytes())
    start = struct.unpack("<I", data[4:8])[0]
    for i in range(struct.unpack("<H", data[start : start + 2])[0]):
        entry = start + 2 + 12 * i
        tag, kind = struct.unpack("<HH", data[entry : entry + 4])
        if tag in {256, 257}:
            data[entry + 2 : entry + 12] = struct.pack("<HII", 4, 1, (width, height)[tag - 256])
    return bytes(data)


@pytest.mark.parametrize(("name", "make"), [("x.png", png), ("x.tiff", tiff)])
@pytest.mark.parametrize("side", [20_000, 60_000])
def test_a_picture_that_declares_too_much_is_refused_at_once(tmp_path, name, make, side):
    (tmp_path / name).write_bytes(make(side, side))
    begun = time.process_time()
    with pytest.raises(InputError, match=rf"{name}: "):
        (read_rgb if name == "x.png" else load_stored)(tmp_path / name)
    assert time.process_time() - begun < 5  # decoding it would take a minute


def test_a_blank_picture_is_no_fault(tmp_path):
    blank = np.zeros((2160, 3840), np.uint16)
    (tmp_path / "x.png").write_bytes(cv2.imencode(".png", blank)[1].tobytes())
    assert load_stored(tmp_path / "x.png").shape == blank.shape


def npz(path, shape, stored, flags=0):
    """A npz whose header declares a shape, with other bytes behind it."""
    header = io.BytesIO()
    about = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, about)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("depth.npy", header.getvalue() + stored)
    data = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(mark) + offset] |= flags
    path.write_bytes(data)
    return path


def test_an_array_that_declares_more_than_its_file_is_refused(tmp_path):
    path = npz(tmp_path / "x.npz", (50_000, 50_000), bytes(1000))
    with pytest.raises(InputError, match=r"x.npz: depth.npy declares \(50000, 50000\)"):
        load_npz(path)


def test_an_encrypted_array_is_refused(tmp_path):
    path = npz(tmp_path / "x.npz", (10,), bytes(40), flags=1)
    with pytest.raises(InputError, match=r"x.npz: .*encrypted"):
        load_npz(path)


def test_every_flipped_bit_of_a_compressed_array_is_noticed(tmp_path):
    stored = np.random.default_rng(0).random((20, 30)).astype(np.float32)
    np.savez_compressed(tmp_path / "x.npz", depth=stored)
    whole = (tmp_path / "x.npz").read_bytes()
    wrong = 0
    for place in np.random.default_rng(1).integers(0, len(whole), 300):
        data = bytearray(whole)
        data[place] ^= 1 << (place % 8)
        (tmp_path / "x.npz").write_bytes(data)
        with contextlib.suppress(InputError):
            wrong += not np.array_equal(load_npz(tmp_path / "x.npz"), stored)
    assert wrong == 0
