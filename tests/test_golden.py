"""Our STDNet is the authors' STDNet: arch, adapter and loss at once, against stored outputs."""

import numpy as np
import pytest
import torch
from basicsr.archs import build_network
from golden_rule import TOLERANCE, golden, golden_clip, official_state

from stdnet_arch.archs.checkpoints.adapters import load_official
from stdnet_arch.archs.checkpoints.official_names import OFFICIAL
from stdnet_arch.losses.difference_loss import DifferenceLoss, spatial_term, temporal_term
from stdnet_arch.ops.resize import upsample

MAPS = {
    "depth": lambda out: out["pred"],
    "rgb_depth": lambda out: out["stage_depth"][0],
    "d_depth": lambda out: out["stage_depth"][1],
    "rgb_conf": lambda out: out["stage_confidence"][0],
    "d_conf": lambda out: out["stage_confidence"][1],
    "Intra_diff1_rec": lambda out: upsample(out["sigma"][0], 4, "bicubic"),
    "Intra_diff2_rec": lambda out: upsample(out["sigma"][1], 4, "bicubic"),
    "Inter_diff1_rec": lambda out: upsample(out["phi_1"][0], 4, "bicubic"),
    "Inter_diff2_rec": lambda out: upsample(out["phi_1"][1], 4, "bicubic"),
    "Inter_diff1_cross_rec": lambda out: upsample(out["phi_2"][0], 4, "bicubic"),
    "Inter_diff2_cross_rec": lambda out: upsample(out["phi_2"][1], 4, "bicubic"),
}


@pytest.fixture(scope="module")
def run(device):
    """A function that returns stored arrays, net and output for a scale; each scale runs once."""
    done = {}

    def at(scale):
        if scale not in done:
            stored = golden(scale)
            net = build_network({"type": "STDNet", "scale": scale, "num_feat": 64})
            load_official(net, official_state())
            net.to(device)
            lq, guide, gt = (x.to(device) for x in golden_clip(stored))
            done[scale] = stored, net, net(lq, guide), gt
        return done[scale]

    return at


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("scale", [4, 8, 16])
def test_every_map_is_the_authors(run, device, scale, name):
    stored, _, out, _ = run(scale)
    ours = MAPS[name](out)[..., 2::7, 1::5].detach().cpu().numpy()
    np.testing.assert_allclose(ours, stored[name], rtol=0, atol=TOLERANCE[device.type])


@pytest.mark.parametrize("stage", [1, 2])
@pytest.mark.parametrize("term", ["sd", "td", "tdc"])
def test_every_loss_term_is_the_authors(run, device, term, stage):
    stored, _, out, gt = run(4)
    valid = torch.ones_like(gt, dtype=torch.bool)
    ours = {
        "sd": lambda i: spatial_term(out["pred"], gt, out["sigma"][i], valid),
        "td": lambda i: temporal_term(gt, out["phi_1"][i], valid, 1),
        "tdc": lambda i: temporal_term(gt, out["phi_2"][i], valid, 2),
    }[term](stage - 1)
    assert ours.item() == pytest.approx(
        stored[f"loss_{term}{stage}"].item(), abs=TOLERANCE[device.type]
    )


def test_total_loss_and_gradients_are_the_authors(run, device):
    stored, net, out, gt = run(4)
    charbonnier = ((out["pred"] - gt).square() + 1e-12).sqrt().mean()
    total = charbonnier + DifferenceLoss()(out, gt)
    total.backward()
    assert total.item() == pytest.approx(stored["loss_total"].item(), abs=TOLERANCE[device.type])
    parameters = dict(net.named_parameters())
    for key in (key for key in stored.files if key.startswith("grad:")):
        grad = parameters[OFFICIAL["STDNet"].rename(key.removeprefix("grad:"))].grad.flatten().cpu()
        every = 41 if grad.numel() > 2000 else 1
        np.testing.assert_allclose(grad[::every], stored[key], rtol=0, atol=TOLERANCE[device.type])
