"""Precision of predictions: what is refused or warned of, and how far results move."""

from contextlib import nullcontext

import numpy as np
import pytest
import torch
from recording_parts import depth_clip, rgb_clip

from stdnet_arch.inference import precision as precisions
from stdnet_arch.inference.predictor import DepthSRPredictor

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("precision", "message"),
    [
        ("int4", "precision must be float32, bf16, fp16; got 'int4'"),
        ("fp16", "fp16 is for CUDA; on a CPU bf16 or float32 is required"),
    ],
)
def test_what_a_cpu_cannot_do_is_refused_before_weights_are_read(precision, message):
    with pytest.raises(ValueError, match=message):
        DepthSRPredictor("no such file", "cpu", precision=precision)


def test_a_card_without_bf16_is_told_what_to_take(monkeypatch):
    second = torch.device("cuda", 1)
    chosen = []
    monkeypatch.setattr(torch.cuda, "device", lambda device: chosen.append(device) or nullcontext())
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation: chosen[-1] != second
    )
    with pytest.raises(ValueError, match="has no bf16; precision fp16 or float32 is required"):
        precisions.check_precision("bf16", second)
    precisions.check_precision("bf16", torch.device("cuda", 0))
    assert precisions.advise_precision(second) == "fp16"


@pytest.mark.parametrize(
    ("abilities", "warned"),
    [
        ({"avx2": True}, True),
        ({"amx_bf16": True}, False),
        ({"avx512_bf16": True}, False),
        ({"bf16": True}, False),
    ],
)
def test_a_processor_that_imitates_bf16_is_warned_of(monkeypatch, caplog, abilities, warned):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: abilities, raising=False)
    precisions.check_precision("bf16", CPU)
    assert ("imitates it" in caplog.text) == warned


def test_nothing_is_said_where_pytorch_knows_nothing(monkeypatch, caplog):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    precisions.check_precision("bf16", CPU)
    assert not caplog.text


@pytest.mark.parametrize(
    ("weights", "most"),
    [("plane_blend_x4", 6e-3), ("plane_blend_live_x4", 2e-4), ("stdnet_t_x4", 2e-4)],
)
def test_bf16_moves_depth_by_little(weights, most):
    clip = depth_clip(2, 12, 15), rgb_clip(2, 48, 60)
    exact = DepthSRPredictor(weights, "cpu").predict(*clip)
    coarse = DepthSRPredictor(weights, "cpu", precision="bf16").predict(*clip)
    assert 0 < np.abs(coarse - exact).mean() < most * exact.mean()


def test_the_layout_of_weights_changes_no_result():
    predictor = DepthSRPredictor("plane_blend_x4", "cpu")
    laid_out = [p for p in predictor.net.parameters() if p.ndim == 4 and p.shape[2] > 1]
    assert all(p.is_contiguous(memory_format=torch.channels_last) for p in laid_out)
    clip = depth_clip(2, 12, 15), rgb_clip(2, 48, 60)
    after = predictor.predict(*clip)
    for parameter in predictor.net.parameters():
        parameter.data = parameter.data.contiguous()
    np.testing.assert_allclose(after, predictor.predict(*clip), rtol=1e-5)
