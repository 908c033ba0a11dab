"""A network between two changes of units, which cancel."""

import pytest
import torch
from basicsr.archs import build_network

INNER = {"type": "STDNet", "num_feat": 16, "head_feat": 8}


def make(net=INNER, scale=4, mean=0.4, spread=0.05):
    torch.manual_seed(0)
    options = {"type": "Standardized", "scale": scale, "net": dict(net)}
    return build_network({**options, "mean": mean, "spread": spread}).eval()


def test_without_a_network_depth_comes_back(clip):
    lq, guide = clip(4, 2, 3, 4, 6)
    inner = {"type": "Interpolation", "mode": "nearest"}
    expected = lq.repeat_interleave(4, -1).repeat_interleave(4, -2)
    torch.testing.assert_close(make(inner)(lq, guide)["pred"], expected, atol=1e-6, rtol=0)


def test_the_network_sees_standardised_depth(clip):
    lq, guide = clip(4, 1, 3, 4, 6)
    net = make()
    with torch.no_grad():
        out, inner = net(lq, guide), net.net((lq - 0.4) / 0.05, guide)
    torch.testing.assert_close(out["pred"], 0.4 + 0.05 * inner["pred"], atol=1e-6, rtol=0)
    torch.testing.assert_close(
        out["stage_depth"], 0.4 + 0.05 * inner["stage_depth"], atol=1e-6, rtol=0
    )
    assert torch.equal(out["sigma"], inner["sigma"])


@pytest.mark.parametrize(
    ("inner", "name", "value"),
    [
        (INNER, "halo", 8),
        ({"type": "DVSR", "num_feat": 8, "head_feat": 8, "num_block": 1}, "halo", None),
        ({"type": "ToolboxVSR", "arch": "EDSR"}, "halo", 0),
        ({"type": "ToolboxVSR", "arch": "SwinIR"}, "multiple_of", 8),
        ({"type": "STDAN", "modality": "depth", "num_block": 1}, "time_scale", 2),
        ({"type": "STDAN", "modality": "depth", "num_block": 1}, "min_frames", 2),
    ],
)
def test_it_declares_what_the_network_declares(inner, name, value):
    assert getattr(make(inner), name) == value


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spread": 0.0}, "spread must be > 0, in units of the depth range; got 0.0"),
        ({"net": {"type": "STDAN", "modality": "rgb"}}, "net must be of depth, got STDAN of RGB"),
    ],
)
def test_bad_arguments_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        make(**change)
