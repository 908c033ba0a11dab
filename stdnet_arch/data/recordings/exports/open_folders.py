"""Folders and files of depth and RGB, opened with what lies beside them."""

from pathlib import Path

from stdnet_arch.data.recordings.assemble import (
    assemble,
    pair_readers,
    say_unit_of,
    with_unit,
)
from stdnet_arch.data.recordings.depth_io import DepthFiles, DepthReader, open_depth
from stdnet_arch.data.recordings.exports.camera_files import find_camera, find_unit
from stdnet_arch.data.recordings.exports.folder_pairs import find_two_folders, split_folder
from stdnet_arch.data.recordings.exports.transforms_json import NAME, read_transforms
from stdnet_arch.data.recordings.exports.tum_lists import (
    UNIT_M,
    ListedFrames,
    has_lists,
    read_lists,
)
from stdnet_arch.data.recordings.frame_names import natural_key
from stdnet_arch.data.recordings.pairing import Pairing
from stdnet_arch.data.recordings.reading import Reading
from stdnet_arch.data.recordings.recording import About, FileRecording
from stdnet_arch.data.recordings.rgb_io import RGBFiles, open_rgb
from stdnet_arch.data.recordings.track.beside import find_track


def open_two_places(depth: Path, reading: Reading, rgb: Path | None = None) -> FileRecording:
    """Open depth and RGB of two places.

    Lists beside the folders (``associations.txt``, ``rgb.txt``, ``depth.txt``) say what belongs
    together, unless the user does.

    Args:
        depth: see :func:`stdnet_arch.data.recordings.depth_io.open_depth`.
        reading: the user's choices of how it is read.
        rgb: see :func:`stdnet_arch.data.recordings.rgb_io.open_rgb`; None: both are folders of
            ``depth``, found by their names.
    """
    layout = "depth and RGB of two places"
    if rgb is None:
        found = find_two_folders(depth)
        if found is None:
            raise ValueError(f"expected a folder of depth and one of RGB in {depth}")
        (depth, rgb), layout = found, f"{found[0].name}/ and {found[1].name}/"
    if depth.is_dir() and depth.resolve() == rgb.resolve():
        return open_one_folder(depth, reading)
    root = depth.parent
    if depth.is_dir() and root.resolve() == rgb.parent.resolve() and has_lists(root):
        listed = read_lists(root, reading.within_s)
        if reading.pair in {"auto", "time"} and _lies_in(listed, depth, rgb):
            return _open_lists(root, listed, reading)
    depths = open_depth(depth, reading.coding, by_name=True)
    colors = open_rgb(rgb, by_name=True, upright=reading.rotate_rgb is None)
    try:
        pairing = pair_readers(depths, colors, reading)
    except ValueError as error:
        raise ValueError(f"{depth} and {rgb}: {error}") from error
    camera = find_camera(root)
    return assemble(
        depths,
        colors,
        pairing,
        reading,
        places=(f"{depth}", f"{rgb}"),
        about=About(layout, _say_unit(depths, reading)),
        camera=lambda _: camera,
        track=find_track(root, colors.files) if isinstance(colors, RGBFiles) else None,
    )


def open_listed(root: Path, reading: Reading) -> FileRecording:
    """Open a folder with ``associations.txt``, or ``rgb.txt`` and ``depth.txt``."""
    return _open_lists(root, read_lists(root, reading.within_s), reading)


def open_one_folder(root: Path, reading: Reading) -> FileRecording:
    """Open depth and RGB files that lie in one folder."""
    found = split_folder(root)
    if found is None:
        raise ValueError(
            f"expected depth and RGB files in {root}, told apart by 'depth' in their names; give "
            f"patterns: --depth '{root}/*.depth.png' --rgb '{root}/*.color.png'"
        )
    unit = find_unit(root) or found.unit
    reading = with_unit(reading, unit, f"{found.layout} layout")
    depth_files, rgb_files = (
        sorted(files, key=lambda file: natural_key(file.stem)) for files in (found.depth, found.rgb)
    )
    depths, colors = DepthFiles(depth_files, reading.coding), RGBFiles(rgb_files)
    camera = find_camera(root)
    return assemble(
        depths,
        colors,
        pair_readers(depths, colors, reading),
        reading,
        places=(f"depth in {root}", f"RGB in {root}"),
        about=About(found.layout, say_unit_of(depth_files, reading.coding)),
        camera=lambda _: camera,
        track=find_track(root, rgb_files),
    )


def open_transforms(root: Path, reading: Reading) -> FileRecording:
    """Open a folder with ``transforms.json``, whose frames name their depth."""
    frames = read_transforms(root)
    reading = with_unit(reading, frames.unit, NAME)
    count = len(frames.depth)
    pairing = Pairing(tuple((i, i) for i in range(count)), NAME)
    notes = (f"{frames.without_depth} frames name no depth",) if frames.without_depth else ()
    return assemble(
        DepthFiles(frames.depth, reading.coding),
        RGBFiles(frames.rgb),
        pairing,
        reading,
        places=(f"depth of {root / NAME}", f"RGB of {root / NAME}"),
        about=About("transforms.json", say_unit_of(frames.depth, reading.coding), notes=notes),
        camera=frames.cameras.__getitem__,
        track=frames.track,
        names=[path.name.split(".")[0] for path in frames.depth],
    )


def _open_lists(root: Path, listed: ListedFrames, reading: Reading) -> FileRecording:
    reading = with_unit(reading, UNIT_M, "TUM layout")
    camera = find_camera(root)
    return assemble(
        DepthFiles(listed.depth, reading.coding),
        RGBFiles(listed.rgb),
        listed.pairing,
        reading,
        places=(f"depth of {root}", f"RGB of {root}"),
        about=About("TUM layout", say_unit_of(listed.depth, reading.coding)),
        camera=lambda _: camera,
        track=find_track(root, listed.rgb),
    )


def _lies_in(listed: ListedFrames, depth: Path, rgb: Path) -> bool:
    places = listed.depth[0].parent, listed.rgb[0].parent
    return places[0].resolve() == depth.resolve() and places[1].resolve() == rgb.resolve()


def _say_unit(depth: DepthReader, reading: Reading) -> str:
    if isinstance(depth, DepthFiles):
        return say_unit_of(depth.files, reading.coding)
    return reading.coding.say(None, whole=False)
