"""Our STDAN is the authors' STDAN: arch and adapter at once, against stored outputs."""

import numpy as np
import pytest
import torch
from basicsr.archs import build_network
from golden_rule import golden_frames, stdan_golden, stdan_state

from stdnet_arch.archs.checkpoints.adapters import load_official


@pytest.fixture(scope="module")
def net(device):
    made = build_network({"type": "STDAN"}).eval()
    load_official(made, stdan_state())
    return made.to(device)


@pytest.mark.parametrize("size", ["3x16x24", "4x32x32"])
def test_every_frame_is_the_authors(net, device, size):
    stored = stdan_golden()
    with torch.no_grad():
        frames = golden_frames(stored[f"seed_{size}"], stored[f"shape_{size}"])
        pred = net(frames.to(device))["pred"].cpu()
    expected = stored[f"output_{size}"]
    tolerance = 1e-4 * stored[f"largest_{size}"]
    np.testing.assert_allclose(pred[..., 2::9, 1::7], expected, rtol=0, atol=tolerance)


def test_masks_and_indices_of_the_training_size_are_left_out(net):
    extra = {
        "feature_recon.layers.0.residual_group.blocks.1.attn_mask": torch.zeros(16, 64, 64),
        "feature_recon.layers.0.residual_group.blocks.1.attn.relative_position_index": torch.zeros(
            64, 64, dtype=torch.int64
        ),
    }
    load_official(net, {f"module.{k}": v for k, v in {**stdan_state(), **extra}.items()})


def test_what_is_missing_or_too_much_is_named(net):
    state = stdan_state()
    del state["stdfa.qkv_maps.w_ks.bias"]
    state["stdfa.surprise"] = torch.zeros(1)
    with pytest.raises(ValueError, match=r"missing: aggregation\.key\.bias; unexpected: stdfa\.s"):
        load_official(net, state)


def test_a_network_without_an_official_form_is_refused():
    net = build_network({"type": "ZoomingSlowMo", "num_feat": 8, "num_extract": 1, "num_recon": 1})
    with pytest.raises(TypeError, match="known of .*STDAN, DFlow; got ZoomingSlowMo"):
        load_official(net, {})
