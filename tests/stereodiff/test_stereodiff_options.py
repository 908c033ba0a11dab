"""Options of a file and of the command line: what is not known is refused."""

from pathlib import Path

import pytest
import yaml

from stdnet_arch.stereodiff.matcher import build_matcher
from stdnet_arch.stereodiff.options import (
    DiffusionOptions,
    StereoDiffOptions,
    merge,
    read_options,
)

ROOT = Path(__file__).parents[2]
YAMLS = sorted((ROOT / "options/stereodiff").glob("*.yml"))
LEAST = {"rgb": "clip.mp4", "output": "out"}


def test_the_papers_windows_are_the_default():
    options = read_options({**LEAST, "diffusion": {"folder": "svd"}})
    assert options.diffusion == DiffusionOptions(Path("svd"), window=110, overlap=25, steps=4)
    assert options.matcher == {"type": "PlaneSweep"}
    assert (options.rgb, options.super_resolution) == (Path("clip.mp4"), None)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({**LEAST, "pose": "p.txt"}, "the options are output, rgb, .*; got pose"),
        ({**LEAST, "diffusion": {"folder": "a", "windows": 3}}, "diffusion: .*; got windows"),
        ({**LEAST, "diffusion": {}}, "diffusion: .*folder"),
        ({**LEAST, "diffusion": 3}, "diffusion: expected names and values; got 3"),
        ({**LEAST, "super_resolution": {"weight": 1}}, "super_resolution: .*; got weight"),
        ({**LEAST, "matcher": "PlaneSweep"}, "matcher must be names and values"),
        ({"rgb": "clip.mp4"}, "output"),
        ({"output": "out"}, "one of rgb, recording and source .*; got none"),
        ({**LEAST, "source": "TarTanAir"}, "got rgb and source"),
        ({"output": "out", "source": "TarTanAir"}, "source needs clip"),
        ({"output": "out", "recording": "r", "poses": "p"}, "poses goes with rgb; got recording"),
        ({**LEAST, "clip": "0"}, "clip goes with source; got rgb"),
        ({**LEAST, "format": "gif"}, "format must be one of"),
        (
            {**LEAST, "super_resolution": {"weights": "w.pth", "precision": "int4"}},
            "precision must be one of float32, bf16, fp16; got 'int4'",
        ),
    ],
)
def test_what_is_not_known_or_does_not_fit_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        read_options(values)


def test_settings_reach_every_group_and_leave_the_file_alone():
    values = {"matcher": {"type": "SensorDepth"}}
    merged = merge(values, ["matcher.offsets=(-4, 4)", "diffusion.half=True", "root=a b"])
    assert merged["matcher"] == {"type": "SensorDepth", "offsets": (-4, 4)}
    assert (merged["diffusion"], merged["root"]) == ({"half": True}, "a b")
    assert values == {"matcher": {"type": "SensorDepth"}}


@pytest.mark.parametrize("path", YAMLS, ids=lambda path: path.stem)
def test_every_file_of_options_is_understood(path):
    options = read_options(yaml.safe_load(path.read_text()))
    build_matcher(options.matcher)
    assert options.super_resolution is None or (ROOT / options.super_resolution.weights).is_file()


@pytest.mark.parametrize("setting", ["planes", "=3", "matcher.=3"])
def test_a_setting_without_name_or_value_is_refused(setting):
    with pytest.raises(ValueError, match="--set takes name=value"):
        merge({}, [setting])


def test_a_setting_within_a_plain_value_is_refused():
    with pytest.raises(ValueError, match="rgb has no options of its own"):
        merge({"rgb": "clip.mp4"}, ["rgb.size=3"])


def test_the_unit_of_depth_goes_with_a_recording_too():
    assert isinstance(
        read_options({"output": "o", "recording": "r", "depth_unit": "mm"}), StereoDiffOptions
    )
