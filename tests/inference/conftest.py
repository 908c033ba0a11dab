"""Checkpoints for the tests of this folder."""

import sys
from pathlib import Path

import pytest
from basicsr.utils.registry import ARCH_REGISTRY
from recording_parts import write_weights

from stdnet_arch.archs.checkpoints.adapters import save_checkpoint
from stdnet_arch.inference.predictor import DepthSRPredictor

sys.path.insert(0, str(Path(__file__).parent))

from expecting_net import ExpectingNet  # noqa: E402


@pytest.fixture
def bilinear(tmp_path):
    """A predictor that enlarges depth four times."""
    return DepthSRPredictor(write_weights(tmp_path / "bilinear.pth"), "cpu")


@pytest.fixture(scope="session")
def stdnet_weights(tmp_path_factory):
    """A tiny STDNet x4, not trained."""
    path = tmp_path_factory.mktemp("weights") / "stdnet.pth"
    return write_weights(path, type="STDNet", num_feat=16, head_feat=16)


@pytest.fixture
def expecting_weights(tmp_path, monkeypatch):
    """A checkpoint of :class:`ExpectingNet`, registered for one test."""
    monkeypatch.setitem(ARCH_REGISTRY._obj_map, "ExpectingNet", ExpectingNet)
    about = {"network_g": {"type": "ExpectingNet", "scale": 4}, "depth_range_m": 2.0}
    path = tmp_path / "expecting.pth"
    save_checkpoint(ExpectingNet(), path, about=about)
    return path
