"""Faked clips of RGB frames whose pixels say where they come from, as folders and as LMDBs."""

import numpy as np
from basicsr.utils.lmdb_util import make_lmdb_from_imgs
from fake_frames import coordinate_guide, write_rgb


def write_septuplets(root, names, size=(32, 48), scale=4):
    """``gt`` and ``lq`` folders of seven frames per clip; LR is every ``scale``-th pixel."""
    frames = coordinate_guide(7, *size)
    for name in names:
        for i, frame in enumerate(frames):
            write_rgb(root / "gt" / name / f"im{i + 1}.png", frame)
            write_rgb(root / "lq" / name / f"im{i + 1}.png", frame[::scale, ::scale])


def make_lmdb(folder, lmdb):
    """What the toolbox's own function makes of all PNGs under a folder."""
    paths = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))
    keys = [path.removesuffix(".png") for path in paths]
    make_lmdb_from_imgs(str(folder), str(lmdb), paths, keys, map_size=1 << 24)


def misplaced(item, lq_step, scale=4):
    """How many pixels of an item are not where LR and HR say; LR frames are every n-th."""
    gt, lq = ((item[key] * 255).round().byte().permute(0, 2, 3, 1).numpy() for key in ("gt", "lq"))
    under = lq.repeat(scale, axis=1).repeat(scale, axis=2)
    measured = gt[::lq_step]
    block = np.concatenate([measured[..., :2] // scale * scale, measured[..., 2:]], axis=-1)
    return int((under != block).sum())
