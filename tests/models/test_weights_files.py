"""Weights that a run starts from, and those of what it is compared with."""

import pytest
import torch
from basicsr.archs import build_network
from model_parts import make_model, options, weights

from stdnet_arch.archs.checkpoints.adapters import save_checkpoint
from stdnet_arch.models.weights_files import build_baseline, check_start

ENTRY = {"type": "DFlowDepth", "scale": 4, "num_feat": 8}


@pytest.fixture
def checkpoint(tmp_path):
    """Weights of a baseline, and what they are."""
    torch.manual_seed(3)
    net = build_network(dict(ENTRY))
    save_checkpoint(net, tmp_path / "baseline.safetensors")
    return tmp_path / "baseline.safetensors", net.state_dict()


def test_a_baseline_has_the_weights_that_are_named(checkpoint):
    path, expected = checkpoint
    found = build_baseline({**ENTRY, "weights": str(path)}).state_dict()
    assert all(torch.equal(found[name], value) for name, value in expected.items())


def test_a_standardized_baseline_brings_depth_to_the_unit_of_its_weights(checkpoint):
    path, expected = checkpoint
    wrapped = {"type": "Standardized", "scale": 4, "mean": 0.0, "spread": 0.05}
    net = build_baseline({**wrapped, "net": dict(ENTRY), "weights": str(path)}).eval()
    assert all(torch.equal(net.net.state_dict()[name], value) for name, value in expected.items())
    lq, guide = torch.rand(1, 2, 1, 4, 6), torch.rand(1, 2, 3, 16, 24)
    with torch.no_grad():
        metres = net.net(20 * lq, guide)["pred"]
        torch.testing.assert_close(20 * net(lq, guide)["pred"], metres, rtol=1e-4, atol=1e-4)


def test_a_baseline_without_weights_is_built_as_ever():
    net = build_baseline({"type": "Interpolation", "scale": 4, "mode": "nearest"})
    assert net.mode == "nearest"


def test_weights_of_another_network_are_refused(checkpoint):
    with pytest.raises(ValueError, match="does not fit"):
        build_baseline({**ENTRY, "num_feat": 16, "weights": str(checkpoint[0])})


def test_a_run_starts_from_safetensors(tmp_path):
    first = make_model(tmp_path)
    path = tmp_path / "start.safetensors"
    save_checkpoint(first.get_bare_model(first.net_g), path)
    opt = options(tmp_path)
    opt["path"]["pretrain_network_g"] = str(path)
    second = make_model(tmp_path, opt)
    expected = weights(first.get_bare_model(first.net_g))
    found = weights(second.get_bare_model(second.net_g))
    assert all(torch.equal(found[name], value) for name, value in expected.items())


def test_a_missing_start_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="gone.pth"):
        check_start(tmp_path / "gone.pth")
