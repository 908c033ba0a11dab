"""Options of RGB clips: defaults and limits."""

import pytest

from stdnet_arch.data.dataset_options import read_options
from stdnet_arch.data.rgb.rgb_clip_options import (
    RGBTestOptions,
    SeptupletTestOptions,
    SeptupletTrainOptions,
)

MINIMAL = {"name": "set", "scale": 4, "dataroot_gt": "gt", "clips": ["00001/0001"]}
KINDS = [RGBTestOptions, SeptupletTestOptions, SeptupletTrainOptions]


def test_the_defaults_are_those_of_stdan():
    options = read_options(SeptupletTrainOptions, MINIMAL)
    assert (options.gt_size, options.dataroot_lq) == (128, None)
    changes = (options.use_hflip, options.use_vflip, options.use_transpose, options.use_reverse)
    assert all(changes)
    assert read_options(SeptupletTestOptions, MINIMAL).drop_black


def test_all_clips_are_the_default_where_folders_are_listed_anyway():
    opt = {key: value for key, value in MINIMAL.items() if key != "clips"}
    assert read_options(RGBTestOptions, opt).clips is None
    with pytest.raises(ValueError, match="got no .'clips'."):
        read_options(SeptupletTestOptions, opt)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"scale": 0}, ValueError, "scale must be at least 1; got 0"),
        ({"io_backend": {"type": "lmdb", "map": 1}}, ValueError, "io_backend must be .*'map': 1"),
        (
            {"io_backend": "lmdb"},
            TypeError,
            "io_backend must be a mapping, written {key: value}; got 'lmdb'",
        ),
        ({"dataroot_gt": None}, TypeError, "dataroot_gt must be str; got None"),
        ({"source": "Folder"}, ValueError, "got source"),
    ],
)
def test_what_cannot_be_is_refused(kind, change, error, words):
    with pytest.raises(error, match=words):
        read_options(kind, MINIMAL | change)
