"""The OpenGL renderer against rays cast by hand, and its motion against points moved by hand."""

import sys
from dataclasses import replace

import numpy as np
import pytest
from worlds_parts import cast, crate, need_egl, picture, quad, scene

from stdnet_arch.data.synthetic.worlds.motion import flow_between
from stdnet_arch.data.synthetic.worlds.renderer import WorldRenderer, preview
from stdnet_arch.data.synthetic.worlds.scene import Paint

ROOM = [
    crate((-4, -3, 0), (5, 3, 2.6), 0),
    crate((2.0, -0.9, 0), (2.5, -0.4, 0.9), 1),
    crate((3.0, 0.2, 0.7), (3.4, 1.1, 0.75)),
    quad((1.5, 0.3, 0.2), (0.3, 0.9, 0), (0.2, 0, 1.1), 1),
]
IMAGES = [picture(0), picture(1)]


@pytest.fixture(scope="module")
def renderer():
    need_egl()
    return WorldRenderer(ROOM, IMAGES)


def pixel_rays(camera, i, size, dx=0.0, dy=0.0):
    """World directions with z = 1 in the camera, ``(n, 3)``, from intrinsics and pose."""
    y, x = (axis.ravel() for axis in np.mgrid[: size[0], : size[1]])
    local = [(x + dx - camera.cx) / camera.fx, (y + dy - camera.cy) / camera.fy, np.ones(x.size)]
    return np.stack(local, axis=1) @ camera.pose(i)[:3, :3].T


def shifts(picture_scene, i):
    """How far each thing is from its place at frame ``i``, ``(m, 3)``."""
    still = np.zeros(3)
    return [still if t.steps is None else t.steps.at(i) for t in picture_scene.things]


def by_hand(shown, i):
    """Depth ``(H, W)`` of rays cast by hand, the mesh hit, and what is not on an outline."""
    origin, moved = shown.camera.pose(i)[:3, 3], shifts(shown, i)
    depth, mesh = cast(ROOM, origin, pixel_rays(shown.camera, i, shown.size), moved)
    inside = np.ones(len(mesh), bool)
    for dx, dy in ((-0.02, -0.02), (0.02, -0.02), (-0.02, 0.02), (0.02, 0.02)):
        rays = pixel_rays(shown.camera, i, shown.size, dx, dy)
        inside &= cast(ROOM, origin, rays, moved)[1] == mesh
    return (value.reshape(shown.size) for value in (depth, mesh, inside))


@pytest.mark.parametrize("i", [0, 7])
def test_depth_is_that_of_rays_cast_by_hand(renderer, i):
    shown = scene(ROOM, moving=(1,))
    frame = renderer.render(shown, i)
    depth, mesh, inside = by_hand(shown, i)
    assert inside.mean() > 0.9
    assert len(np.unique(mesh[inside])) == len(ROOM)
    np.testing.assert_array_equal(frame.number[inside], mesh[inside])
    np.testing.assert_allclose(frame.depth_m[inside], depth[inside], rtol=2e-4)


def test_motion_is_that_of_points_moved_by_hand(renderer):
    shown, i = scene(ROOM, moving=(1,)), 3
    flow, _ = flow_between(shown, i, renderer.render(shown, i), renderer.render(shown, i + 1))
    depth, mesh, inside = by_hand(shown, i)
    camera, (H, W) = shown.camera, shown.size
    rays = pixel_rays(camera, i, shown.size).reshape(H, W, 3)
    step = np.array(shifts(shown, i + 1)) - np.array(shifts(shown, i))
    points = camera.pose(i)[:3, 3] + rays * depth[..., None] + step[mesh]
    pose = camera.pose(i + 1)
    x, y, z = np.moveaxis((points - pose[:3, 3]) @ pose[:3, :3], -1, 0)
    rows, columns = np.mgrid[:H, :W]
    expected = [camera.fx * x / z + camera.cx - columns, camera.fy * y / z + camera.cy - rows]
    assert np.abs(step).max() > 0.01
    np.testing.assert_allclose(flow[:, inside], np.array(expected)[:, inside], atol=2e-3)


def test_seen_points_are_those_that_rays_reach(renderer):
    shown, i = scene(ROOM, moving=(1,)), 3
    _, seen = flow_between(shown, i, renderer.render(shown, i), renderer.render(shown, i + 1))
    depth, mesh, inside = by_hand(shown, i)
    rays = pixel_rays(shown.camera, i, shown.size).reshape(*shown.size, 3)
    step = np.array(shifts(shown, i + 1)) - np.array(shifts(shown, i))
    points = (shown.camera.pose(i)[:3, 3] + rays * depth[..., None] + step[mesh]).reshape(-1, 3)
    eye = shown.camera.pose(i + 1)[:3, 3]
    reached = cast(ROOM, eye, points - eye, shifts(shown, i + 1))[0] > 1 - 1e-6
    local = (points - eye) @ shown.camera.pose(i + 1)[:3, :3]
    x = shown.camera.fx * local[:, 0] / local[:, 2] + shown.camera.cx
    y = shown.camera.fy * local[:, 1] / local[:, 2] + shown.camera.cy
    H, W = shown.size
    reached &= (x >= 0) & (x <= W - 1) & (y >= 0) & (y <= H - 1)
    wrong = (seen != reached.reshape(H, W)) & inside
    assert 0.5 < seen.mean() < 0.99
    assert wrong.mean() < 0.02  # within half a pixel of an outline


def test_what_the_lamp_does_not_reach_is_darker(renderer):
    floor = quad((0, -2, 0), (6, 0, 0), (0, 4, 0))
    board = quad((1.8, -0.4, 1.0), (0.6, 0, 0), (0, 0.8, 0))
    own = WorldRenderer([floor, board], [])
    shown = scene([floor, board])
    with_board = own.render(shown, 0).rgb.astype(int)
    without = own.render(scene([floor]), 0).rgb.astype(int)
    on_floor = own.render(shown, 0).number == 0
    darker = (without - with_board).min(axis=-1) > 20
    assert 0.02 < darker[on_floor].mean() < 0.5
    np.testing.assert_array_equal(with_board[on_floor & ~darker].max(axis=-1) > 0, True)


def test_colours_across_an_edge_are_mixed_and_depth_is_not(renderer):
    del renderer
    near, far = quad((2, -3, -3), (0, 3, 0), (0, 0, 6)), quad((4, -6, -6), (0, 12, 0), (0, 0, 12))
    shown = scene([near, far])
    paints = Paint(None, (0.0, 0.0, 0.0), glow=1.0), Paint(None, (1.0, 1.0, 1.0), glow=1.0)
    things = [replace(t, paint=p) for t, p in zip(shown.things, paints, strict=True)]
    frame = WorldRenderer([near, far], []).render(replace(shown, things=tuple(things)), 0)
    grey = frame.rgb[..., 0]
    mixed = (grey > 0) & (grey < 255)
    assert set(mixed.sum(axis=1)) <= {1, 2}  # two where the edge crosses from one to the next
    for plane_x, on in ((2, frame.number == 0), (4, frame.number == 1)):
        ray = pixel_rays(shown.camera, 0, shown.size)[on.ravel(), 0]
        np.testing.assert_allclose(frame.depth_m[on], plane_x / ray, rtol=2e-4)


def test_preview_shows_the_same_view(renderer):
    shown = scene(ROOM, size=(100, 152))
    shown = preview(preview(shown, 76), 152)
    assert shown.size == (100, 152)
    assert shown.camera.cx == pytest.approx(18.2, abs=1e-9)
    small = renderer.render(preview(shown, 19), 0)
    full = renderer.render(shown, 0)
    assert np.median(small.depth_m) == pytest.approx(np.median(full.depth_m), rel=0.1)


def test_missing_egl_names_the_packages(monkeypatch):
    moderngl = pytest.importorskip("moderngl", reason="needs moderngl (extra: render)")

    def fail(**_):
        raise OSError("libEGL.so not found")

    monkeypatch.setattr(moderngl, "create_context", fail)
    with pytest.raises(RuntimeError, match=r"libEGL.so not found.*libegl1 libgl1-mesa-dri"):
        WorldRenderer(ROOM, IMAGES)


def test_missing_moderngl_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "moderngl", None)
    with pytest.raises(ImportError, match=r"stdnet_arch\[render\]"):
        WorldRenderer(ROOM, IMAGES)
