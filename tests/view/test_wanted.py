"""What a visitor may ask of infer."""

from pathlib import Path

import pytest

from stdnet_arch.utils.input_errors import InputError
from stdnet_arch.view.wanted import Wanted, split_options


def test_the_fields_are_options_of_infer():
    wanted = Wanted(Path("d"), Path("r"), Path("g"), "plane_blend_x4", ply=True, video=True)
    args = wanted.parsed(Path("o"))
    assert (args.depth, args.rgb, args.gt) == (Path("d"), Path("r"), Path("g"))
    assert (args.output, args.mp4) == (Path("o"), Path("o/result.mp4"))
    assert args.ply
    assert args.error_map
    assert args.weights == Path("plane_blend_x4")


def test_further_options_are_those_of_infer():
    args = Wanted(Path("d"), options="--holes mark --format npy --depth-unit 1/5000").parsed(Path())
    assert (args.holes, args.format, args.depth_unit) == ("mark", "npy", "1/5000")


@pytest.mark.parametrize(
    "text",
    [
        "--gt /etc/passwd",
        "-o elsewhere",
        "--mp4 x.mp4",
        "--manifest list.jsonl",
        "--rerun x.rrd",
        "--man list.jsonl",
        "--weights w.pth",
        "--weights=w.pth",
        "--weig w.pth",
        "--overwrite",
        "--device cuda:7",
        "--unknown",
        "stray",
        "--chunk many",
        "'open quote",
    ],
)
def test_options_that_name_files_or_mean_nothing_are_refused(text):
    with pytest.raises(InputError, match="further options"):
        split_options(text)


def test_a_name_that_begins_with_a_dash_stays_a_name():
    assert Wanted(Path("--quiet")).parsed(Path("o")).depth == Path("--quiet")
