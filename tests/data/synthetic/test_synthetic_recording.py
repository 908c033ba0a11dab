"""A synthetic clip as files is the synthetic clip."""

import numpy as np

from stdnet_arch.data.codecs.depth_file import read_depth
from stdnet_arch.data.codecs.rgb_codec import read_rgb
from stdnet_arch.data.lq.degradation import dtof_peak
from stdnet_arch.data.synthetic.recording import write_synthetic_recording
from stdnet_arch.data.synthetic.source import Synthetic


def test_files_hold_the_clip(tmp_path):
    write_synthetic_recording(tmp_path, 3, (32, 48), 8, seed=2)
    source = Synthetic(num_clips=1, num_frame=3, size=(32, 48), seed=2)
    rgb, depth_m = source.guide("0000", 1), source.depth_m("0000", 1)
    np.testing.assert_array_equal(read_rgb(tmp_path / "rgb/000001.png"), rgb)
    np.testing.assert_allclose(read_depth(tmp_path / "gt/000001.png"), depth_m, atol=5.1e-4)
    lq_m = dtof_peak(depth_m, rgb, 8)
    np.testing.assert_allclose(read_depth(tmp_path / "depth/000001.png"), lq_m, atol=5.1e-4)
    assert [len(list((tmp_path / name).iterdir())) for name in ("depth", "gt", "rgb")] == [3, 3, 3]
    poses = np.loadtxt(tmp_path / "poses.txt").reshape(3, 3, 4)
    np.testing.assert_allclose(poses[2], source.pose("0000", 2)[:3])
    camera = np.loadtxt(tmp_path / "intrinsics.txt")
    np.testing.assert_allclose(camera, source.intrinsics_px("0000"))
