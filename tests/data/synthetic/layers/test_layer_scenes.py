"""Layered scenes: exact depth and flow, against rays and points worked out by hand."""

import math

import pytest
import torch

from stdnet_arch.data.synthetic.layers import LayerScenes, render
from stdnet_arch.data.synthetic.layers.geometry import Pinholes
from stdnet_arch.data.synthetic.layers.motion import CameraMotion, Sway, ThingPath
from stdnet_arch.data.synthetic.layers.scene import LayerScene, Surfaces
from stdnet_arch.data.synthetic.layers.shapes import ENDLESS, OUTLINE_NUMBERS, OUTLINES

SIZE = (40, 56)
TEXTURES = torch.randint(
    256, (6, 32, 32, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
)
"""Quicker to make than those by formula, which take seconds."""


def scenes_of(seed):
    return LayerScenes("cpu", seed, TEXTURES)


def linear(way):
    """Motion that is ``way`` at time 1: a quarter of a slow sine."""
    way = torch.tensor(way, dtype=torch.float64)
    rate = torch.full((*way.shape[:-1], 1, 1), math.pi / 2, dtype=torch.float64)
    return Sway(way[..., None, :], rate, torch.zeros_like(rate))


def wall_and_square(camera_shift, camera_turn, square_shift):
    """A wall at 4 m, and a square of 1 m at 2 m before it, seen by a camera of 50 px."""
    frames = torch.tensor([
        [[1, 0, 0], [0, 1, 0], [0, 0, 4]],
        [[0.5, 0, 0.1], [0, 0.5, 0.05], [0, 0, 2]],
    ])[None].float()  # fmt: skip
    still = [[[0.0, 0.0, 0.0], square_shift]]
    path = ThingPath(linear(still), linear([[[0.0] * 3] * 2]), frames[..., 2].double())
    kinds = torch.tensor([[ENDLESS, 0]])
    surfaces = Surfaces(
        kinds, frames, path, torch.zeros(1, 2, OUTLINE_NUMBERS), torch.zeros(1, 2, 2)
    )
    view = Pinholes(SIZE, torch.tensor([50.0]), torch.tensor([[28.0, 20.0]]))
    camera = CameraMotion(linear([camera_shift]), linear([camera_turn]))
    return LayerScene(view, camera, surfaces, None, None, None)


def drawn(scene, times=(0.0, 1.0)):
    at = render.matrices_of(scene, scene.surfaces, torch.tensor(times))
    front = render.merge(render.cover(scene.surfaces, at.from_pixel, scene.view.size))
    return (1 / front.centre_inverse)[0], *(x[0, 0] for x in render.flow_of(at, front))


def rodrigues(axis_angle, point):
    """Turn a point, by the formula with cross products."""
    axis_angle, point = torch.tensor(axis_angle), torch.tensor(point)
    angle = axis_angle.norm()
    axis = axis_angle / angle
    return (
        point * angle.cos()
        + torch.linalg.cross(axis, point) * angle.sin()
        + axis * (axis @ point) * (1 - angle.cos())
    )


@pytest.mark.parametrize(("x", "y"), [(5, 7), (31, 22), (50, 33)])
def test_depth_is_the_nearest_surface_along_the_ray(x, y):
    depth_m, _, _ = drawn(wall_and_square([0.0] * 3, [0.0] * 3, [0.0] * 3))
    u, v = ((x - 28) / 50 * 2 - 0.1) / 0.5, ((y - 20) / 50 * 2 - 0.05) / 0.5
    expected = 2.0 if max(abs(u), abs(v)) < 1 else 4.0
    assert depth_m[0, y, x].item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("x", "y"), [(9, 30), (29, 21), (33, 25)])
def test_flow_is_where_the_moved_point_is_seen_by_the_moved_camera(x, y):
    shift, turn, own = [0.08, -0.02, 0.1], [0.01, -0.03, 0.02], [0.05, 0.03, -0.2]
    depth_m, flow_px, _ = drawn(wall_and_square(shift, turn, own))
    z = depth_m[0, y, x].item()
    point = torch.tensor([(x - 28) / 50 * z, (y - 20) / 50 * z, z])
    point = point + (torch.tensor(own) if z < 3 else 0)
    seen = rodrigues([-a for a in turn], (point - torch.tensor(shift)).tolist())
    expected = 50 * seen[:2] / seen[2] + torch.tensor([28.0, 20.0]) - torch.tensor([x, y])
    torch.testing.assert_close(flow_px[:, y, x], expected, atol=1e-4, rtol=1e-4)


def test_points_that_the_square_will_cover_are_not_visible():
    _, _, visible = drawn(wall_and_square([0.0] * 3, [0.0] * 3, [0.4, 0.0, 0.0]))
    row = visible[0, 20]
    # The square's right border is at x = 28 + 50 * 0.6 / 2 = 43, and moves 10 px.
    assert row[30:42].all()
    assert not row[45:52].any()
    assert row[54:].all()


def test_points_that_leave_the_picture_are_not_visible():
    _, _, visible = drawn(wall_and_square([0.4, 0.0, 0.0], [0.0] * 3, [0.4, 0.0, 0.0]))
    assert not visible[0, :, :5].any()
    assert visible[0, 1:-1, 6:16].all()


def test_depth_carried_by_flow_is_the_next_depth():
    scenes = scenes_of(4)
    clips = scenes.draw(6, 2, (64, 80))
    depth_m, flow_px, visible = clips.depth_m, clips.flow_px[:, 0], clips.visible[:, 0, 0]
    y, x = torch.meshgrid(torch.arange(64), torch.arange(80), indexing="ij")
    column = (x + flow_px[:, 0]).round().clamp(0, 79).long()
    row = (y + flow_px[:, 1]).round().clamp(0, 63).long()
    index = (row * 80 + column).flatten(1)
    there = depth_m[:, 1, 0].flatten(1).gather(1, index).unflatten(1, (64, 80))
    change = (there / depth_m[:, 0, 0]).log().abs()[visible]
    assert visible.float().mean() > 0.85
    assert change.quantile(0.99) < 0.1  # a pixel of slope, and motion along the ray


def test_equal_seeds_give_equal_clips_and_others_do_not():
    one, same, other = (scenes_of(s).draw(2, 1, (24, 32)) for s in (7, 7, 8))
    torch.testing.assert_close(one.rgb, same.rgb, rtol=0, atol=0)
    torch.testing.assert_close(one.depth_m, same.depth_m, rtol=0, atol=0)
    assert (one.depth_m != other.depth_m).float().mean() > 0.5


def test_clips_have_their_shapes_and_ranges():
    clips = LayerScenes("cpu", seed=1).draw(3, 2, (24, 40))
    assert clips.rgb.shape == (3, 2, 3, 24, 40)
    assert clips.depth_m.shape == (3, 2, 1, 24, 40)
    assert clips.flow_px.shape == (3, 1, 2, 24, 40)
    assert clips.visible.shape == (3, 1, 1, 24, 40)
    assert clips.rgb.min() >= 0
    assert clips.rgb.max() <= 1
    assert clips.depth_m.min() >= 0.1
    assert clips.depth_m.max() <= 80
    assert clips.flow_px.isfinite().all()


def test_a_batch_made_in_parts_is_the_same(monkeypatch):
    from stdnet_arch.data.synthetic.layers import scenes as layers

    whole = scenes_of(2).draw(3, 2, (24, 32))
    monkeypatch.setitem(layers.MOST_PIXELS, "cpu", 1)
    parts = scenes_of(2).draw(3, 2, (24, 32))
    for a, b in zip(whole, parts, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("outline", OUTLINES, ids=lambda outline: outline.__name__)
def test_outlines_have_an_inside_and_an_outside_and_many_forms(outline):
    axis = torch.linspace(-1.5, 1.5, 61)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    forms = torch.rand(16, OUTLINE_NUMBERS, generator=torch.Generator().manual_seed(0))
    s = outline(x[None, None], y[None, None], forms).expand(16, 1, 61, 61)
    assert ((s > 0).flatten(1).any(1) & (s < 0).flatten(1).any(1)).all()
    different = (s[0] > 0) != (s[1:] > 0)
    assert outline.__name__ == "quad" or different.any()


@pytest.mark.parametrize("asked", [(0, 1, (8, 8)), (1, 0, (8, 8)), (1, 1, (0, 8))])
def test_nothing_asked_for_is_an_error(asked):
    with pytest.raises(ValueError, match="must be positive"):
        scenes_of(0).draw(*asked)


def test_textures_of_another_shape_are_an_error():
    with pytest.raises(ValueError, match="multiple of 32"):
        LayerScenes("cpu", seed=0, textures=torch.zeros(2, 30, 30, 3, dtype=torch.uint8))


@pytest.mark.gpu
def test_a_gpu_makes_clips():
    clips = LayerScenes("cuda", seed=0).draw(4, 2, (64, 64))
    assert clips.rgb.device.type == "cuda"
    assert clips.depth_m.isfinite().all()
