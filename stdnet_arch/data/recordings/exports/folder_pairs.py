"""Depth and RGB that lie together: two folders of one root, or files of one folder."""

import re
from pathlib import Path
from typing import NamedTuple

from stdnet_arch.data.codecs.depth_file import SUFFIXES as DEPTH_SUFFIXES
from stdnet_arch.data.recordings.picture_file import PICTURE_SUFFIXES
from stdnet_arch.utils.input_errors import is_regular

DEPTH_FOLDERS = ("depth", "depths", "depth_left", "depth_image", "depth_images", "depth_lcam_front")
RGB_FOLDERS = (
    "rgb", "color", "colour", "image", "images", "rgbs", "image_left", "color_image", "rgb_image",
    "image_lcam_front", "corrected_images",
)  # fmt: skip
OTHER = ("pose", "mask", "conf", "normal", "label", "instance", "semantic", "flow", "albedo")
"""Words in names of pictures that are neither depth nor RGB."""
_REPLICA = re.compile(r"depth\d{6}$")
REPLICA_UNIT_M = 1 / 6553.5


class Together(NamedTuple):
    """The frames of one root."""

    depth: list[Path]
    rgb: list[Path]
    unit: str | float | None
    """The layout's; None if it does not say any."""
    layout: str


def find_two_folders(root: Path) -> tuple[Path, Path] | None:
    """Find a folder of depth and one of RGB in a root, by their names."""
    if not root.is_dir():
        return None
    folders = {path.name.lower(): path for path in root.iterdir() if path.is_dir()}
    depth = next((folders[name] for name in DEPTH_FOLDERS if name in folders), None)
    rgb = next((folders[name] for name in RGB_FOLDERS if name in folders), None)
    return (depth, rgb) if depth and rgb else None


def is_one_folder(root: Path) -> bool:
    """Tell whether depth and RGB files lie in one folder."""
    return root.is_dir() and split_folder(root) is not None


def split_folder(root: Path) -> Together | None:
    """Split the files of a folder by their names: ``depth`` in it, or a picture without.

    7-Scenes and tsdf-fusion (``frame-000000.depth.png``, ``.color.png``), Replica of NICE-SLAM
    (``depth000000.png``, ``frame000000.jpg``).

    Returns:
        None if there are not both.
    """
    files = [
        path
        for path in sorted(root.iterdir())
        if path.suffix.lower() in {*DEPTH_SUFFIXES, *PICTURE_SUFFIXES}
        and not path.name.startswith(".")
        and is_regular(path)
    ]
    depth = [
        path for path in files
        if "depth" in path.stem.lower() and path.suffix.lower() in DEPTH_SUFFIXES
    ]  # fmt: skip
    rgb = [
        path
        for path in files
        if path.suffix.lower() in PICTURE_SUFFIXES
        and not any(word in path.stem.lower() for word in ("depth", *OTHER))
    ]
    named = [path for path in rgb if re.search("color|rgb", path.stem.lower())]
    if not depth or not rgb:
        return None
    is_replica = all(_REPLICA.match(path.stem) for path in depth)
    unit = REPLICA_UNIT_M if is_replica else None
    layout = "Replica" if is_replica else "one folder for depth and RGB"
    return Together(depth, named or rgb, unit, layout)
