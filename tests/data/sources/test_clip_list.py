"""Clip lists and the shipped files of them."""

import pytest

from stdnet_arch.data.sources.clip_list import META_INFO, ClipSpan, read_entries, resolve_spans

AVAILABLE = {"a/one": 9, "a/two": 4}
# The toolbox reads its own form, which knows no comments: tests/test_every_option_file.py.
TOOLBOX_LISTS = {"reds_train.txt"}
LISTS = sorted({path.name for path in META_INFO.glob("*.txt")} - TOOLBOX_LISTS)


@pytest.mark.parametrize(
    ("entry", "span"),
    [
        ("a/one", ClipSpan("a/one", 0, 9)),
        ("a/two 4", ClipSpan("a/two", 0, 4)),
        ("a/one 2 7", ClipSpan("a/one", 2, 7)),
    ],
)
def test_an_entry_names_frames(entry, span):
    assert resolve_spans([entry], AVAILABLE) == [span]


def test_no_list_takes_every_clip_whole():
    assert resolve_spans(None, AVAILABLE) == [ClipSpan("a/one", 0, 9), ClipSpan("a/two", 0, 4)]


def test_a_clip_name_may_hold_spaces():
    available = {"my clip 2": 5}
    assert resolve_spans(["my clip 2"], available) == [ClipSpan("my clip 2", 0, 5)]
    assert resolve_spans(["my clip 2 1 4"], available) == [ClipSpan("my clip 2", 1, 4)]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("a/one 8", "expected 8 frames of a/one; got 9"),
        ("a/one 3 10", "expected start < stop <= 9, the frames of a/one; got 3 10"),
        ("a/one 3 3", "expected start < stop <= 9"),
        ("a/three", "with a clip out of a/one, a/two; got 'a/three'"),
        ("a/one 1 2 3", "expected 'clip', 'clip count' or 'clip start stop'"),
        ("a/one x", "clip list entry 'a/one x': expected"),
    ],
)
def test_a_wrong_entry_says_what_was_expected(entry, message):
    with pytest.raises((ValueError, FileNotFoundError)) as caught:
        resolve_spans([entry], AVAILABLE)
    assert message in str(caught.value)


@pytest.mark.parametrize("clips", [[], ["# only a comment", "  "]])
def test_an_empty_list_is_refused(clips):
    with pytest.raises(ValueError, match="expected at least one clip"):
        resolve_spans(clips, AVAILABLE)


def test_an_unquoted_number_in_a_yaml_is_explained():
    with pytest.raises(TypeError, match=r"expected clips as text \(quote them in a YAML\); got 7"):
        read_entries(["0000", 7])


def test_a_list_may_be_a_file_anywhere(tmp_path):
    (tmp_path / "mine.txt").write_text("# header\na/one 2 7  # the middle\n\na/two\n")
    assert read_entries(str(tmp_path / "mine.txt")) == ["a/one 2 7", "a/two"]


def test_an_unknown_file_lists_the_shipped_ones():
    with pytest.raises(FileNotFoundError, match=r"dydtof_sample_train.txt.*got 'no_such.txt'"):
        read_entries("no_such.txt")


@pytest.mark.parametrize("name", LISTS)
def test_a_shipped_list_explains_itself_and_resolves(name):
    assert (META_INFO / name).read_text().startswith("# ")
    entries = read_entries(name)
    sizes = {e.split()[0]: int(e.split()[-1]) if " " in e else 9 for e in entries}
    assert [span.clip for span in resolve_spans(name, sizes)] == [e.split()[0] for e in entries]


@pytest.mark.parametrize(
    ("name", "clips", "frames"),
    [
        ("tartanair_stdnet_train.txt", 11, 6164),
        ("tartanair_stdnet_val.txt", 1, 345),
        ("tartanair_train.txt", 10, 5856),
        ("tartanair_val.txt", 1, 308),
        ("tartanair_test.txt", 3, 1228),
        ("dydtof_test.txt", 2, 576),
        ("dynamicreplica_test.txt", 1, 500),
    ],
)
def test_shipped_lists_have_the_published_counts(name, clips, frames):
    counts = [int(entry.split()[1]) for entry in read_entries(name)]
    assert (len(counts), sum(counts)) == (clips, frames)


def test_the_clean_split_shares_no_clip():
    train, val, test = (
        set(read_entries(f"tartanair_{part}.txt")) for part in ("train", "val", "test")
    )
    assert not train & val
    assert not (train | val) & test
    assert train | val == set(read_entries("tartanair_stdnet_train.txt"))


def test_the_sample_split_shares_no_frame():
    (train,), (test,) = (
        resolve_spans(f"dydtof_sample_{part}.txt", {"school/school_shot8": 20})
        for part in ("train", "test")
    )
    assert (train.start, train.stop, test.start, test.stop) == (0, 16, 16, 20)


def test_a_clip_without_depth_frames_is_named():
    with pytest.raises(ValueError, match=r"depth frames of b; its folder of them is missing or em"):
        resolve_spans(None, {"a": 3, "b": 0})
