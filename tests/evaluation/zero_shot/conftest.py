"""Two small scenes on a disk, a tiny network in the shipped form, and a plan of both."""

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "inference"))

from basicsr.utils.registry import ARCH_REGISTRY  # noqa: E402
from expecting_net import ExpectingNet  # noqa: E402

from stdnet_arch.archs.checkpoints.adapters import save_checkpoint  # noqa: E402

SIZE = (32, 48)


def write_scene(folder, frames=3):
    """A ramp behind a thing that moves, mm; RGB shows both; one hole."""
    for name in ("rgb", "depth"):
        (folder / name).mkdir(parents=True)
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 40, (*SIZE, 3))
    for i in range(frames):
        depth_mm = np.tile(np.linspace(2000, 5000, SIZE[1]), (SIZE[0], 1))
        rgb = np.full((*SIZE, 3), 60) + noise
        depth_mm[8:20, 10 + i : 22 + i] = 1200
        rgb[8:20, 10 + i : 22 + i] += 120
        depth_mm[0, 0] = 0
        cv2.imwrite(str(folder / f"depth/{i:03d}.png"), depth_mm.astype(np.uint16))
        cv2.imwrite(str(folder / f"rgb/{i:03d}.png"), rgb.astype(np.uint8))


@pytest.fixture
def options(tmp_path, monkeypatch):
    """Options of a small benchmark with a network that expects errors."""
    monkeypatch.setitem(ARCH_REGISTRY._obj_map, "ExpectingNet", ExpectingNet)
    about = {"network_g": {"type": "ExpectingNet", "scale": 4}, "depth_range_m": 2.0}
    weights = tmp_path / "net_x4.pth"
    save_checkpoint(ExpectingNet(), weights, about=about)
    for name in ("hall", "stills"):
        write_scene(tmp_path / name)
    return {
        "kind": "zero_shot",
        "name": "small",
        "title": "A small benchmark",
        "dataroot": str(tmp_path),
        "scenes": [
            {"name": "hall", "folder": "hall", "may_show": True},
            {"name": "stills", "folder": "stills", "video": False},
        ],
        "scales": [4, 8],
        "rules": {"dtof_peak": None, "means": {"lq": "area"}},
        "only": {"means": [4]},
        "checked": ["dtof_peak"],
        "pictured": "dtof_peak",
        "methods": {
            "bilinear": {"competitor": {"type": "Interpolated"}},
            "joint bilateral": {"competitor": {"type": "JointBilateral"}},
            "ours": {"weights": str(tmp_path / "net_x{scale}.pth")},
        },
        "targets": [
            {"method": "ours", "scale": 4, "rule": "dtof_peak", "figure": "ratio_mean", "most": 9},
            {"method": "ours", "scale": 8, "rule": "dtof_peak", "figure": "ratio_mean", "most": 9},
        ],
    }
