"""Packs from a clone: meshes come to stand where Gazebo would put them."""

import runpy
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from stdnet_arch.data.synthetic.worlds.pack import decode_texture, read_photos, read_world
from stdnet_arch.data.synthetic.worlds.robomaker import pose_matrix, read_clone, read_photo_crops

pytest.importorskip("trimesh", reason="needs trimesh (extra: render)")
pytest.importorskip("collada", reason="needs pycollada (extra: render)")
ROOT = Path(__file__).parents[4]

WORLD = """<?xml version='1.0'?><sdf version="1.6"><world name="default">
<include><uri>model://sun</uri></include>
<model name="a"><include><uri>model://shelf</uri></include>
<pose frame="">1 2 0.5 0 0 1.5707963</pose></model>
<model name="b"><include><uri>model://stool</uri></include><pose>0 0 -7.5e+08 0 0 0</pose></model>
<model name="c"><include><uri>model://elsewhere</uri></include></model>
</world></sdf>"""
SHELF = """<sdf version="1.6"><model name="shelf"><link name="link">
<pose>0 0 0.25 0 0 0</pose>
<visual name="v"><geometry><mesh><uri>{uri}</uri><scale>2 1 1</scale></mesh></geometry></visual>
</link></model></sdf>"""
# 50 by 30 of a unit of 1 cm, as an exporter of the makers writes it.
DAE = """<?xml version="1.0"?>
<COLLADA xmlns="http://www.collada.org/2005/11/COLLADASchema" version="1.4.1">
<asset><created>2019-05-24T10:41:56Z</created><modified>2019-05-24T10:41:56Z</modified>
<unit meter="0.010000" name="centimeter"/><up_axis>Z_UP</up_axis></asset>
<library_images><image id="wood-image" name="wood">
<init_from>../materials/textures/wood.png</init_from></image></library_images>
<library_materials><material id="wood" name="wood"><instance_effect url="#wood-fx"/></material>
</library_materials>
<library_effects><effect id="wood-fx"><profile_COMMON><technique sid="standard"><phong>
<diffuse><texture texture="wood-image" texcoord="CHANNEL0"/></diffuse>
</phong></technique></profile_COMMON></effect></library_effects>
<library_geometries><geometry id="g"><mesh>
<source id="p"><float_array id="p-a" count="12">0 0 0 50 0 0 50 30 0 0 30 0</float_array>
<technique_common><accessor source="#p-a" count="4" stride="3"><param name="X" type="float"/>
<param name="Y" type="float"/><param name="Z" type="float"/></accessor></technique_common></source>
<source id="t"><float_array id="t-a" count="8">0 0 1 0 1 1 0 1</float_array>
<technique_common><accessor source="#t-a" count="4" stride="2"><param name="S" type="float"/>
<param name="T" type="float"/></accessor></technique_common></source>
<vertices id="v"><input semantic="POSITION" source="#p"/></vertices>
<triangles count="2" material="wood"><input semantic="VERTEX" offset="0" source="#v"/>
<input semantic="TEXCOORD" offset="1" set="0" source="#t"/>
<p>0 0 1 1 2 2 0 0 2 2 3 3</p></triangles></mesh></geometry></library_geometries>
<library_visual_scenes><visual_scene id="s"><node id="n"><instance_geometry url="#g">
<bind_material><technique_common><instance_material symbol="wood" target="#wood"/>
</technique_common></bind_material></instance_geometry></node></visual_scene>
</library_visual_scenes><scene><instance_visual_scene url="#s"/></scene></COLLADA>"""
TEXTURE = np.random.default_rng(0).integers(0, 256, (420, 400, 3), dtype=np.uint8)


def make_clone(root, uri="file://models/shelf/meshes/shelf.DAE"):
    """A repository with one shelf: a textured rectangle."""
    clone = root / "aws-robomaker-tiny-world"
    for name in ("worlds", "models/shelf/meshes", "models/shelf/materials/textures"):
        (clone / name).mkdir(parents=True)
    (clone / "worlds/tiny.world").write_text(WORLD)
    (clone / "worlds/no_roof_tiny.world").write_text("<sdf/>")
    (clone / "models/stool").mkdir()
    (clone / "models/stool/model.sdf").write_text("<sdf/>")
    (clone / "models/shelf/model.sdf").write_text(SHELF.format(uri=uri))
    cv2.imwrite(str(clone / "models/shelf/materials/textures/wood.png"), TEXTURE)
    (clone / "models/shelf/meshes/shelf.DAE").write_text(DAE)
    return clone


def test_meshes_stand_where_pose_scale_and_unit_put_them(tmp_path):
    name, world = read_clone(make_clone(tmp_path))
    assert name == "tiny"
    (mesh,) = world.meshes
    # 0.5 m doubled along x, turned by 90 degrees: along y; 0.3 m along -x; 0.25 m up in the model.
    corners = {(0, 0): (1, 2), (1, 0): (1, 3), (1, 1): (0.7, 3), (0, 1): (0.7, 2)}
    for x, y, z, *normal, u, v in mesh.vertices:
        assert (x, y, z) == pytest.approx((*corners[u, v], 0.75), abs=1e-6)
        assert np.abs(normal) == pytest.approx([0, 0, 1], abs=1e-6)
    image = decode_texture(world.textures[mesh.texture], 512)[::-1, :, 2::-1]
    assert np.corrcoef(image.ravel(), TEXTURE.ravel())[0, 1] > 0.6  # JPEG of noise


def test_what_is_left_out_is_logged(tmp_path, caplog):
    read_clone(make_clone(tmp_path))
    assert "left out elsewhere, stool" in caplog.text


def test_a_mesh_that_is_not_there_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"mesh 'model://shelf/none.obj' of .*model.sdf at"):
        read_clone(make_clone(tmp_path, uri="model://shelf/none.obj"))


def test_a_folder_without_a_world_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected worlds/\*\.world in"):
        read_clone(tmp_path)


def test_a_pose_turns_about_x_then_y_then_z():
    matrix = pose_matrix("1 2 3 1.5707963267948966 0 1.5707963267948966")
    # y goes to z about x and stays; x stays and then goes to y about z.
    np.testing.assert_allclose(matrix @ [1, 0, 0, 1], [1, 3, 3, 1], atol=1e-12)
    np.testing.assert_allclose(matrix @ [0, 1, 0, 1], [1, 2, 4, 1], atol=1e-12)


def test_photo_crops_are_named_by_repository(tmp_path):
    crops = read_photo_crops(make_clone(tmp_path))
    ((name, image),) = crops.items()
    assert name == "aws-robomaker-tiny-world/models/shelf/materials/textures/wood.png"
    assert decode_texture(image, 512).shape == (384, 384, 4)


def test_the_script_packs_a_clone(tmp_path, monkeypatch):
    clone, out = make_clone(tmp_path), tmp_path / "packs"
    script = ROOT / "scripts/pack_worlds.py"
    monkeypatch.setattr(sys, "argv", [str(script), "--root", str(clone), "--out", str(out)])
    runpy.run_path(str(script), run_name="__main__")
    assert len(read_world(out / "tiny.npz").meshes) == 1
    assert len(read_photos(out / "photo_textures.npz")) == 1
