"""Bound what is allocated for a file by what the file and the machine can hold."""

import sys
from pathlib import Path

from stdnet_arch.utils.input_errors import InputError

PACKED = 1200
"""Bytes that one byte of a file can become: deflate makes 1032 at most, JPEG and LZW about that."""
SMALL = 1 << 22
"""Bytes that need no reason [4 MB]."""
SHARE = 0.5
"""Share of the free memory that one array may take."""
MEMORY = Path("/proc/meminfo")
CONTAINER = Path("/sys/fs/cgroup")


def check_declared(wanted: int, held: int, what: str | Path) -> None:
    """Refuse an array that a file declares and cannot hold, or the machine cannot.

    Args:
        wanted: bytes of the array.
        held: bytes of the file, or of the part of it that holds the array.
        what: the file, for errors.

    Raises:
        InputError: too much.
    """
    if wanted > SMALL and wanted > PACKED * held:
        raise InputError(
            f"{what}: declares {wanted} bytes of pixels or numbers, which its {held} bytes cannot "
            "hold; it is damaged"
        )
    free = free_bytes()
    if free is not None and wanted > max(SHARE * free, SMALL):
        raise InputError(
            f"{what}: needs {wanted / 1e9:.2g} GB of memory, {free / 1e9:.2g} GB are free; use "
            "smaller frames or a machine with more memory"
        )


def free_bytes() -> int | None:
    """Return the memory that is free for this program [bytes]; None where nothing says it."""
    said = [size for size in (_machine(), _container()) if size is not None]
    return min(said, default=None)


def _machine() -> int | None:
    try:
        lines = MEMORY.read_text(encoding="ascii").splitlines()
    except OSError:  # no Linux
        return None
    free = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(free[0]) * 1024 if free else None


def _container() -> int | None:
    """Return what a container (cgroup v2) still allows."""
    try:
        most = (CONTAINER / "memory.max").read_text(encoding="ascii").strip()
        used = (CONTAINER / "memory.current").read_text(encoding="ascii").strip()
    except OSError:
        return None
    return max(int(most) - int(used), 0) if most.isdigit() and used.isdigit() else None


def peak_memory_mb() -> float:
    """The most RAM that the program had so far [MB]; NaN where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)
