"""Resolve names that come from files, and check what a command may write to."""

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath, PureWindowsPath
from stat import S_ISREG

from stdnet_arch.utils.input_errors import InputError

CHECKPOINTS = (".pth", ".pt", ".ckpt", ".safetensors", ".state", ".bin")


def check_name(name: object, what: str = "name") -> str:
    """Return a name that a file gave and that may become part of a path.

    Args:
        name: relative, such as ``clip/depth``.
        what: meaning of the name, for errors.

    Raises:
        InputError: no text, empty, absolute, or with ``..``.
    """
    if not isinstance(name, str) or not name.strip() or "\0" in name:
        raise InputError(f"{what} must be a name; got {name!r}")
    windows = PureWindowsPath(name)
    rooted = PurePosixPath(name).is_absolute() or windows.drive or windows.root
    if rooted or ".." in re.split(r"[\\/]", name):
        raise InputError(f"{what} must stay in its folder: no absolute path, no ..; got {name!r}")
    return name


def resolve_name(root: Path, name: object, what: str = "name") -> Path:
    """Return the path of a name that a file gave, which must stay under ``root``.

    Args:
        root: the folder that the name belongs to.
        name: see :func:`check_name`.
        what: meaning of the name, for errors.

    Raises:
        InputError: the name or a link in its path leaves ``root``.
    """
    path = root / check_name(name, what)
    if not is_inside(path, root):
        raise InputError(f"{what} must stay under {root}; got {name!r}, a link that leaves it")
    return path


def is_inside(path: Path, folder: Path) -> bool:
    """Tell whether a path is a folder or lies in it, all links followed."""
    try:
        real, real_folder = path.resolve(), folder.resolve()
    except (OSError, RuntimeError) as error:  # a loop of links
        raise InputError(f"{path}: expected a path without a loop of links; {error}") from error
    # Since Python 3.13 a loop is no error, but a link that stays in the path.
    if any(part.is_symlink() for part in (real, *real.parents)):
        raise InputError(f"{path}: expected a path without a loop of links; got one at {real}")
    return real == real_folder or real_folder in real.parents


def check_replaceable(path: Path) -> None:
    """Refuse to write where something other than a regular file is.

    Replacing a link, a pipe or a device (``/dev/null``) would destroy it.

    Raises:
        InputError: a folder, a link, a pipe, a device or a socket is there.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    except NotADirectoryError:
        raise InputError(f"{path}: expected a folder at {path.parent}; got a file") from None
    if not S_ISREG(mode):
        raise InputError(
            f"{path}: expected a new or a regular file to write to; got a folder, link, pipe or "
            "device"
        )


def check_target(
    path: Path, suffixes: Iterable[str], inputs: Iterable[str | Path | None] = ()
) -> None:
    """Refuse a file to write that would replace an input, a checkpoint or a device.

    Args:
        path: the file that was asked for.
        suffixes: endings of what will be written, in lower case, with the dot.
        inputs: files and folders that are read; None is left out.

    Raises:
        InputError: another ending, an input or inside one, or no regular file.
    """
    suffixes = tuple(suffixes)
    if path.suffix.lower() not in suffixes:
        raise InputError(
            f"expected a file to write that ends in {' or '.join(suffixes)}; got {path}"
        )
    check_replaceable(path)
    for given in inputs:
        if given is not None and (is_inside(path, Path(given)) or _is_same(path, Path(given))):
            raise InputError(f"{path} must not replace or lie in the input {given}; choose another")


def check_output_folder(
    folder: Path, inputs: Iterable[str | Path | None], own: Iterable[str] = ()
) -> None:
    """Refuse an output folder that is or lies in an input, or whose own parts hold one.

    Args:
        folder: folder to write to.
        inputs: files and folders that are read; None is left out.
        own: names of folders in ``folder`` that are written, too.

    Raises:
        InputError: they overlap, or a folder of ``own`` is a link.
    """
    parts = [folder / name for name in own]
    for part in parts:
        if part.is_symlink():
            raise InputError(f"{part} must be a folder, since it is written to; got a link")
    for given in inputs:
        if given is None:
            continue
        if is_inside(folder, Path(given)) or any(is_inside(Path(given), part) for part in parts):
            raise InputError(
                f"the output must be a folder of its own; {folder} and the input {given} overlap"
            )


def _is_same(one: Path, other: Path) -> bool:
    """Tell whether two names are one file, hard links included."""
    try:
        return one.samefile(other)
    except OSError:
        return False
