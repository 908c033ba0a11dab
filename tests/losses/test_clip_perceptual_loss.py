"""The toolbox's perceptual loss, frame by frame."""

import pytest
import torch
from basicsr.utils.registry import LOSS_REGISTRY

from stdnet_arch.losses.clip_perceptual_loss import ClipPerceptualLoss


class Stand(torch.nn.Module):
    """Instead of VGG, whose weights are a download."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, pred, target):
        assert pred.ndim == 4
        return self.factor * (pred - target).abs().mean(), None


@pytest.fixture
def loss(monkeypatch):
    monkeypatch.setitem(LOSS_REGISTRY._obj_map, "PerceptualLoss", Stand)
    return ClipPerceptualLoss(factor=3)


def test_frames_are_judged_like_images(loss):
    pred, target = torch.rand(2, 3, 3, 8, 10), torch.rand(2, 3, 3, 8, 10)
    feature, style = loss(pred, target)
    torch.testing.assert_close(feature, 3 * (pred - target).abs().mean())
    assert style is None


def test_single_images_are_refused(loss):
    with pytest.raises(ValueError, match=r"needs clips .* got \(2, 3, 8, 8\).*PerceptualLoss"):
        loss(torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8))
