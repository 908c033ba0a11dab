"""Photographs as textures: as they were written, and never those of a held-out world."""

import cv2
import numpy as np
import pytest

from stdnet_arch.data.sources.source import build_source
from stdnet_arch.data.synthetic.layers.photo_textures import read_textures

COLOURS = {"aws-robomaker-small-house/a.png": 40, "aws-robomaker-small-warehouse-world/b.png": 200}


@pytest.fixture
def pack(tmp_path):
    coded = [
        cv2.imencode(".png", np.full((32, 32, 3), (0, 0, red), np.uint8))[1].ravel()
        for red in COLOURS.values()
    ]
    sizes, names = [len(image) for image in coded], list(COLOURS)
    path = tmp_path / "photo_textures.npz"
    np.savez(path, jpegs=np.concatenate(coded), sizes=sizes, names=names)
    return path


def test_photos_of_a_held_out_world_are_left_out(pack):
    photos = read_textures(pack)
    assert photos.shape == (1, 32, 32, 3)
    assert photos[0, 3, 4].tolist() == [40, 0, 0]


def test_arrays_are_taken_as_they_are(tmp_path):
    photos = np.arange(2 * 32 * 32 * 3, dtype=np.uint8).reshape(2, 32, 32, 3)
    np.save(tmp_path / "photos.npy", photos)
    np.testing.assert_array_equal(read_textures(tmp_path / "photos.npy").numpy(), photos)


def test_the_source_takes_a_pack(pack):
    options = {"num_clips": 1, "num_frame": 1, "size": [16, 24], "textures": str(pack)}
    assert build_source("Layers", "", options).guide("000000", 0).shape == (16, 24, 3)
