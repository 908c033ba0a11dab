"""Checkpoints for the tests of this folder."""

import pytest
from recording_parts import write_weights

from stdnet_arch.inference.predictor import DepthSRPredictor


@pytest.fixture
def bilinear(tmp_path):
    """A predictor that enlarges depth four times."""
    return DepthSRPredictor(write_weights(tmp_path / "bilinear.pth"), "cpu")


@pytest.fixture(scope="session")
def stdnet_weights(tmp_path_factory):
    """A tiny STDNet x4, not trained."""
    path = tmp_path_factory.mktemp("weights") / "stdnet.pth"
    return write_weights(path, type="STDNet", num_feat=16, head_feat=16)
