"""The command: a file of options and flags over it, errors in one line, the whole with SVD."""

import numpy as np
import pytest
import yaml
from recording_parts import write_recording
from tiny_svd import write_folder

from stdnet_arch.data.codecs.depth_file import read_depth
from stdnet_arch.stereodiff.command import build_parser, main, option_values


def values(*argv):
    return option_values(build_parser().parse_args(list(argv)))


def test_flags_win_over_the_file_and_settings_over_flags(tmp_path):
    file = {"rgb": "a", "output": "o", "matcher": {"type": "PlaneSweep", "planes": 8}}
    (tmp_path / "o.yml").write_text(yaml.safe_dump(file))
    got = values(
        "-opt", str(tmp_path / "o.yml"), "--rgb", "b", "--matcher", "SensorDepth",
        "--diffusion", "svd", "--set", "rgb=c", "matcher.planes=9",
    )  # fmt: skip
    assert (got["rgb"], got["output"], got["diffusion"]) == ("c", "o", {"folder": "svd"})
    assert got["matcher"] == {"type": "SensorDepth", "planes": 9}


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--rgb", "nowhere", "-o", "out"], "expected RGB at nowhere"),
        (["-o", "out"], "one of rgb, recording and source"),
        (["--rgb", "a", "-o", "o", "--set", "planes=3"], "got planes"),
        (["--source", "Foo", "--clip", "0", "-o", "o"], "source must be one of"),
        (["-opt", "nowhere.yml"], "nowhere.yml"),
    ],
)
def test_errors_are_one_line_and_code_1(argv, message, caplog):
    assert main(argv) == 1
    assert message in caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("text", ["- a\n- b\n", "a: [\n"])
def test_a_file_that_is_no_options_is_named(tmp_path, text, caplog):
    (tmp_path / "o.yml").write_text(text)
    assert main(["-opt", str(tmp_path / "o.yml")]) == 1
    assert "expected a YAML file" in caplog.text


def test_depth_and_svd_make_a_depth_video(tmp_path):
    pytest.importorskip("diffusers")
    depth_m, _ = write_recording(tmp_path, frames=4, height=8, width=8)
    write_folder(tmp_path / "svd")
    argv = ["--rgb", tmp_path / "rgb", "--depth", tmp_path / "depth", "-o", tmp_path / "out"]
    argv += ["--matcher", "SensorDepth", "--diffusion", tmp_path / "svd", "--quiet", "--set"]
    argv += ["diffusion.context=zeros", "diffusion.window=3", "diffusion.overlap=1"]
    assert main([*map(str, argv), "diffusion.longest_px=64"]) == 0
    frames = [read_depth(path) for path in sorted((tmp_path / "out/depth").glob("*.png"))]
    assert np.stack(frames).shape == depth_m.shape
    assert all((frame > 0).all() for frame in frames)


def test_a_folder_without_weights_is_refused_before_stage_1(tmp_path, caplog):
    pytest.importorskip("diffusers")
    write_recording(tmp_path)
    folder = write_folder(tmp_path / "svd")
    (folder / "unet/diffusion_pytorch_model.safetensors").unlink()
    argv = ["--rgb", tmp_path / "rgb", "--depth", tmp_path / "depth", "-o", tmp_path / "out"]
    argv += ["--matcher", "SensorDepth", "--diffusion", folder, "--set", "diffusion.context=zeros"]
    assert main([str(word) for word in argv]) == 1
    assert "expected weights" in caplog.text
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["os.system", "subprocess.check_output", "nobody.Knows", 3])
def test_a_file_cannot_name_code(tmp_path, kind, caplog):
    options = {"rgb": "rgb", "output": "out", "matcher": {"type": kind, "command": "touch ran"}}
    (tmp_path / "o.yml").write_text(yaml.safe_dump(options))
    assert main(["-opt", str(tmp_path / "o.yml")]) == 1
    assert "matcher.type must be one of" in caplog.text
    assert not (tmp_path / "ran").exists()


def test_the_command_line_may_name_a_class_and_nothing_else(tmp_path, caplog):
    write_recording(tmp_path)
    paths = ["--rgb", str(tmp_path / "rgb"), "-o", str(tmp_path / "out")]
    assert main([*paths, "--matcher", "os.system"]) == 1
    assert "must be a class with check and depths" in caplog.text
