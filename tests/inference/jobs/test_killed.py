"""A command that is stopped leaves whole files, and goes on to what an undisturbed one gives."""

import signal
import subprocess
import sys
import time

import pytest
from recording_parts import write_recording

from stdnet_arch.data.codecs.depth_file import read_depth


def command(folder, weights, output):
    paths = ["--depth", folder / "depth", "--rgb", folder / "rgb", "-o", folder / output]
    options = ["--weights", weights, "--device", "cpu", "--quiet"]
    return [sys.executable, "-m", "stdnet_arch.infer", *map(str, [*paths, *options])]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ending", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)]
)
def test_a_stopped_command_goes_on_to_the_same_files(tmp_path, stdnet_weights, ending, code):
    write_recording(tmp_path, frames=40, height=12, width=16)
    subprocess.run(command(tmp_path, stdnet_weights, "whole"), check=True)
    killed = subprocess.Popen(command(tmp_path, stdnet_weights, "out"))
    while len(list(tmp_path.glob("out/*.png"))) < 13:
        assert killed.poll() is None
        time.sleep(0.05)
    killed.send_signal(ending)
    assert killed.wait() == code
    left = list(tmp_path.glob("out/*.png"))
    assert 13 <= len(left) < 40
    assert all((read_depth(path) > 0).all() for path in left)
    subprocess.run(command(tmp_path, stdnet_weights, "out"), check=True)
    assert len(list(tmp_path.glob("out/*.png"))) == 40
    for path in (tmp_path / "whole").glob("*.png"):
        assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes()
