"""The command: one message and an exit code for whatever happens."""

import logging

import numpy as np
import pytest
import torch
from recording_parts import write_depth_folder, write_lines, write_recording, write_weights

from stdnet_arch.archs.checkpoints.adapters import save_checkpoint
from stdnet_arch.archs.interpolation_arch import Interpolation
from stdnet_arch.inference.jobs import command
from stdnet_arch.inference.jobs.command import main


@pytest.fixture
def recording(tmp_path):
    """A folder with a clip and a checkpoint."""
    write_recording(tmp_path)
    write_weights(tmp_path / "w.pth")
    return tmp_path


def arguments(folder, **changes):
    """The command for a recording; an option of None is left out."""
    options = {
        "depth": folder / "depth",
        "rgb": folder / "rgb",
        "output": folder / "out",
        "weights": folder / "w.pth",
        "device": "cpu",
        **changes,
    }
    return [
        text
        for name, value in options.items()
        if value is not None
        for text in ([f"--{name}"] if value is True else [f"--{name}", str(value)])
    ]


def test_a_recording_becomes_frames_and_a_second_run_finds_them(recording, capsys):
    assert main(arguments(recording)) == 0
    names = sorted(path.name for path in (recording / "out").iterdir())
    assert names == [
        *(f"d_{i:04d}.png" for i in range(5)),
        "done.json",
        "infer.json",
        "written.json",
    ]
    assert "5/5" in capsys.readouterr().err  # frames, rate and time left, from the progress bar
    assert main(arguments(recording)) == 0
    assert "is done already" in capsys.readouterr().err


def test_quiet_says_nothing(recording, capsys):
    assert main([*arguments(recording), "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_options_reach_the_job(recording, capsys):
    np.save(recording / "d.npy", np.full((5, 4, 6), 8000, np.uint16))
    options = {"depth": recording / "d.npy", "depth-unit": 1 / 4000, "format": "npz"}
    assert main(arguments(recording, **options)) == 0
    with np.load(recording / "out/000004.npz") as arrays:
        np.testing.assert_allclose(arrays["depth"], 2, rtol=1e-6)
    np.save(recording / "d.npy", np.full((5, 4, 6), 8000, np.uint16))
    gone = {"max-depth": 1.5, "overwrite": True}
    assert main(arguments(recording, **options, **gone)) == 1
    assert "no frame of the clip holds depth" in capsys.readouterr().err
    codes = np.full((5, 4, 6), 8000, np.uint16)
    codes[:, 0] = 4000
    np.save(recording / "d.npy", codes)
    assert main(arguments(recording, **options, **gone, holes="mark")) == 0
    with np.load(recording / "out/000004.npz") as arrays:
        assert (arrays["depth"][4:] == 0).all()
    assert "75 % of the depth pixels hold no depth" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"depth": "gone"}, "expected depth at gone; it does not exist"),
        ({"rgb": None}, "without RGB, depth must be a recording of RealSense (.bag, .db3)"),
        ({"min-confidence": 1}, "two folders hold no confidence"),
        ({"weights": "gone.pth"}, "found no file: gone.pth"),
        ({"scale": 8}, "holds a network of scale 4; scale 8 was asked for"),
        ({"scale": "big"}, "scale must be auto or a whole number; got 'big'"),
        ({"depth-unit": "m"}, "its unit is too large: check the depth unit (--depth-unit mm"),
        ({"depth-unit": "ell"}, "the depth unit must be m, mm, cm"),
        ({"pair-within": -1}, "the times of a pair need seconds > 0; got -1.0"),
        ({"refine": "median"}, "--refine is for depth and RGB of one size; depth is 6x4"),
        ({"device": "cuda:77"}, "device cuda:77 was asked for"),
        ({"chunk": 0}, "chunk must be at least 1 frame, got 0"),
        ({"tile": 3, "tile-overlap": 2}, "got side 3, overlap 2"),
        ({"shard": "3/2"}, "a shard is i/n"),
        ({"depth-range": -3}, "must be a number > 0; got -3.0"),
    ],
)
def test_what_goes_wrong_is_one_message(recording, capsys, changes, message):
    assert main(arguments(recording, **changes)) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if "frame/s" not in line]
    assert [line for line in lines if line.startswith("error: ")] == lines[-1:]
    assert message in lines[-1]
    assert not list((recording / "out").glob("*.part")) if (recording / "out").exists() else True


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"rubbish", "w.pth is not a checkpoint of tensors"),
        (b"", "w.pth is not a checkpoint of tensors"),
    ],
)
def test_a_file_that_is_no_checkpoint_is_told(recording, capsys, content, message):
    (recording / "w.pth").write_bytes(content)
    assert main(arguments(recording)) == 1
    assert message in capsys.readouterr().err
    assert not (recording / "out").exists()


def test_weights_of_another_network_are_told(recording, capsys):
    about = {"network_g": {"type": "STDNet", "scale": 4, "num_feat": 16}, "depth_range_m": 10.0}
    save_checkpoint(torch.nn.Linear(2, 3), recording / "w.pth", about=about)
    assert main(arguments(recording)) == 1
    assert "w.pth does not fit {'type': 'STDNet', 'scale': 4" in capsys.readouterr().err


def test_too_little_memory_is_one_message_and_nothing_is_half_written(
    recording, capsys, monkeypatch
):
    def forward(self, lq, guide):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Interpolation, "forward", forward)
    assert main(arguments(recording)) == 1
    assert "cpu has not enough memory for chunks of 1 frames" in capsys.readouterr().err
    assert sorted(path.name for path in (recording / "out").iterdir()) == [
        "infer.json",
        "written.json",
    ]


def test_a_missing_frame_is_left_out_and_said(recording, capsys):
    (recording / "depth/d_0002.png").unlink()
    assert main(arguments(recording)) == 0
    said = capsys.readouterr().err
    assert "0 depth and 1 RGB frames have no partner and are left out" in said
    assert not (recording / "out/d_0002.png").exists()


def test_a_silent_checkpoint_is_told_what_to_give(recording, capsys):
    save_checkpoint(Interpolation(4), recording / "w.pth")
    assert main(arguments(recording)) == 1
    assert "give scale, num_feat, depth_range_m" in capsys.readouterr().err


@pytest.mark.parametrize("changes", [{"depth": None}, {"manifest": "list.jsonl"}])
def test_wrong_usage_is_2(recording, changes):
    with pytest.raises(SystemExit) as exit_:
        main(arguments(recording, **changes))
    assert exit_.value.code == 2


def test_ctrl_c_is_130_and_says_how_to_go_on(recording, capsys, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "run_job", interrupt)
    assert main(arguments(recording)) == 130
    assert "the same command continues where it stopped" in capsys.readouterr().err


def test_a_manifest_runs_its_shard_and_tells_failures(recording, capsys):
    write_depth_folder(recording / "short", np.ones((2, 4, 6)), first=10)
    items = [{"depth": depth, "rgb": "rgb", "output": depth} for depth in ("depth", "short", "no")]
    write_lines(recording / "list.jsonl", items)
    base = arguments(recording, depth=None, rgb=None, manifest=recording / "list.jsonl")
    assert main([*base, "--shard", "0/3"]) == 0
    assert (recording / "out/depth/done.json").exists()
    assert main([*base, "--shard", "1/3"]) == 1
    assert "2 depth frames from d_0010" in (recording / "out/failed_1_of_3.jsonl").read_text()
    assert "0 of 1 clips are done, 1 failed" in capsys.readouterr().err
    assert main(base) == 1
    assert len((recording / "out/failed_0_of_1.jsonl").read_text().splitlines()) == 2


def test_no_log_handler_is_left_behind(recording):
    before = list(logging.getLogger("stdnet_arch").handlers)
    main(arguments(recording))
    assert logging.getLogger("stdnet_arch").handlers == before


def test_cutting_is_reported_and_another_cutting_is_another_result(recording, capsys):
    assert main(arguments(recording, tile=4, **{"report-difference": 2})) == 0
    assert "(measured on 2 frames, 6x4 depth pixels)" in capsys.readouterr().err
    assert main(arguments(recording)) == 1
    assert "tile was 4, is None" in capsys.readouterr().err


def test_a_report_can_be_had_without_tiles(recording, capsys):
    assert main(arguments(recording, **{"report-difference": True}, chunk=2)) == 0
    message = "chunks of 2 frames: largest difference 0 cm, mean 0 cm, from whole frames"
    assert message in capsys.readouterr().err


def test_all_side_outputs_can_be_asked_for(recording):
    write_depth_folder(recording / "gt", np.full((5, 16, 24), 2.0))
    side_outputs = {"gt": recording / "gt", "ply": True, "confidence": True}
    camera = ["--intrinsics", "20", "20", "12", "8"]
    assert main([*arguments(recording, **side_outputs), *camera]) == 0
    found = {path.parent.name for path in (recording / "out").rglob("*") if path.is_file()}
    assert found == {"out", "confidence", "errors", "points"}


def test_the_warning_of_an_overlap_is_one_line_without_code(recording, capsys):
    options = {"num_feat": 8, "head_feat": 8, "num_block": 1}
    write_weights(recording / "w.pth", type="DVSR", **options)
    assert main(arguments(recording, overlap=1, quiet=True)) == 0
    said = capsys.readouterr().err.splitlines(keepends=True)
    assert said[0] == (
        "DVSR is cut into windows with 1 frames of context: not equal to the whole clip's result\n"
    )
    assert "took its nearest or farthest" in "".join(said[1:])  # an untrained network
