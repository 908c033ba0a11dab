"""``--error-map`` and ``--depth-step``, from files to files."""

import shutil

import numpy as np
import pytest
from recording_parts import write_depth_folder, write_recording, write_weights

from stdnet_arch.data.codecs.depth_file import read_depth
from stdnet_arch.inference.jobs.command import main


@pytest.fixture
def recording(tmp_path):
    """Five frames."""
    write_recording(tmp_path)
    return tmp_path


def infer(folder, weights, *more):
    files = ["--depth", folder / "depth", "--rgb", folder / "rgb", "-o", folder / "out"]
    fixed = ["--weights", weights, "--device", "cpu", "--format", "npy", "--quiet"]
    return main([str(x) for x in (*files, *fixed, *more)])


def errors(folder):
    return np.stack([read_depth(path) for path in sorted((folder / "out/error_map").iterdir())])


def test_error_maps_lie_beside_the_depth(recording, expecting_weights):
    assert infer(recording, expecting_weights, "--error-map", "--depth-step", "0") == 0
    depth_m = np.stack([read_depth(path) for path in sorted((recording / "out").glob("*.npy"))])
    found = errors(recording)
    assert found.shape == depth_m.shape
    np.testing.assert_allclose(found[0], depth_m[0] / 1.01 / 10, rtol=1e-5)


def test_the_told_step_reaches_the_network(recording, expecting_weights):
    infer(recording, expecting_weights, "--error-map", "--depth-step", "0")
    without = errors(recording)
    infer(recording, expecting_weights, "--error-map", "--depth-step", "0.03", "--overwrite")
    np.testing.assert_allclose(errors(recording) - without, 0.3, atol=1e-5)


def test_a_run_that_goes_on_takes_the_step_of_the_first_frame(recording, expecting_weights):
    steps_m = np.arange(24).reshape(4, 6)
    depth_m = np.stack([2 + (0.1 if i == 0 else 0.07) * steps_m for i in range(5)])
    shutil.rmtree(recording / "depth")
    write_depth_folder(recording / "depth", depth_m.astype(np.float32))
    infer(recording, expecting_weights, "--error-map")
    whole = errors(recording)
    for name in ("d_0003.npy", "d_0004.npy"):
        (recording / "out" / name).unlink()
    (recording / "out/done.json").unlink()
    assert infer(recording, expecting_weights, "--error-map") == 0
    np.testing.assert_array_equal(errors(recording), whole)


def test_a_network_that_expects_no_errors_is_named(recording, capsys):
    write_weights(recording / "w.pth")
    assert infer(recording, recording / "w.pth", "--error-map") == 1
    assert "expects errors, such as PlaneBlend" in capsys.readouterr().err
    assert not list((recording / "out").glob("*.npy"))
