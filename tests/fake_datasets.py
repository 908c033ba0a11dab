"""Every data set that option files name, faked in its true layout: all clips and frames, tiny.

Each folder of frames holds one file, and hard links to it under the other names.
"""

import os
from pathlib import Path

import cv2
import numpy as np
from fake_frames import write_npy, write_png16, write_rgb

from stdnet_arch.data.sources.clip_list import META_INFO, read_entries

SIZE = (64, 80)
SCALES = (4, 8, 16)
RNG = np.random.default_rng(0)


def depth_m(size=SIZE):
    """Smooth depth between 1 m and 3 m."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    return (2 + np.sin(rows / 9) * np.cos(columns / 7)).astype(np.float32)


def colours(size=SIZE):
    return RNG.integers(0, 255, (*size, 3), dtype=np.uint8)


def repeat(first, names):
    """Give the file ``first`` further names in its folder."""
    for name in names:
        path = first.with_name(name)
        if path != first:
            os.link(first, path)


def entries(*lists):
    """Clip to number of frames, as the lists demand."""
    lines = [line.split() for name in lists for line in read_entries(name)]
    return {clip: int(numbers[-1]) for clip, *numbers in lines}


def write_frames(folder, writer, content, name, count):
    """``count`` frames named by ``name.format(i)``."""
    first = folder / name.format(0)
    writer(first, content)
    repeat(first, [name.format(i) for i in range(1, count)])


def tartanair(root):
    lists = [path.name for path in META_INFO.glob("tartanair_*.txt")]
    test = entries("tartanair_test.txt")
    for clip, count in entries(*lists).items():
        environment, flight = clip.split("/")
        folder = root / environment / "Hard" / flight
        for view in ("left", "right") if clip in test else ("left",):
            rgb, depth = f"{{:06d}}_{view}.png", f"{{:06d}}_{view}_depth.npy"
            write_frames(folder / f"image_{view}", write_rgb, colours(), rgb, count)
            write_frames(folder / f"depth_{view}", write_npy, depth_m(), depth, count)


def dydtof(root):
    for clip, count in entries("dydtof_test.txt").items():
        name = clip.split("/")[1] + ".{:04d}"
        folder = root / "DyDToF_HR_RGB" / clip
        write_frames(folder / "color", write_rgb, colours(), f"{name}.jpeg", count)
        write_frames(folder / "depth", write_npy, depth_m(), f"{name}.npy", count)
        for scale in SCALES:
            lq = depth_m()[::scale, ::scale]
            place = root / "DyDToF_LR" / f"X{scale}" / clip / "depth"
            write_frames(place, write_npy, lq, f"{name}.npy", count)


def dynamicreplica(root):
    codes = depth_m().astype(np.float16).view(np.uint16)
    for clip, count in entries("dynamicreplica_test.txt").items():
        name = clip.split("/")[1]
        files = f"processed_{name}_{{:04d}}.geometric.npy"
        folder = root / "HR_RGB" / clip
        write_frames(folder / "color", write_rgb, colours(), f"{name}-{{:04d}}.png", count)
        write_frames(folder / "depth", write_npy, codes, files, count)
        for scale in SCALES:
            lq = codes[None, ::scale, ::scale]
            write_frames(root / "LR" / f"X{scale}" / clip, write_npy, lq, files, count)


def dynamicreplica_native(root):
    codes = depth_m().astype(np.float16).view(np.uint16)
    for clip in read_entries("dynamicreplica_native_test.txt"):
        name = clip.split("/")[1]
        write_frames(root / clip / "images", write_rgb, colours(), f"{name}-{{:04d}}.png", 3)
        files = f"{name}_{{:04d}}.geometric.png"
        write_frames(root / clip / "depths", write_png16, codes, files, 3)


def sceneflow(root):
    def write_pfm(path, disparity):
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), disparity)

    for clip in ("TRAIN/A/0000", "TEST/A/0000"):
        for view in ("left", "right"):
            rgb, depth = (root / part / clip / view for part in ("frames_cleanpass", "disparity"))
            write_frames(rgb, write_rgb, colours(), "{:04d}.png", 4)
            write_frames(depth, write_pfm, 1050 / (20 * depth_m()), "{:04d}.pfm", 4)


def vimeo_septuplet(root):
    lists = {"sep_trainlist": "train", "sep_testlist": "test"}
    lists |= {f"{speed}_testset": "test" for speed in ("fast", "medium", "slow")}
    for name, part in lists.items():
        clips = ["00001/0001"]
        (root / "sequences").mkdir(parents=True, exist_ok=True)
        (root / f"{name}.txt").write_text("".join(f"{clip}\n" for clip in clips))
        for clip in clips:
            folder = root / "sequences" / part / clip
            if not folder.exists():
                write_frames(folder, write_rgb, colours(), "im{}.png", 8)
                (folder / "im0.png").unlink()


def vid4(root):
    for clip in ("calendar", "city", "foliage", "walk"):
        write_frames(root / "GT" / clip, write_rgb, colours(), "{:08d}.png", 3)
        small = colours((SIZE[0] // 4, SIZE[1] // 4))
        write_frames(root / "BIx4" / clip, write_rgb, small, "{:08d}.png", 3)


def reds(root):
    for folder, side in ((root / "train_sharp", 256), (root / "train_sharp_bicubic/X4", 64)):
        write_frames(folder / "000", write_rgb, colours((side, side)), "{:08d}.png", 100)
        for clip in range(1, 240):
            (folder / f"{clip:03d}").symlink_to("000")


MAKERS = {
    "datasets/TarTanAir": tartanair,
    "datasets/DyDToF": dydtof,
    "datasets/DynamicReplica": dynamicreplica,
    "datasets/DynamicReplica_native": dynamicreplica_native,
    "datasets/SceneFlow": sceneflow,
    "datasets/vimeo_septuplet": vimeo_septuplet,
    "datasets/Vid4": vid4,
    "datasets/REDS": reds,
}


def make_dataset(name, folder):
    """Fake the data set ``datasets/<name>`` under ``folder``."""
    root = Path(folder) / name
    if not root.exists():
        MAKERS[name](root)
