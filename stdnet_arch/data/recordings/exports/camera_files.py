"""Files that say the one camera of an export: ScanNet, tsdf-fusion, Replica, plain numbers."""

from pathlib import Path
from typing import Any

from stdnet_arch.data.recordings.recording import Intrinsics
from stdnet_arch.utils.input_errors import is_regular, read_json

MATRICES = ("intrinsic/intrinsic_color.txt", "camera-intrinsics.txt", "intrinsics.txt")
PARAMETERS = ("cam_params.json", "../cam_params.json")


def find_camera(root: Path) -> Intrinsics | None:
    """Find the camera of the RGB in or beside a folder; None if no file says it.

    Args:
        root: the folder of the frames, or of their folders.
    """
    for place in (root, root.parent):
        for name in MATRICES:
            if is_regular(place / name):
                return _of_numbers((place / name).read_text(encoding="utf-8", errors="replace"))
    content = _parameters(root)
    try:
        return Intrinsics(*(float(content[key]) for key in ("fx", "fy", "cx", "cy")))
    except (KeyError, TypeError, ValueError):
        return None


def find_unit(root: Path) -> float | None:
    """Find the metres per stored unit beside Replica's frames (``scale`` is units per metre)."""
    try:
        return 1 / float(_parameters(root)["scale"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None


def _parameters(root: Path) -> dict[str, Any]:
    for name in PARAMETERS:
        for place in (root, root.parent):
            path = place / name
            if is_regular(path):
                content = read_json(path)
                inner = content.get("camera", {}) if isinstance(content, dict) else {}
                return inner if isinstance(inner, dict) else {}
    return {}


def _of_numbers(text: str) -> Intrinsics | None:
    """Read a matrix of 3x3 or 4x4 by rows, or ``fx fy cx cy``; None for anything else."""
    try:
        numbers = [float(word) for word in text.replace(",", " ").split()]
    except ValueError:
        return None
    places = {4: (0, 1, 2, 3), 9: (0, 4, 2, 5), 16: (0, 5, 2, 6)}.get(len(numbers))
    return None if places is None else Intrinsics(*(numbers[i] for i in places))
