"""Files of PyTorch are whole, and a damaged one is never read as another."""

import zipfile

import numpy as np
import pytest
import torch

from stdnet_arch.utils.input_errors import InputError
from stdnet_arch.utils.torch_file import CHECKSUM, find_not_finite, read_torch, write_torch

CONTENT = {
    "params": {"a": torch.arange(6.0).view(2, 3), "b": torch.ones(4, dtype=torch.int64)},
    "iter": 3,
}


def same(one, other):
    return one["iter"] == other["iter"] and all(
        torch.equal(one["params"][name], value) for name, value in other["params"].items()
    )


def test_what_is_written_is_read(tmp_path):
    write_torch(tmp_path / "x.pth", CONTENT)
    read = read_torch(tmp_path / "x.pth")
    assert same(read, CONTENT)
    assert read.keys() == CONTENT.keys()


def test_every_flipped_bit_is_noticed_or_harmless(tmp_path):
    path = tmp_path / "x.pth"
    write_torch(path, CONTENT)
    whole, refused = path.read_bytes(), 0
    for place in np.random.default_rng(0).integers(0, len(whole), 400):
        data = bytearray(whole)
        data[place] ^= 1 << (place % 8)
        path.write_bytes(data)
        try:
            assert same(read_torch(path), CONTENT), place
        except InputError:
            refused += 1
    assert refused > 100


def test_a_file_of_others_is_compared_with_the_checksums_of_its_zip(tmp_path):
    path = tmp_path / "x.pth"
    torch.save(CONTENT, path)
    assert same(read_torch(path), CONTENT)
    data = bytearray(path.read_bytes())
    place = bytes(data).index(torch.arange(6.0).numpy().tobytes())
    data[place + 5] ^= 16
    path.write_bytes(data)
    assert not same(torch.load(path, weights_only=True), CONTENT)  # PyTorch does not notice
    with pytest.raises(InputError, match="does not fit its checksum"):
        read_torch(path)


def test_tensors_of_another_checksum_are_refused(tmp_path):
    torch.save({**CONTENT, CHECKSUM: "0" * 32}, tmp_path / "x.pth")
    with pytest.raises(InputError, match="is damaged: its checksum is 0000"):
        read_torch(tmp_path / "x.pth")


def test_a_tensor_that_claims_more_than_the_file_holds_is_refused(tmp_path):
    torch.save({"params": {"a": torch.zeros(1).expand(10**6, 10**6)}}, tmp_path / "x.pth")
    with pytest.raises(InputError, match="/params/a claims 1000000000000 numbers"):
        read_torch(tmp_path / "x.pth")


def test_parts_that_unpack_to_more_than_the_file_are_refused(tmp_path):
    path = tmp_path / "x.pth"
    torch.save({"a": torch.zeros(10**6)}, tmp_path / "stored.pth")
    with (
        zipfile.ZipFile(tmp_path / "stored.pth") as stored,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for part in stored.infolist():
            packed.writestr(part.filename, stored.read(part))
    with pytest.raises(InputError, match="expected parts of .* not compressed"):
        read_torch(path)


@pytest.mark.parametrize(
    "data", [b"", b"x", b"PK\3\4", b"\x80\x02}q\x00.", b"\x80\x02cos\nsystem\n."]
)
def test_rubbish_is_told(tmp_path, data):
    (tmp_path / "x.pth").write_bytes(data)
    with pytest.raises(InputError, match=r"x\.pth"):
        read_torch(tmp_path / "x.pth")


def test_the_first_number_that_is_none_is_found():
    tensors = {"a": torch.ones(3), "b": torch.tensor([1, float("nan")]), "c": torch.tensor([2])}
    assert find_not_finite(tensors) == "b"
    assert find_not_finite({"a": torch.ones(3)}) is None
