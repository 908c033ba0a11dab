"""Files of PyTorch: written whole, read without running code, and never read when damaged."""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stdnet_arch.utils.input_errors import InputError, check_regular
from stdnet_arch.utils.whole_file import write_whole

CHECKSUM = "checksum"
"""Key beside the tensors of a file of ours; see :func:`digest_tensors`."""


def write_torch(path: Path, content: Mapping[str, Any]) -> None:
    """Write tensors and plain values as ``torch.save`` does, whole or not at all.

    Args:
        path: the file; its folder is made.
        content: values to save; the checksum of its tensors is saved beside it.

    Raises:
        OSError: the disk is full, or the folder cannot be written to.
    """
    buffer = io.BytesIO()
    torch.save({**content, CHECKSUM: digest_tensors(content)}, buffer)
    write_whole(path, buffer.getvalue())


def read_torch(path: Path) -> Any:  # noqa: ANN401  whatever a file holds
    """Read tensors and plain values to the CPU; no code in the file runs.

    Every part of a zip file is compared with its checksum (CRC-32), which PyTorch itself does not.
    So is the file's own checksum, if it has one.

    Raises:
        FileNotFoundError: no such file.
        InputError: no such content, or it was damaged.
    """
    size = check_regular(path)
    if size == 0:
        raise InputError(f"{path} is not a checkpoint of tensors: it is empty")
    try:
        if zipfile.is_zipfile(path):
            _check_zip(path, size)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except InputError:
        raise
    except (PermissionError, MemoryError):
        raise
    except Exception as error:  # rubbish makes the unpickler raise whatever it happens to read as
        raise InputError(f"{path} is not a checkpoint of tensors: {error}") from error
    _check_tensors(content, path)
    if isinstance(content, dict) and CHECKSUM in content:
        check_digest(content, content.pop(CHECKSUM), path)
    return content


def digest_tensors(content: Mapping[str, Any]) -> str:
    """Compute the BLAKE2b of all tensors in nested mappings and lists, with their places."""
    total = hashlib.blake2b(digest_size=16)
    for place, value in _tensors(content, ""):
        value = value.detach().cpu().contiguous()
        total.update(json.dumps([place, str(value.dtype), list(value.shape)]).encode())
        total.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    return total.hexdigest()


def check_digest(content: Mapping[str, Any], expected: object, path: Path) -> None:
    """Compare tensors with the checksum that was saved beside them.

    Raises:
        InputError: they differ.
    """
    found = digest_tensors({key: value for key, value in content.items() if key != CHECKSUM})
    if found != expected:
        raise InputError(
            f"{path} is damaged: its checksum is {expected}, its tensors have {found}; copy or "
            "make it again"
        )


def check_finite(state: Mapping[str, object], path: str | Path) -> None:
    """Refuse weights with a number that is NaN or infinite.

    Args:
        state: name to parameter; what is no tensor is left out.
        path: the file, for errors.

    Raises:
        InputError: there is one; it is named.
    """
    broken = find_not_finite({k: v for k, v in state.items() if isinstance(v, Tensor)})
    if broken is not None:
        raise InputError(
            f"{path}: expected finite weights; {broken} holds NaN or inf (the training diverged, "
            "or the file is damaged)"
        )


def find_not_finite(tensors: Mapping[str, Tensor]) -> str | None:
    """Return the name of the first tensor with a number that is NaN or infinite, or None."""
    for name, value in tensors.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            return name
    return None


def _check_zip(path: Path, size: int) -> None:
    with zipfile.ZipFile(path) as archive:
        parts = archive.infolist()
        total = sum(part.file_size for part in parts)
        # PyTorch stores without compression, so the parts cannot be larger than the file.
        if total > size or any(part.compress_type != zipfile.ZIP_STORED for part in parts):
            raise InputError(
                f"{path}: expected parts of {size} bytes at most, not compressed; got {total}"
            )
        damaged = archive.testzip()
        if damaged is not None:
            raise InputError(f"{path} is damaged: {damaged} does not fit its checksum")


def _check_tensors(content: object, path: Path) -> None:
    """Refuse tensors that claim more numbers than the file holds (by strides of 0)."""
    for place, value in _tensors(content, ""):
        if value.layout != torch.strided or value.is_meta:
            raise InputError(f"{path}: expected plain tensors; {place} is {value.layout}")
        if value.numel() * value.element_size() > value.untyped_storage().nbytes():
            raise InputError(
                f"{path}: {place} claims {value.numel()} numbers; the file holds fewer"
            )


def _tensors(content: object, place: str) -> Iterator[tuple[str, Tensor]]:
    """Return every tensor in nested mappings and lists, with its place, in order."""
    if isinstance(content, Tensor):
        yield place, content
    elif isinstance(content, Mapping):
        for key, value in content.items():
            yield from _tensors(value, f"{place}/{key}")
    elif isinstance(content, list | tuple):
        for i, value in enumerate(content):
            yield from _tensors(value, f"{place}/{i}")
