"""TemporalProfileNet: what it adds to, its modes, its symmetry, its errors."""

import pytest
import torch

from stdnet_arch.archs.interpolation_arch import Interpolation
from stdnet_arch.archs.stdan.guidance import standardize
from stdnet_arch.archs.temporal_profile_arch import TemporalProfileNet, standardize_frames

SMALL = {"num_feat": 8, "refine_feat": 4, "num_block": 1, "num_refine": 1}


@pytest.mark.parametrize("time_scale", [1, 2])
@pytest.mark.parametrize("modality", ["rgb", "depth"])
def test_it_adds_to_interpolation_in_space_and_time(clip, modality, time_scale):
    net = TemporalProfileNet(modality=modality, time_scale=time_scale, **SMALL)
    torch.nn.init.zeros_(net.conv_last.weight)
    torch.nn.init.zeros_(net.conv_last.bias)
    lq, guide = clip(4, 2, 3 * time_scale - 1, 5, 6)
    lq = lq[:, ::time_scale]
    given = (lq, guide) if modality == "depth" else (lq.expand(-1, -1, 3, -1, -1),)
    expected = Interpolation(4, "bilinear", time_scale)(given[0])["pred"]
    torch.testing.assert_close(net(*given)["pred"], expected)


def test_rows_and_columns_are_treated_alike(clip):
    net = TemporalProfileNet(scale=2, **SMALL).eval()
    net.columns.load_state_dict(net.rows.state_dict())
    mirrored = TemporalProfileNet(scale=2, **SMALL).eval()
    mirrored.load_state_dict(net.state_dict())
    for name, module in mirrored.named_modules():
        is_frame = not name.startswith(("rows", "columns", "guide_encoder.body.0"))
        if isinstance(module, torch.nn.Conv2d) and is_frame:
            module.weight.data = module.weight.data.mT.contiguous()
    # A transposed picture has its pixels of a block, too, transposed when they become channels.
    first = mirrored.guide_encoder.body[0]
    first.weight.data = first.weight.data.unflatten(1, (3, 2, 2)).transpose(2, 3).flatten(1, 3).mT
    half = mirrored.conv_fuse.weight.data
    half[:, :8] = half[:, [4, 5, 6, 7, 0, 1, 2, 3]]  # columns before rows
    lq, guide = clip(2, 1, 3, 5, 7)
    torch.testing.assert_close(mirrored(lq.mT, guide.mT)["pred"].mT, net(lq, guide)["pred"])


def test_each_frame_has_a_unit_of_its_own():
    lq = 3 * torch.rand(2, 3, 1, 4, 5)
    seen, unit = standardize_frames(lq)
    one, spread = standardize(lq[1:, 2:])
    torch.testing.assert_close(seen[1:, 2:], one)
    torch.testing.assert_close(unit[1:, 2:], spread)


def test_the_halo_grows_by_two_frames_per_block():
    halos = [TemporalProfileNet(**{**SMALL, "num_block": n}).halo for n in (1, 4)]
    assert halos == [4, 10]
    assert TemporalProfileNet(time_scale=2, **SMALL).halo is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"modality": "grey"}, "one of rgb, depth, got 'grey'"),
        ({"time_scale": 3}, "time_scale must be 1 or 2, got 3"),
        ({"num_block": 0}, "at least 1 and num_refine at least 0, got 4, 0 and 1"),
    ],
)
def test_arguments_that_do_not_exist_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        TemporalProfileNet(**{**SMALL, **options})


def test_calls_that_do_not_fit_are_refused(clip):
    lq, guide = clip(4, 1, 3, 4, 5)
    with pytest.raises(TypeError, match=r"guide .* is required, got None"):
        TemporalProfileNet(**SMALL)(lq)
    with pytest.raises(TypeError, match="rgb takes no guide"):
        TemporalProfileNet(modality="rgb", **SMALL)(lq.expand(-1, -1, 3, -1, -1), guide)
    with pytest.raises(ValueError, match=r"needs \(1, 5\), guide has \(1, 3\)"):
        TemporalProfileNet(time_scale=2, **SMALL)(lq, guide)
