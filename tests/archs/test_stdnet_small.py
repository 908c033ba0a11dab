"""STDNet-S and STDNet-T: STDNet itself, with less to compute; the published one is untouched."""

import pytest
import torch
from basicsr.archs import build_network

from stdnet_arch.archs.stdnet_small_arch import STDNetS, STDNetT
from stdnet_arch.evaluation.flops import count_flops

FULL = {"type": "STDNet", "scale": 4}
SIZES = {"S": STDNetS.sizes, "T": STDNetT.sizes}


@pytest.mark.parametrize("size", SIZES)
def test_a_variant_is_stdnet_of_its_sizes(clip, size):
    small = build_network({"type": f"STDNet{size}", "scale": 4}).eval()
    same = build_network({**FULL, **SIZES[size]}).eval()
    same.load_state_dict(small.state_dict(), strict=True)
    given = clip(4, 1, 3, 3, 5)
    torch.testing.assert_close(small(*given)["pred"], same(*given)["pred"], atol=0, rtol=0)


@pytest.mark.parametrize(("size", "less"), [("S", 4), ("T", 10)])
def test_a_variant_has_so_many_times_less_arithmetic(size, less):
    # Time follows, on a machine where someone measures it: docs/performance.md.
    full, small = (
        count_flops(build_network({"type": name, "scale": 4}), 9, (32, 48))
        for name in ("STDNet", f"STDNet{size}")
    )
    assert full > less * small


@pytest.mark.parametrize(("num_round", "causal"), [(1, False), (2, False), (3, False), (2, True)])
def test_each_round_sees_four_frames_further(num_round, causal):
    with torch.device("meta"):
        net = build_network({**FULL, "num_round": num_round, "causal": causal})
    passes = list(net.guided_stage.passes)
    directions = ["forward"] if causal else ["backward", "forward"]
    assert passes == [f"{d}_{i}" for i in range(1, num_round + 1) for d in directions]
    assert net.halo == 4 * num_round


def test_blocks_are_counted_where_they_stand():
    with torch.device("meta"):
        stage = build_network({**FULL, "num_block": [3, 1]}).refining_stage
    assert len(stage.trunk.main[2]) == len(stage.reconstruction.main[2]) == 3
    fusion = stage.passes["forward_2"].temporal_difference.residual_group.body
    assert len(fusion) == 1 + 1  # and a convolution


@pytest.mark.parametrize(
    "options",
    [
        {"num_block": 3},
        {"num_block": [0, 2]},
        {"num_block": [5]},
        {"num_block": [5, 0]},
        {"num_round": 0},
    ],
)
def test_sizes_that_are_none_are_named(options):
    with pytest.raises(ValueError, match=r"num_block must be two numbers .* each at least 1; got"):
        build_network({**FULL, **options})
