"""The command lines: what they return and what they say."""

import re

import pytest
from create_lmdb import create
from lmdb_parts import arguments, change_value
from test_clip_reader import cut
from verify_lmdb import main as verify

from stdnet_arch.data.database.lmdb_manifest import read_manifest


def test_a_run_says_what_it_wrote(tmp_path, make_clip, capsys):
    out = tmp_path / "x.lmdb"
    assert create(arguments(make_clip(), out, "--depth-dtype", "float16", "--verify")) == 0
    said = capsys.readouterr().err
    assert "x.lmdb: written\n1 clips, 5 frames" in said
    assert "depth as float16: largest error" in said
    assert "everything is as it was written" in said


def test_the_same_command_again_does_nothing(tmp_path, make_clip, capsys):
    command = arguments(make_clip(), tmp_path / "x.lmdb")
    assert [create(command), create(command)] == [0, 0]
    assert "was finished already" in capsys.readouterr().err


def test_options_reach_the_job(tmp_path, make_clip):
    more = ["--scale", "8", "2", "--lq", "dtof_peak", "--range", "20000", "--bins", "64"]
    more += ["--depth-dtype", "uint16", "--depth-scale", "0.9", "--reencode-rgb", "jpeg"]
    more += ["--quality", "80", "--no-flow", "--clips", str(tmp_path / "list.txt")]
    (tmp_path / "list.txt").write_text("clip 0 2\n")
    assert create(arguments(make_clip(), tmp_path / "x.lmdb", *more)) == 0
    manifest = read_manifest(tmp_path / "x.lmdb")
    assert manifest["options"] == {
        "scales": [2, 8], "lq": "dtof_peak", "range_m": 20000, "bins": 64, "depth_dtype": "uint16",
        "depth_scale": 0.9, "rgb": "jpeg", "quality": 80, "flow": False,
    }  # fmt: skip
    assert manifest["split"]["list"] == str(tmp_path / "list.txt")


def test_a_bad_frame_is_one_message(tmp_path, make_clip, capsys):
    root = make_clip()
    cut(root / "rgb" / "0002.png")
    assert create(arguments(root, tmp_path / "x.lmdb")) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: clip 'clip', frame 2: ")
    assert "rgb/0002.png: expected a whole image" in said
    assert not (tmp_path / "x.lmdb").exists()


def test_clips_left_out_are_listed_and_fail(tmp_path, make_clip, capsys):
    for name in ("a", "b"):
        make_clip(name=f"raw/{name}")
    (tmp_path / "raw" / "a" / "depth" / "0004.npy").unlink()
    command = arguments(tmp_path / "raw", tmp_path / "x.lmdb", "--skip-bad")
    assert create(command) == 3
    assert "left out: a: frame 0: expected the same frames" in capsys.readouterr().err
    assert create(command) == 3


def test_an_interrupted_run_says_how_to_go_on(tmp_path, make_clip, capsys, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("stdnet_arch.data.database.lmdb_run.create_lmdb", interrupted)
    assert create(arguments(make_clip(), tmp_path / "x.lmdb")) == 130
    assert "the same command continues" in capsys.readouterr().err


@pytest.mark.parametrize("options", ["{", "[1]"])
def test_source_options_are_a_json_object(options, capsys):
    with pytest.raises(SystemExit):
        create(["--source", "Folder", "--out", "x.lmdb", "--source-opt", options])
    assert "expected" in capsys.readouterr().err


def test_verifying_says_what_is_wrong(tmp_path, make_clip, capsys):
    root, out = make_clip(), tmp_path / "x.lmdb"
    create(arguments(root, out))
    assert verify([str(out), "--root", str(root), "--quiet"]) == 0
    change_value(out, "clip/000001/depth", lambda value: value[::-1])
    assert verify([str(out), "--quiet"]) == 1
    assert "clip/000001/depth: checksum differs" in capsys.readouterr().err


def test_verifying_nothing_is_an_error(tmp_path, capsys):
    assert verify([str(tmp_path / "x.lmdb")]) == 1
    assert "error: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--lq", "dtof_histogram"], "dtof_histogram draws other photons.*lq: dtof_histogram in"),
        (["--lq", "mean"], "expected auto, files, dtof_peak, area, bicubic, nearest; got 'mean'"),
        (["--workers", "0"], "--workers: expected at least 1; got '0'"),
    ],
)
def test_what_cannot_be_asked_is_explained(tmp_path, capsys, more, message):
    with pytest.raises(SystemExit):
        create(arguments(tmp_path, tmp_path / "x.lmdb", *more))
    assert re.search(message, " ".join(capsys.readouterr().err.split()))


def test_wrong_options_are_no_bad_clips(tmp_path, make_clip, capsys):
    command = arguments(make_clip(), tmp_path / "x.lmdb", "--skip-bad", "--scale")
    assert create([*command, "4", "--bins", "1"]) == 1
    assert create([*command, "7"]) == 1
    said = capsys.readouterr().err
    assert "error: expected a positive range_m and at least 2 bins; got 100.0 and 1" in said
    assert "error: expected at least one clip that can be stored; got 1 bad ones" in said
    assert "expected sides that are multiples of scale 7; got 24x32" in said
    assert not (tmp_path / "x.lmdb").exists()


@pytest.mark.parametrize(
    ("clips", "spans"),
    [(["clip"], [[0, 5]]), (["clip 1 3"], [[1, 3]]), (["clip 0 1", "clip 2 4"], [[0, 1], [2, 4]])],
)
def test_clips_may_be_entries(tmp_path, make_clip, clips, spans):
    assert create(arguments(make_clip(), tmp_path / "x.lmdb", "--clips", *clips)) == 0
    split = read_manifest(tmp_path / "x.lmdb")["split"]
    assert (split["list"], split["clips"][0]["spans"]) == (None, spans)


def test_a_list_that_is_not_there_is_no_entry(tmp_path, make_clip, capsys):
    assert create(arguments(make_clip(), tmp_path / "x.lmdb", "--clips", "gone.txt")) == 1
    assert "clips must be a list, a path or a file of" in capsys.readouterr().err
