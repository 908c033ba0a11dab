"""What is STDNet's own: bad input, short clips, initialisation; passes against loops."""

import pytest
import torch
from basicsr.archs import build_network

from stdnet_arch.archs.stdnet.temporal_difference import PropagationPass
from stdnet_arch.ops.difference import temporal_difference

TINY = {"type": "STDNet", "scale": 4, "num_feat": 16, "head_feat": 16}


def by_loops(module, direction, x, guide, attention):
    """A pass frame by frame, as the paper writes it."""
    t = x.shape[1]
    ahead = 1 if direction == "backward" else -1
    out = []
    for i in range(t):
        total = 0
        for j in (i + ahead, i + 2 * ahead):
            if 0 <= j < t:
                phi = (x[:, i] - x[:, j]).abs()
                total = total + module(x[:, i], x[:, j], phi, guide[:, j], attention[:, i])
        out.append(total if torch.is_tensor(total) else x[:, i])
    return torch.stack(out, dim=1)


@pytest.mark.parametrize("direction", ["backward", "forward"])
@pytest.mark.parametrize("t", [1, 2, 3, 6])
def test_a_pass_is_the_loop_over_frames(direction, t):
    run = PropagationPass(16, direction)
    torch.nn.init.normal_(run.temporal_difference.conv_offset_mask.weight, std=0.1)
    x, guide, attention = (torch.rand(2, t, 16, 4, 5) for _ in range(3))
    phi = [temporal_difference(x, step) for step in (1, 2)]
    with torch.no_grad():
        expected = by_loops(run.temporal_difference, direction, x, guide, attention)
        torch.testing.assert_close(run(x, guide, attention, phi), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("scale", "maps"), [(4, (3, 5)), (8, (6, 10)), (16, (12, 20))])
def test_extras_have_the_documented_shapes(clip, scale, maps):
    out = build_network({**TINY, "scale": scale})(*clip(scale, 2, 4, 3, 5))
    H, W = 3 * scale, 5 * scale
    shapes = {name: tuple(value.shape) for name, value in out.items()}
    assert shapes == {
        "pred": (2, 4, 1, H, W),
        "stage_depth": (2, 2, 4, 1, H, W),
        "stage_confidence": (2, 2, 4, 1, H, W),
        "sigma": (2, 2, 4, 1, *maps),
        "phi_1": (2, 2, 3, 1, *maps),
        "phi_2": (2, 2, 2, 1, *maps),
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": 6}, "multiple of 4 .* got 6"),
        ({"num_feat": 24}, "multiple of 16 .* got 24"),
        ({"init": "xavier"}, "one of paper, balanced, got 'xavier'"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        build_network({**TINY, **options})


@pytest.mark.parametrize(
    ("lq", "guide", "error", "message"),
    [
        (
            (1, 2, 1, 4, 6),
            (1, 2, 3, 16, 20),
            ValueError,
            "guide must be 4x lq: lq is 4x6, guide is 16x20",
        ),
        ((1, 2, 1, 4, 6), (1, 3, 3, 16, 24), ValueError, "same batch and frames"),
        ((1, 2, 3, 4, 6), (1, 2, 3, 16, 24), ValueError, r"lq must be \(b, t, 1, h, w\)"),
        ((2, 1, 4, 6), (1, 2, 3, 16, 24), ValueError, r"lq must be \(b, t, 1, h, w\)"),
        ((1, 0, 1, 4, 6), (1, 0, 3, 16, 24), ValueError, "at least one frame"),
        ((1, 2, 1, 1, 6), (1, 2, 3, 4, 24), ValueError, "at least 2, got 1x6"),
        ((1, 2, 1, 4, 6), None, TypeError, "guide .* is required"),
    ],
)
def test_bad_clips_are_named(lq, guide, error, message):
    net = build_network(TINY)
    with pytest.raises(error, match=message):
        net(torch.rand(lq), None if guide is None else torch.rand(guide))


def test_integer_clips_are_refused(clip):
    lq, guide = clip(4, 1, 2, 4, 6)
    with pytest.raises(
        TypeError, match=r"guide must be floating point in \[0, 1\], got torch.uint8"
    ):
        build_network(TINY)(lq, (255 * guide).byte())


def test_double_precision_stays_double(clip):
    lq, guide = (x.double() for x in clip(4, 1, 3, 3, 4))
    net = build_network(TINY).double()
    pred = net(lq, guide)["pred"]
    assert pred.dtype == torch.float64
    rough = net.float()(lq.float(), guide.float())["pred"]
    torch.testing.assert_close(rough.double(), pred, atol=1e-5, rtol=0)


def test_balanced_features_keep_their_spread(clip):
    # Between the encoder and the reconstruction; the paper's initialisation loses a factor of ten.
    net = build_network({**TINY, "init": "balanced"})
    spread = {}

    def record(module, _, out):
        spread[module] = out.std(dim=(-1, -2)).mean().item()

    for stage in (net.guided_stage, net.refining_stage):
        stage.depth_encoder.register_forward_hook(record)
        stage.reconstruction.register_forward_hook(record)
    net(*clip(4, 1, 3, 16, 16))
    assert min(spread.values()) > 0.05
    assert max(spread.values()) < 1


def test_balanced_predictions_start_near_bilinear(clip):
    lq, guide = clip(4, 1, 3, 16, 16)
    pred = build_network({**TINY, "init": "balanced"})(lq, guide)["pred"]
    bilinear = build_network({"type": "Interpolation", "scale": 4, "mode": "bilinear"})(lq)["pred"]
    assert (pred - bilinear).square().mean().sqrt() < 0.02
