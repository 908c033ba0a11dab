"""A recording with a result, for the tests of this folder."""

import numpy as np
import pytest
from recording_parts import write_depth_folder, write_recording, write_weights
from served_page import Served

from stdnet_arch.inference.jobs.job import Job, run_job
from stdnet_arch.inference.jobs.side_outputs import SideOutputs
from stdnet_arch.inference.predictor import DepthSRPredictor


@pytest.fixture
def weights(tmp_path):
    """A checkpoint that enlarges depth four times."""
    return write_weights(tmp_path / "bilinear.pth")


@pytest.fixture
def finished(tmp_path, weights):
    """A folder of results with a truth 3 cm behind the prediction; and what was measured."""
    depth_m, rgb = write_recording(tmp_path / "clip", frames=5, height=4, width=6)
    predictor = DepthSRPredictor(weights, "cpu")
    truth_m = predictor.predict(depth_m, rgb) + np.float32(0.03)
    write_depth_folder(tmp_path / "clip/gt", truth_m)
    job = Job(
        tmp_path / "clip/depth",
        tmp_path / "clip/rgb",
        tmp_path / "out",
        side_outputs=SideOutputs(gt=tmp_path / "clip/gt"),
    )
    run_job(job, predictor, quiet=True)
    return job, depth_m, rgb


@pytest.fixture
def served(tmp_path):
    """A page that may read the folder of the test."""
    made = Served(tmp_path)
    yield made
    made.sessions.close_all()
