"""Packed worlds: what is written is read, and what is held out stays out."""

import cv2
import numpy as np
import pytest
from worlds_parts import crate, picture, quad, write_packs

from stdnet_arch.data.synthetic.worlds.library import HELD_OUT, find_worlds, load_library
from stdnet_arch.data.synthetic.worlds.pack import World, decode_texture, read_world, write_world


def test_a_world_comes_back_within_the_steps_of_its_box(tmp_path):
    world = World(
        (crate((-3, 1, 0), (4, 2.5, 7), 1), quad((0, 0, 5), (1, 2, 0), (0, 0, 3))),
        (picture(0), picture(1)),
    )
    write_world(tmp_path / "a.npz", world)
    back = read_world(tmp_path / "a.npz")
    assert back.textures == world.textures
    for mesh, old in zip(back.meshes, world.meshes, strict=True):
        step = np.ptp(old.vertices[:, :3], axis=0) / 65535
        assert (np.abs(mesh.vertices - old.vertices)[:, :3] <= step + 1e-6).all()
        np.testing.assert_allclose(mesh.vertices[:, 3:], old.vertices[:, 3:], atol=1e-3)
        np.testing.assert_array_equal(mesh.triangles, old.triangles)
        assert (mesh.texture, mesh.colour) == (old.texture, pytest.approx(old.colour))


def test_training_never_reads_a_world_that_is_held_out(tmp_path):
    write_packs(tmp_path, ("big_house", *HELD_OUT, "hall"))
    assert find_worlds(tmp_path, "train") == ["big_house", "hall"]
    assert find_worlds(tmp_path, "test") == list(HELD_OUT)


@pytest.mark.parametrize(("names", "seed"), [(("flat",), 4), (HELD_OUT, 5)])
def test_photos_of_a_held_out_repository_are_held_out(tmp_path, names, seed):
    library = load_library(write_packs(tmp_path), names)
    assert [library.textures[k] for k in library.photos] == [picture(seed)]


def test_meshes_keep_their_own_textures_among_several_worlds(tmp_path):
    library = load_library(write_packs(tmp_path, ("a", "b")), ("a", "b"))
    of_b = library.places[1].fixed
    world = read_world(tmp_path / "b.npz")
    own = [library.textures[library.mesh_textures[k]] for k in of_b]
    assert own == [world.textures[mesh.texture] for mesh in world.meshes]


def test_a_pile_of_props_is_no_furniture(tmp_path):
    props = [crate((-0.2, -0.1, 0), (0.1, 0.2, 0.1 * k), None) for k in range(2, 24)]
    world = World((crate((-3, -2, 0), (3, 2, 2.5)), crate((2, 1, 0), (2.5, 1.6, 1)), *props))
    write_world(tmp_path / "hall.npz", world)
    library = load_library(tmp_path, ["hall"])
    first = 3  # after the solids
    assert library.places[0].fixed == (first, first + 1)
    assert len(library.movable) == 1 + len(props)


def test_no_pack_at_all_says_how_to_make_one(tmp_path):
    write_packs(tmp_path, HELD_OUT)
    with pytest.raises(FileNotFoundError, match=r"got small_warehouse \(scripts/pack_worlds.py"):
        find_worlds(tmp_path, "train")


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_textures_are_rgba_from_the_lowest_row_up(channels):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, channels), dtype=np.uint8)
    image = decode_texture(cv2.imencode(".png", pixels)[1].tobytes(), 16)
    colours = np.repeat(pixels, 3, axis=2) if channels == 1 else pixels[..., 2::-1]
    np.testing.assert_array_equal(image[::-1, :, :3], colours)
    np.testing.assert_array_equal(image[::-1, :, 3], pixels[..., 3] if channels == 4 else 255)


def test_large_textures_are_shrunk():
    image = np.zeros((40, 20, 3), np.uint8)
    image[:20, :, 0] = 200  # the upper half is blue
    small = decode_texture(cv2.imencode(".png", image)[1].tobytes(), 10)
    assert small.shape == (10, 5, 4)
    assert small[:4].max(axis=(0, 1)).tolist() == [0, 0, 0, 255]
    np.testing.assert_allclose(small[6:].mean(axis=(0, 1)), [0, 0, 200, 255], atol=2)
