"""What is made of a finished clip: once, again where it is missing, never of another run."""

import json

import numpy as np
import pytest
from recording_parts import depth_clip, write_depth_folder, write_recording

from stdnet_arch.data.recordings.recording import Intrinsics
from stdnet_arch.inference.jobs.job import Job, run_job
from stdnet_arch.inference.jobs.side_outputs import SideOutputs

CAMERA = Intrinsics(20, 21, 12, 8)


@pytest.fixture
def folder(tmp_path):
    """A recording of five frames, and true depth of it."""
    write_recording(tmp_path)
    write_depth_folder(tmp_path / "gt", depth_clip(5, 16, 24))
    return tmp_path


def job_of(folder, overwrite=False, holes="fill", **wanted):
    paths = (folder / "depth", folder / "rgb", folder / "out")
    return Job(*paths, holes=holes, overwrite=overwrite, side_outputs=SideOutputs(**wanted))


def run(job, predictor):
    return run_job(job, predictor, quiet=True)


def test_errors_are_those_of_what_was_written(folder, bilinear):
    run(job_of(folder, gt=folder / "gt"), bilinear)
    numbers = json.loads((folder / "out/errors/errors.json").read_text())
    pred_m = bilinear.predict(depth_clip(5, 4, 6), np.zeros((5, 16, 24, 3), np.uint8))
    expected = 100 * np.abs(pred_m - depth_clip(5, 16, 24)).mean()
    assert numbers["mae_cm"] == pytest.approx(expected, abs=0.05)
    names = sorted(path.name for path in (folder / "out/errors").iterdir())
    assert names == [*(f"d_{i:04d}.png" for i in range(5)), "errors.json", "slice.png"]


def test_points_are_written_for_every_frame_and_only_once(folder, bilinear):
    job = job_of(folder, ply=True, camera=CAMERA)
    run(job, bilinear)
    files = sorted((folder / "out/points").iterdir())
    assert [path.name for path in files] == [f"d_{i:04d}.ply" for i in range(5)]
    files[3].unlink()
    files[1].write_bytes(b"mine")
    assert run(job, bilinear) == 0
    assert files[3].stat().st_size > 16 * 24 * 15
    assert files[1].read_bytes() == b"mine"


def test_other_truth_is_compared_anew(folder, bilinear):
    write_depth_folder(folder / "other", depth_clip(5, 16, 24) + 1)
    found = []
    for name in ("gt", "other", "gt"):
        assert run(job_of(folder, gt=folder / name), bilinear) == (0 if found else 5)
        found.append(json.loads((folder / "out/errors/errors.json").read_text())["mae_cm"])
    assert found[0] == found[2] != found[1]


def test_what_another_run_made_goes_with_its_frames(folder, bilinear):
    run(job_of(folder, ply=True, camera=CAMERA), bilinear)
    run(job_of(folder, overwrite=True, holes="mark"), bilinear)
    assert list((folder / "out/points").iterdir()) == []


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"ply": True}, "point clouds need the camera.*--intrinsics FX FY CX CY"),
        ({"gt": "depth"}, r"size of the RGB, \(16, 24\); .*depth has \(4, 6\)"),
        ({"gt": "short"}, "a frame for each of the 5 of depth; .*short has 2"),
    ],
)
def test_what_cannot_be_made_is_said(folder, bilinear, wanted, message):
    write_depth_folder(folder / "short", depth_clip(2, 16, 24))
    wanted = {key: folder / value if key == "gt" else value for key, value in wanted.items()}
    with pytest.raises(ValueError, match=message):
        run(job_of(folder, **wanted), bilinear)
    assert not (folder / "out").exists()
