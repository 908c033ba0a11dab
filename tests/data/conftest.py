"""Faked frames on disk whose every pixel says where it comes from."""

from pathlib import Path

import pytest
from fake_frames import coordinate_guide, coordinates, write_npy, write_rgb
from hypothesis import settings

# A busy machine is slow, not wrong.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

REAL = Path(__file__).parents[2] / "datasets" / "DyDToF"


@pytest.fixture
def make_clip(tmp_path):
    """A function that writes one clip for ``Folder`` (rgb, depth, lq_x4) and returns its root."""

    def make(frames=5, height=24, width=32, scale=4, name="clip"):
        root = tmp_path / name
        depth, guide = (f(frames, height, width) for f in (coordinates, coordinate_guide))
        for i in range(frames):
            write_rgb(root / "rgb" / f"{i:04d}.png", guide[i])
            write_npy(root / "depth" / f"{i:04d}.npy", depth[i])
            write_npy(root / f"lq_x{scale}" / f"{i:04d}.npy", depth[i, ::scale, ::scale])
        return root

    return make


@pytest.fixture
def section():
    """A function that makes a dataset section of a YAML over :func:`make_clip`'s folders."""

    def make(root, **changes):
        return {
            "name": "fake", "type": "RGBDVideoDataset", "phase": "train", "scale": 4,
            "source": "Folder", "source_opt": {"lq": "lq_x{scale}"}, "dataroot": str(root),
            "depth_range_m": 100_000, "num_frame": 3, "gt_size": 16, **changes,
        }  # fmt: skip

    return make


@pytest.fixture
def real_root():
    """The real sample clip, or a skip."""
    if not REAL.is_dir():
        pytest.skip(f"needs the DyDToF sample at {REAL}")
    return REAL
