"""Damaged values are noticed when they are read: always their shape, and checksums as asked for."""

import json
import multiprocessing

import numpy as np
import pytest
from lmdb_parts import change_value, write_lmdb

from stdnet_arch.data.codecs.block_codec import encode_image_blocks, open_image_blocks
from stdnet_arch.data.database.lmdb_checks import ONCE
from stdnet_arch.data.database.lmdb_source import LmdbSource, open_source
from stdnet_arch.data.dataset_options import TestOptions, TrainOptions, read_options
from stdnet_arch.utils.input_errors import InputError

KEY = "clip/000001/depth"


def flip(value):
    return bytes([value[0] ^ 1]) + value[1:]


@pytest.fixture
def path(make_clip, tmp_path):
    return write_lmdb(make_clip(), tmp_path / "x.lmdb")


@pytest.fixture
def damaged(path):
    change_value(path, KEY, flip)
    return str(path)


@pytest.mark.parametrize("verify", [True, ONCE])
def test_a_damaged_value_is_refused(damaged, verify):
    source = LmdbSource(damaged, verify=verify)
    np.asarray(source.depth_m("clip", 0))
    with pytest.raises(InputError, match=r"000001/depth: expected the checksum \w+; got \w+"):
        source.depth_m("clip", 1)


def test_unasked_nothing_is_compared(damaged):
    np.asarray(LmdbSource(damaged).depth_m("clip", 1))


def test_once_means_once_for_all_workers(path):
    source = LmdbSource(str(path), verify=ONCE)
    worker = multiprocessing.get_context("fork").Process(target=source.depth_m, args=("clip", 1))
    worker.start()
    worker.join()
    assert worker.exitcode == 0
    change_value(path, KEY, flip)
    source.depth_m("clip", 1)  # compared by the worker already
    with pytest.raises(InputError, match="expected the checksum"):
        LmdbSource(str(path), verify=True).depth_m("clip", 1)


@pytest.mark.parametrize(
    ("kind", "backend", "refused"),
    [
        (TrainOptions, {}, True),
        (TestOptions, {}, False),
        (TestOptions, {"verify": True}, True),
        (TrainOptions, {"verify": False}, False),
    ],
)
def test_training_compares_by_itself_and_tests_do_if_asked(
    damaged, section, kind, backend, refused
):
    options = section(damaged, io_backend={"type": "lmdb", **backend})
    if kind is TestOptions:
        options = {k: v for k, v in options.items() if k not in {"num_frame", "gt_size"}}
    source = open_source(read_options(kind, options))
    told = ""
    try:
        source.depth_m("clip", 1)
    except InputError as error:
        told = str(error)
    assert ("expected the checksum" in told) is refused


RGB = np.random.default_rng(0).integers(0, 256, (40, 50, 3)).astype(np.uint8)


def test_a_block_of_another_size_is_refused_not_filled_with_memory():
    blocks = encode_image_blocks(RGB, "png", block=32)
    smaller = encode_image_blocks(RGB[:, :40], "png", block=32)
    np.testing.assert_array_equal(np.asarray(open_image_blocks(blocks, RGB.shape, 32)), RGB)
    image = open_image_blocks(memoryview(smaller), RGB.shape, 32)
    with pytest.raises(InputError, match=r"expected block 0, 1 of \(32, 18, 3\)"):
        np.asarray(image)


@pytest.mark.parametrize(
    "change",
    [
        lambda record: {**record, "depth": None},
        lambda record: [],
        lambda record: None,
        lambda record: {**record, "depth": {**record["depth"], "shape": [5, "x"]}},
        lambda record: {**record, "depth": {**record["depth"], "dtype": "O"}},
        lambda record: {**record, "depth": {**record["depth"], "codec": "other"}},
        lambda record: {**record, "depth": {}},
    ],
)
def test_an_odd_record_is_refused(path, change):
    change_value(path, "clip/000001", lambda v: json.dumps(change(json.loads(v))).encode())
    with pytest.raises((InputError, KeyError)):
        np.asarray(LmdbSource(str(path)).depth_m("clip", 1))


@pytest.mark.parametrize("name", ["../../x", "/x", "a/../../x"])
def test_names_of_clips_cannot_climb(path, name):
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["split"]["clips"][0]["clip"] = name
    (path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="the name of a clip"):
        LmdbSource(str(path))
