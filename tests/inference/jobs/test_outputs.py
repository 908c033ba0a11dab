"""The output folder knows whose it is, what is missing and when it is done."""

import pytest

from stdnet_arch.inference.jobs.outputs import OutputFolder
from stdnet_arch.utils.input_errors import InputError
from stdnet_arch.utils.whole_file import PART

NAMES = ["a", "b", "c"]
SETTINGS = {"weights": "1234", "unit": None, "depth_range_m": 10.0}


@pytest.fixture
def output(tmp_path):
    return OutputFolder(tmp_path / "out", "npy")


def fill(output, *names):
    output.folder.mkdir(exist_ok=True)
    for name in names:
        output.path(name).write_bytes(b"depth")


def test_the_first_missing_frame_counts(output):
    assert output.first_missing(NAMES) == 0
    fill(output, "a", "c")
    assert output.first_missing(NAMES) == 1
    fill(output, "b")
    assert output.first_missing(NAMES) == 3


def test_done_means_finished_with_these_settings_and_all_frames_there(output):
    output.claim(SETTINGS, names=NAMES)
    fill(output, *NAMES)
    assert not output.is_done(SETTINGS)
    output.finish(NAMES)
    assert output.is_done(SETTINGS)
    assert not output.is_done({**SETTINGS, "weights": "other"})
    output.path("b").unlink()
    assert not output.is_done(SETTINGS)


def test_the_same_settings_go_on(output):
    output.claim(SETTINGS)
    fill(output, "a")
    (output.folder / f"b.npy.12{PART}").touch()
    output.claim(dict(SETTINGS))
    assert output.first_missing(NAMES) == 1
    assert not (output.folder / f"b.npy.12{PART}").exists()


def test_other_settings_are_refused_and_named(output):
    output.claim(SETTINGS, names=["a"])
    fill(output, "a")
    with pytest.raises(ValueError, match=r"another run \(depth_range_m was 10.0, is 5\); .*--over"):
        output.claim({**SETTINGS, "depth_range_m": 5})
    output.claim({**SETTINGS, "depth_range_m": 5}, overwrite=True)
    assert output.first_missing(NAMES) == 0


@pytest.mark.parametrize("content", [None, "{broken"])
def test_frames_of_somebody_else_are_not_touched(output, content):
    fill(output, "a")
    if content:
        (output.folder / "infer.json").write_text(content)
    with pytest.raises(ValueError, match=r"holds f.*infer\.json"):
        output.claim(SETTINGS)
    assert output.path("a").exists()


def test_a_new_claim_is_not_done(output):
    output.claim(SETTINGS)
    output.finish([])
    output.claim(SETTINGS)
    assert not output.is_done(SETTINGS)


OTHER = {**SETTINGS, "depth_range_m": 5}
MINE = ["photo.npy", "notes.npy.part", "errors/photo.png", "points/mine.ply", "confidence/x.png"]


@pytest.fixture
def mixed(output):
    """A folder with our frames and files of somebody else."""
    output.claim(SETTINGS, names=NAMES)
    fill(output, *NAMES)
    for name in (*MINE, "errors/a.png", "errors/slice.png", "points/b.ply", "confidence/c.png"):
        (output.folder / name).parent.mkdir(exist_ok=True)
        (output.folder / name).write_bytes(b"x")
    return output


def test_overwriting_deletes_what_the_run_wrote_and_nothing_else(mixed):
    mixed.claim(OTHER, overwrite=True, names=["new"])
    left = {str(p.relative_to(mixed.folder)) for p in mixed.folder.rglob("*") if p.is_file()}
    assert left == {*MINE, "infer.json", "written.json"}


def test_without_our_mark_nothing_is_deleted_even_if_asked(mixed):
    (mixed.folder / "infer.json").unlink()
    with pytest.raises(ValueError, match="did not write, such as a.npy"):
        mixed.claim(OTHER, overwrite=True, names=NAMES)
    assert mixed.path("a").exists()


def test_a_folder_of_an_older_version_loses_the_frames_of_this_run_alone(mixed):
    (mixed.folder / "written.json").unlink()
    mixed.claim(OTHER, overwrite=True, names=["a"])
    assert [mixed.path(name).exists() for name in (*NAMES, "photo")] == [False, True, True, True]


@pytest.mark.parametrize("name", ["../photo", "/photo", "a/../../photo"])
def test_names_in_the_folders_own_list_cannot_climb(output, tmp_path, name):
    (tmp_path / "photo.npy").write_bytes(b"mine")
    output.claim(SETTINGS, names=[name])
    with pytest.raises(InputError, match="the name of a frame"):
        output.claim(OTHER, overwrite=True)
    assert (tmp_path / "photo.npy").exists()


def test_a_link_in_the_place_of_a_subfolder_is_refused(output, tmp_path):
    (tmp_path / "photos").mkdir()
    output.folder.mkdir()
    (output.folder / "errors").symlink_to(tmp_path / "photos")
    with pytest.raises(InputError, match="errors must be a folder"):
        output.claim(SETTINGS, overwrite=True)


def test_an_empty_frame_is_missing_and_a_deleted_one_is_told(output):
    output.claim(SETTINGS, names=NAMES)
    fill(output, *NAMES)
    output.path("b").write_bytes(b"")
    assert output.first_missing(NAMES) == 1
    with pytest.raises(InputError, match="deleted during the run, 1 of 3 frames"):
        output.finish(NAMES)
    assert not output.is_done(SETTINGS)


@pytest.mark.parametrize("content", ["[]", "{", "[" * 100_000, '{"frames": "3"}', '{"frames": []}'])
def test_a_foreign_done_mark_is_none(output, content):
    output.claim(SETTINGS, names=[])
    (output.folder / "done.json").write_text(content)
    assert not output.is_done(SETTINGS)


def test_one_program_at_a_time(output):
    with output.held(), pytest.raises(OSError, match="is being written to"), output.held():
        pass
