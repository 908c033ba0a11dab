"""Checkpoints for the tests of this folder."""

import pytest
from basicsr.utils.registry import ARCH_REGISTRY
from expecting_net import ExpectingNet
from recording_parts import write_weights

from stdnet_arch.archs.checkpoints.adapters import save_checkpoint


@pytest.fixture
def bilinear(tmp_path):
    """A checkpoint that enlarges depth four times."""
    return write_weights(tmp_path / "bilinear.pth")


@pytest.fixture
def expecting(tmp_path, monkeypatch):
    """A checkpoint of a network that takes holes, expects errors and remembers a frame."""
    monkeypatch.setitem(ARCH_REGISTRY._obj_map, "ExpectingNet", ExpectingNet)
    about = {"network_g": {"type": "ExpectingNet", "scale": 4}, "depth_range_m": 2.0}
    save_checkpoint(ExpectingNet(), tmp_path / "expecting.pth", about=about)
    return tmp_path / "expecting.pth"
