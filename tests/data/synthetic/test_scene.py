"""The ray caster against closed forms, and its motion against points moved by hand."""

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest

from stdnet_arch.data.synthetic.scene import Scene
from stdnet_arch.data.synthetic.shapes import Box, Ellipsoid, Opening, Room, Tube
from stdnet_arch.data.synthetic.stage import AimedCamera, Motion, Part
from stdnet_arch.data.synthetic.texture import SIDE, TEXEL_M, make_atlas, sample_atlas
from stdnet_arch.data.synthetic.world import draw_scene, draw_textures

H, W = 18, 26
ATLAS = make_atlas(np.random.default_rng(0), 3)


def still(centre=(0, 0, 0), rotation=None):
    return moving(centre, rotation, (0, 0, 0), 0.0)


def moving(centre, rotation, swing, spin):
    rotation = np.eye(3) if rotation is None else rotation
    turns, phase = np.array([0.02, 0.03, 0.05]), np.array([0.3, 1.1, 2.0])
    return Motion(np.array(centre, float), rotation, np.array(swing, float), turns, phase, spin)


def scene(*parts, eye=None, target=None, size=(H, W)):
    camera = AimedCamera(31.0, 29.0, 12.1, 9.3, eye or still(), target or still((0, 0, 1)))
    parts = [Part(s, np.zeros(3), motion, (0, 1, 2), np.ones(3)) for s, motion in parts]
    return Scene(tuple(parts), camera, ATLAS, np.array([0, -1, 0.5]), size, 1.0, (0,))


def rotation(yaw, pitch):
    c, s = math.cos(yaw), math.sin(yaw)
    d, r = math.cos(pitch), math.sin(pitch)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]) @ np.array(
        [[1, 0, 0], [0, d, -r], [0, r, d]]
    )


def rays():
    """The ray of each pixel, from the intrinsics by hand."""
    for y, x in np.ndindex(H, W):
        yield (y, x), np.array([(x - 12.1) / 31, (y - 9.3) / 29, 1.0])


def test_room_depth_is_the_nearest_of_the_planes_ahead():
    _, depth_m = scene((Room(np.array([2.0, 1.0, 3.0])), still())).render(0)
    for pixel, ray in rays():
        ahead = [half / abs(r) for half, r in zip((2.0, 1.0, 3.0), ray, strict=True)]
        assert depth_m[pixel] == pytest.approx(min(ahead), rel=1e-6)


@pytest.mark.parametrize(("yaw", "pitch"), [(0.5, 0.0), (-0.4, 0.6)])
def test_slanted_plane_depth_is_the_closed_form(yaw, pitch):
    turned, centre = rotation(yaw, pitch), np.array([0.2, -0.1, 4.0])
    thin = 1e-9
    _, depth_m = scene((Box(np.array([50.0, 50.0, thin])), still(centre, turned))).render(0)
    normal = turned[:, 2]
    for pixel, ray in rays():
        assert depth_m[pixel] == pytest.approx(normal @ centre / (normal @ ray), rel=1e-6)


def test_ellipsoid_depth_is_the_smaller_root_of_its_equation():
    half, centre, turned = np.array([0.9, 0.5, 0.7]), np.array([0.3, 0.1, 3.0]), rotation(0.7, 0.4)
    _, depth_m = scene((Ellipsoid(half), still(centre, turned))).render(0)
    shape = turned @ np.diag(1 / half**2) @ turned.T  # (p - c)' shape (p - c) = 1
    num_hits = 0
    for pixel, ray in rays():
        roots = np.roots(
            [ray @ shape @ ray, -2 * ray @ shape @ centre, centre @ shape @ centre - 1]
        )
        if np.isreal(roots).all():
            num_hits += 1
            assert depth_m[pixel] == pytest.approx(roots.real.min(), rel=1e-6)
        else:
            assert depth_m[pixel] == np.inf
    assert 50 < num_hits < H * W - 50


def test_tube_depth_is_the_first_point_on_its_side_or_an_end():
    half, centre = np.array([0.5, 0.3, 0.4]), np.array([0.2, 0.4, 2.6])
    _, depth_m = scene((Tube(half), still(centre))).render(0)
    length = np.linspace(1.5, 3.5, 20001)
    num_hits = 0
    for pixel, ray in rays():
        x, y, z = (length * ray[:, None] - centre[:, None]) / half[:, None]
        inside = (x**2 + z**2 <= 1) & (np.abs(y) <= 1)
        num_hits += inside.any()
        first = length[inside.argmax()] if inside.any() else np.inf
        assert depth_m[pixel] == pytest.approx(first, abs=1e-4) or inside.sum() < 20
    assert 50 < num_hits < H * W - 50


def test_a_door_shows_the_wall_of_the_room_behind():
    room, behind = np.array([2.0, 1.0, 3.0]), np.array([1.5, 1.0, 1.0])
    door = Opening(2, 1, (0.4, 0.3), (0.5, 0.7))
    parts = (Room(room, (door,)), still()), (Room(behind), still((0.4, 0, 4)))
    _, depth_m = scene(*parts).render(0)
    through = np.zeros((H, W), bool)
    for pixel, ray in rays():
        inner = min(half / abs(r) for half, r in zip(room, ray, strict=True))
        at = ray * 3.0
        through[pixel] = inner == 3.0 and abs(at[0] - 0.4) < 0.5 and abs(at[1] - 0.3) < 0.7
        ahead = [1.9 / ray[0] if ray[0] > 0 else 1.1 / -ray[0], 1 / abs(ray[1]), 5.0]
        assert depth_m[pixel] == pytest.approx(min(ahead) if through[pixel] else inner, rel=1e-6)
    assert 20 < through.sum() < H * W / 2


def test_only_points_behind_a_thing_are_in_its_shadow():
    board = Box(np.array([0.3, 1e-6, 0.3]))
    world = scene((Room(np.array([4.0, 2.0, 4.0])), still()), (board, still((0, 1.0, 0.5))))
    # The lamp stands 2 m above the board, which is 1 m above the floor: a shadow 1.5 times as wide.
    x, z = (at.ravel() for at in np.meshgrid(np.linspace(-1, 1, 21), np.linspace(-1, 2, 31)))
    points = np.stack([x, np.full(x.size, 2.0), z])
    expected = (np.abs(x) > 0.45) | (np.abs(z - 0.5) > 0.45)
    clear = (np.abs(np.abs(x) - 0.45) > 1e-3) & (np.abs(np.abs(z - 0.5) - 0.45) > 1e-3)
    sees = world.sees_lamp(0, points, np.zeros(x.size, np.int16))
    np.testing.assert_array_equal(sees[clear], expected[clear])
    assert 20 < (~sees).sum() < 200


def test_outlines_mix_colours_and_leave_depth_alone():
    near = (Box(np.array([0.301, 0.3, 0.1])), still((0, 0, 2), rotation(0.0, 0.0)))
    world = scene((Room(np.array([9.0, 9.0, 4.0])), still()), near)
    plain = replace(world, noise=0.0, atlas=np.full_like(ATLAS, 200))
    dark = replace(plain.parts[1], tint=np.zeros(3))
    rgb, depth_m = replace(plain, parts=(plain.parts[0], dark)).render(0)
    grey, on = rgb[..., 0].astype(float), depth_m < 3
    far = grey[~on].max()
    mixed = (grey > 0.2 * far) & (grey < 0.8 * far)
    assert mixed.any(axis=1)[on.any(axis=1)].all()
    assert np.isin(np.round(depth_m.astype(float), 3), [1.9, 4.0]).all()


def test_things_that_stand_touch_the_floor():
    world = draw_scene(2, 1, (8, 8), ATLAS_32)
    room, *others = world.parts
    bodies = {id(part.motion): [] for part in others}
    for part in others:
        bodies[id(part.motion)].append(part.motion.centre[1] + part.offset[1] + part.shape.half[1])
    stand = [abs(max(lows) - room.shape.half[1]) < 1e-9 for lows in bodies.values()]
    assert sum(stand) >= 4


def test_box_outline_is_its_projected_corners():
    half, centre = np.array([0.4, 0.3, 0.2]), np.array([0.1, 0.2, 2.2])
    _, depth_m = scene((Box(half), still(centre))).render(0)
    for (y, x), ray in rays():
        on_front = np.abs(ray[:2] * 2.0 - centre[:2]) < half[:2]  # the front face is 2 m away
        if on_front.all():
            assert depth_m[y, x] == pytest.approx(2.0)
        else:
            assert depth_m[y, x] > 2.0


def test_nearer_part_hides_the_farther_in_any_order():
    near = (Box(np.array([0.3, 0.3, 0.1])), still((0, 0, 2)))
    far = (Ellipsoid(np.array([1.0, 1.0, 1.0])), still((0.2, 0, 4)))
    one, other = scene(near, far).render(3), scene(far, near).render(3)
    np.testing.assert_array_equal(one[1], other[1])
    assert one[1][9, 12] == pytest.approx(1.9)


def reproject_by_hand(pixel, depth_m, before, after, camera):
    """Where a pixel goes: back-project, move with its body, project; everything spelled out."""
    x, y = pixel
    seen = np.array([(x - camera.cx) / camera.fx, (y - camera.cy) / camera.fy, 1.0]) * depth_m
    world = before["camera_R"] @ seen + before["camera_t"]
    body = np.linalg.solve(before["body_R"], world - before["body_t"])
    moved = after["body_R"] @ body + after["body_t"]
    cam = np.linalg.solve(after["camera_R"], moved - after["camera_t"])
    return (
        np.array(
            [
                camera.fx * cam[0] / cam[2] + camera.cx,
                camera.fy * cam[1] / cam[2] + camera.cy,
            ]
        ),
        cam[2],
    )


def state(world, part, i):
    """Poses at a frame: the body's from its formula, the camera's from the scene."""
    m = part.motion
    swing = [
        m.centre[a] + m.swing[a] * math.sin(2 * math.pi * m.turns[a] * i + m.phase[a])
        for a in range(3)
    ]
    turned = rotation(m.spin * i, 0) @ m.rotation
    camera = world.camera.at(i)
    return {
        "body_R": turned,
        "body_t": np.array(swing) + turned @ part.offset,
        "camera_R": camera.rotation,
        "camera_t": camera.position,
    }


@pytest.mark.parametrize("clip", [0, 5])
def test_flow_is_the_reprojected_motion_of_each_body(clip):
    world = draw_scene(2, clip, (30, 42), ATLAS_32)
    _, depth_m = world.render(4)
    flow_px, seen = world.flow_px(4)
    x, y = np.meshgrid(np.arange(42.0), np.arange(30.0))
    _, index = world.cast(4, x.ravel(), y.ravel())
    index = index.reshape(30, 42)
    assert len(np.unique(index)) > 3
    for row, column in np.ndindex(30, 42):
        part = world.parts[index[row, column]]
        before, after = state(world, part, 4), state(world, part, 5)
        target, _ = reproject_by_hand(
            (column, row), depth_m[row, column], before, after, world.camera
        )
        got = flow_px[:, row, column] + (column, row)
        np.testing.assert_allclose(got, target, atol=2e-4)
        if seen[row, column]:
            assert 0 <= target[0] <= 41
            assert 0 <= target[1] <= 29


ATLAS_32 = draw_textures(2)


def test_camera_is_a_rotation_that_looks_at_its_target():
    world = draw_scene(2, 1, (8, 8), ATLAS_32)
    for i in (0, 7):
        pose = world.camera.at(i)
        np.testing.assert_allclose(pose.rotation @ pose.rotation.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(pose.rotation) == pytest.approx(1)
        assert pose.rotation[1, 1] > 0.5  # down is down
        target = world.camera.target.at(i).position[:, None]
        pixel = world.camera.project(pose.to_local(target))[:, 0]
        np.testing.assert_allclose(pixel, [world.camera.cx, world.camera.cy], atol=1e-9)


def test_occluded_and_leaving_pixels_are_not_seen_and_all_others_are():
    # A wall at 4 m, a board at 2 m that moves 0.2 m = 3.1 px to the right per frame.
    wall = (Room(np.array([50.0, 50.0, 4.0])), still())
    board = moving((0, 0, 2), None, (1e3, 0, 0), 0.0)
    board = Motion(board.centre, board.rotation, board.swing, np.array([0.2 / 2e3 / np.pi, 0, 0]),
                   np.zeros(3), 0.0)  # fmt: skip
    flow_px, seen = scene(wall, (Box(np.array([0.3, 50.0, 1e-9])), board)).flow_px(0)
    columns = np.arange(W)
    before = np.abs((columns - 12.1) / 31 * 2) < 0.3
    after = np.abs((columns - 12.1) / 31 * 2 - 0.2) < 0.3
    assert flow_px[0, :, before] == pytest.approx(3.1, abs=1e-3)
    assert flow_px[0, :, ~before] == pytest.approx(0, abs=1e-6)
    np.testing.assert_array_equal(seen, np.broadcast_to(before | ~after, (H, W)))
    assert (after & ~before).sum() == 3


def test_empty_directions_are_black_infinitely_far_and_never_seen():
    world = scene((Box(np.array([0.4, 0.3, 0.2])), still((0, 0, 2))))
    rgb, depth_m = world.render(0)
    flow_px, seen = world.flow_px(0)
    empty = np.isinf(depth_m)
    assert 0 < empty.sum() < H * W
    assert rgb[0, 0].max() < 10 < rgb[9, 12].max()
    np.testing.assert_array_equal(seen, ~empty)
    assert np.abs(flow_px).max() < 1e-9


def test_pixels_that_leave_the_image_are_not_seen():
    wall = (Room(np.array([50.0, 50.0, 3.1])), still())
    eye = Motion(np.zeros(3), np.eye(3), np.array([1e3, 0, 0]), np.array([0.2 / 2e3 / np.pi, 0, 0]),
                 np.zeros(3), 0.0)  # fmt: skip
    target = Motion(np.array([0, 0, 1.0]), eye.rotation, eye.swing, eye.turns, eye.phase, 0.0)
    flow_px, seen = scene(wall, eye=eye, target=target).flow_px(0)
    assert flow_px[0] == pytest.approx(-2, abs=1e-3)
    np.testing.assert_array_equal(seen[0], np.arange(W) >= 2)


@pytest.mark.parametrize("clip", [2, 5])
def test_colours_warped_by_flow_fit_where_seen_and_only_there(clip):
    world = replace(draw_scene(2, clip, (144, 192), ATLAS_32), noise=0.0)
    (rgb, _), (next_rgb, _) = world.render(6), world.render(7)
    flow_px, seen = world.flow_px(6)
    x, y = np.meshgrid(np.arange(192, dtype=np.float32), np.arange(144, dtype=np.float32))
    warped = cv2.remap(next_rgb, x + flow_px[0], y + flow_px[1], cv2.INTER_LINEAR)
    error = np.abs(warped.astype(int) - rgb).mean(axis=2)
    still_error = np.abs(next_rgb.astype(int) - rgb).mean(axis=2)
    assert 0.8 < seen.mean() < 1
    assert error[seen].mean() < 0.4 * still_error[seen].mean()
    assert error[~seen].mean() > 5 * error[seen].mean()


@pytest.mark.parametrize("clip", [2, 5])
def test_depth_warped_forward_agrees_with_the_next_frame(clip):
    world = draw_scene(2, clip, (72, 96), ATLAS_32)
    x, y = np.meshgrid(np.arange(96.0), np.arange(72.0))
    depth_m, index = (at.reshape(72, 96) for at in world.cast(6, x.ravel(), y.ravel()))
    flow_px, seen = world.flow_px(6)
    stands = np.array(
        [not part.motion.turns.any() and part.motion.spin == 0 for part in world.parts]
    )
    on = seen & stands[index]
    ahead_m = world.camera.at(7).to_local(
        world.camera.at(6).to_world(world.camera.rays(x[on], y[on]) * depth_m[on])
    )[2]
    # On a plane, one over depth is linear between pixels.
    target = ((at + way).astype(np.float32) for at, way in zip((x, y), flow_px, strict=True))
    nearness = cv2.remap(1 / world.render(7)[1], *target, cv2.INTER_LINEAR)
    error = np.abs(1 / nearness[on] / ahead_m - 1)
    assert on.mean() > 0.5
    assert np.median(error) < 1e-3
    assert (error < 0.02).mean() > 0.9


def test_a_part_beyond_is_seen_where_parts_before_it_leave_gaps():
    room = Room(np.array([2.0, 1.0, 3.0]), (Opening(2, 1, (0.4, 0.3), (0.5, 0.7)),))
    parts = (room, still()), (Room(np.array([1.5, 1.0, 1.0])), still((0.4, 0, 4)))
    world = scene(*parts)
    hinted = replace(world, parts=(world.parts[0], replace(world.parts[1], beyond=True)))
    for one, other in zip(world.render(0), hinted.render(0), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("clip", range(6))
def test_depth_stays_between_one_and_twelve_metres(clip):
    world = draw_scene(4, clip, (24, 30), ATLAS_32)
    depths = [world.render(i)[1] for i in range(0, 120, 20)]
    assert min(d.min() for d in depths) > 0.8
    assert max(d.max() for d in depths) < 12
    assert all(d.max() > 2 * d.min() for d in depths)
    assert np.abs(depths[0] - depths[1]).max() > 0.5


def test_scene_is_its_seed():
    one, same = draw_scene(2, 1, (12, 16)), draw_scene(2, 1, (12, 16), ATLAS_32)
    for i in (3, 0):
        for a, b in zip(one.render(i), same.render(i), strict=True):
            np.testing.assert_array_equal(a, b)
    for other in (draw_scene(2, 2, (12, 16), ATLAS_32), draw_scene(6, 1, (12, 16), ATLAS_32)):
        assert np.abs(other.render(0)[1] - one.render(0)[1]).max() > 0.1


def test_texture_repeats_and_far_surfaces_show_its_mean():
    uv_m = np.random.default_rng(0).uniform(0, 5, (2, 63))
    texture = np.full(63, 1)
    near_m = np.full(63, TEXEL_M)
    near = sample_atlas(ATLAS, texture, uv_m, near_m)
    shifted = sample_atlas(ATLAS, texture, uv_m + SIDE * TEXEL_M * np.array([[3], [-1]]), near_m)
    assert np.abs(near.astype(int) - shifted).max() <= 1
    tile = ATLAS[SIDE + 3 : 2 * SIDE + 3, 1 : SIDE + 1].astype(float)
    far = sample_atlas(ATLAS, texture, uv_m, np.full(63, 1e3)).astype(float)
    assert np.abs(far.mean(axis=0) - tile.mean(axis=(0, 1))).max() < 12
    assert far.std(axis=0).max() < near.std(axis=0).max()


def test_texel_centre_has_its_own_colour():
    tile = ATLAS[2 * (SIDE + 2) + 1 : 3 * (SIDE + 2) - 1, 1 : SIDE + 1]
    row, column = np.array([0, 5, 255]), np.array([255, 100, 0])
    uv_m = (np.stack([column, row]) + 0.5) * TEXEL_M
    colours = sample_atlas(ATLAS, np.full(3, 2), uv_m, np.full(3, TEXEL_M))
    np.testing.assert_allclose(colours.astype(int), tile[row, column], atol=1)
