"""The shipped checkpoint is small, loads strictly, and is better than interpolation."""

from pathlib import Path

import pytest
import torch
from basicsr.archs import build_network

from stdnet_arch.data.rgbd_video_test_dataset import RGBDVideoTestDataset
from stdnet_arch.metrics.depth_metric import calculate_mae, calculate_rmse

WEIGHTS = Path(__file__).parent.parent / "stdnet_arch/weights/STDNet_x4_small.pth"
ROOM = {
    "name": "unseen_room",
    "phase": "test",
    "scale": 4,
    "source": "Synthetic",
    # A seed that no options file uses: other textures, room and things.
    "source_opt": {"num_clips": 1, "num_frame": 5, "size": [96, 128], "seed": 31},
    "depth_range_m": 20,
}


def test_the_file_is_small_and_holds_tensors_alone():
    assert WEIGHTS.stat().st_size <= 4_000_000
    params = torch.load(WEIGHTS, weights_only=True)["params"]
    assert all(value.isfinite().all() for value in params.values())


@pytest.mark.parametrize("metric", [calculate_rmse, calculate_mae])
def test_it_beats_bilinear_by_a_tenth_on_a_room_it_has_never_seen(metric):
    net = build_network({"type": "STDNet", "scale": 4, "num_feat": 16, "head_feat": 16})
    net.load_state_dict(torch.load(WEIGHTS, weights_only=True)["params"], strict=True)
    bilinear = build_network({"type": "Interpolation", "scale": 4, "mode": "bilinear"})
    item = RGBDVideoTestDataset(ROOM)[0]
    lq, guide, gt = item["lq"][None], item["guide"][None], item["gt"][None]
    with torch.no_grad():
        ours, theirs = (metric(20 * f(lq, guide)["pred"], 20 * gt) for f in (net, bilinear))
    assert ours < 0.9 * theirs
