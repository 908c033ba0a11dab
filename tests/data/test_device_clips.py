"""Batches made on the device: what is moved against RGB, and by how much."""

import pytest
import torch
import torch.nn.functional as F

from stdnet_arch.data.device_clips import Augmentation, DeviceClips, in_shadow
from stdnet_arch.data.device_scenes import Scenes

SIDE = 48


class Edge:
    """Scenes with one outline of depth and RGB, in the middle."""

    def scenes(self, batch):
        depth = torch.full((batch, 2, 1, SIDE, SIDE), 3.0)
        depth[..., SIDE // 2 :] = 1.0
        rgb = (depth / 4).expand(-1, -1, 3, -1, -1)
        none = torch.zeros(batch, 1, 2, SIDE // 4, SIDE // 4)
        return Scenes(rgb, depth, none, none[:, :, :1] > 0)


def every_nth(depth_m, rgb, scale, kind, generator, **clip):  # noqa: ARG001  the form of a sensor
    lq = depth_m[..., ::scale, ::scale]
    return lq, torch.ones_like(lq, dtype=torch.bool), torch.zeros(len(lq))


def stepped(depth_m, *more, **clip):
    lq, measured, step = every_nth(depth_m, *more, **clip)
    return lq, measured, step + 0.5


class Square(Edge):
    """Scenes with a near square in the middle: a shadow lies beside it however they are turned."""

    def scenes(self, batch):
        edge = super().scenes(batch)
        near = slice(SIDE // 3, 2 * SIDE // 3)
        edge.depth_m.fill_(3.0)[..., near, near] = 1.0
        return edge


class Numbered:
    """Clips of five frames; depth says which clip and frame, flow which frames it joins."""

    def scenes(self, batch):
        number = torch.arange(batch).view(-1, 1, 1, 1, 1) + torch.arange(5).view(1, -1, 1, 1, 1) / 8
        # One side is farther: a mirror image is not the same.
        depth = 1 + number + torch.linspace(0, 0.1, SIDE)
        depth = depth.expand(batch, 5, 1, SIDE, SIDE).clone()
        flow = number[:, :4].expand(batch, 4, 2, SIDE // 4, SIDE // 4).clone()
        return Scenes(depth.expand(-1, -1, 3, -1, -1), depth, flow, flow[:, :, :1] >= 0)


class Places:
    """Still scenes, larger by a margin; colours say which place is seen."""

    def scenes(self, batch):
        side = SIDE + 48
        y, x = torch.meshgrid(torch.arange(side) / 128, torch.arange(side) / 128, indexing="ij")
        rgb = torch.stack((x, y, 0 * x)).expand(batch, 4, 3, side, side)
        flow = torch.zeros(batch, 3, 2, side // 4, side // 4)
        return Scenes(rgb, 1 + rgb[:, :, :1], flow, flow[:, :, :1] == 0)


def draw(batch, sensor=every_nth, maker=Edge, seed=3, pan_px=0, **plan):
    plan = Augmentation(log_depth=(0, 0), wrong_guide=0, dark_guide=0, holes=0, **plan)
    makers = [(maker(), 1.0)]
    place = torch.device("cpu")
    made = DeviceClips(
        makers, sensor, {"any": 1}, scale=4, batch=batch, device=place, seed=seed, pan_px=pan_px,
        augmentation=plan,
    )  # fmt: skip
    return made()


def outline(x):
    """Where each line of pixels goes from far to near, in whatever way the clip was turned."""
    return (x > 2).sum(-1), (x > 2).sum(-2)


def test_without_it_depth_lies_where_rgb_does():
    batch = draw(7)
    assert {float(v) for v in batch.depth_m.unique()} == {1.0, 3.0}
    for lines in outline(batch.depth_m):
        assert set(lines.unique().tolist()) <= {0, SIDE // 2, SIDE}


def test_outlines_move_by_a_few_pixels_and_no_depth_is_invented():
    batch = draw(64, misaligned=1.0)
    assert {float(v) for v in batch.depth_m.unique()} == {1.0, 3.0}
    assert torch.equal(batch.depth_m[:, 0], batch.depth_m[:, 1])  # a clip moves as one
    assert torch.equal(batch.lq_m, batch.depth_m[..., ::4, ::4])  # the sensor sees what is true
    still = draw(64)
    moved = (batch.depth_m != still.depth_m).float().mean((1, 2, 3, 4)) * SIDE
    # One line of pixels along the outline is 1/SIDE of the picture: a mean way of a few pixels.
    assert 0.3 < float(moved.mean()) < 3
    assert float(moved.max()) < 8


@pytest.mark.parametrize("share", [0.25, 0.5])
def test_as_many_clips_move_as_asked_for(share):
    batch = draw(200, misaligned=share)
    still = draw(200)
    moved = (batch.depth_m != still.depth_m).flatten(1).any(1).float().mean()
    # The order of a batch is drawn before anything moves, so both hold the same clips; a clip that
    # moves along its outline does not change.
    assert abs(float(moved) - share) < 0.12


def test_depth_of_cameras_never_brought_together_lies_far_aside():
    def centres_px(**plan):
        near = (draw(200, maker=Square, **plan).depth_m[:, 0, 0] < 2).float()
        along = torch.arange(SIDE) + 0.5
        return (
            torch.stack([near.sum(axis) @ along for axis in (1, 2)], 1) / near.sum((1, 2))[:, None]
        )

    middle = centres_px()
    ways = {name: (centres_px(**{name: 1.0}) - middle).norm(dim=1)
            for name in ("misaligned", "unregistered")}  # fmt: skip
    assert float(ways["misaligned"].median()) < 3
    # Half of all ways of a spread of 7 px along each axis are longer than 8.2 px.
    assert 6.5 < float(ways["unregistered"].nanmedian()) < 9.5
    some = (centres_px(unregistered=0.3) - middle).norm(dim=1) > 1e-3
    assert abs(float(some.float().mean()) - 0.3) < 0.1


def test_continuous_depth_is_rounded_to_the_step_that_is_told():
    class Slope:
        def scenes(self, batch):
            scenes = Edge().scenes(batch)
            slope = torch.linspace(1, 3, SIDE).expand_as(scenes.depth_m)
            return scenes._replace(depth_m=slope.contiguous())

    plan = Augmentation((0, 0), wrong_guide=0, dark_guide=0, holes=0, rounded=0.5)
    place = torch.device("cpu")
    batch = DeviceClips(
        [(Slope(), 1.0)], every_nth, {"any": 1}, scale=4, batch=200, device=place, seed=3,
        augmentation=plan,
    )()  # fmt: skip
    true = batch.depth_m[..., ::4, ::4]
    off = (batch.lq_m - true).abs().flatten(1).amax(1)
    rounded = batch.step_m > 0
    assert abs(float(rounded.float().mean()) - 0.5) < 0.2
    assert torch.equal(off > 0, rounded)
    assert (off <= 0.501 * batch.step_m + 1e-6).all()
    steps = batch.step_m[rounded]
    assert 2e-4 <= float(steps.min()) < 5e-4
    assert 5e-3 < float(steps.max()) <= 1e-2
    grid = batch.lq_m[rounded] / steps.view(-1, 1, 1, 1, 1)
    assert (grid - grid.round()).abs().max() < 5e-3


def test_depth_that_has_steps_keeps_them():
    batch = draw(50, stepped, rounded=1.0)
    assert (batch.step_m == 0.5).all()
    assert torch.equal(batch.lq_m, batch.depth_m[..., ::4, ::4])


def test_the_sensor_is_told_which_pictures_are_one_clip():
    asked = []

    def sensor(depth_m, *more, **clip):
        asked.append((len(depth_m), clip))
        return every_nth(depth_m, *more)

    place = torch.device("cpu")
    DeviceClips([(Edge(), 1.0)], sensor, {"any": 1}, scale=4, batch=7, device=place, seed=3)()
    assert asked == [(6, {"frames": 2}), (6, {"frames": 2}), (2, {"frames": 2})]


def shadow_by_loops(depth, unit, to_left):
    """Points of one row of depth that land behind a nearer one's place in the other picture."""
    disparity = [unit / value for value in depth]
    hidden = []
    for x, own in enumerate(disparity):
        others = range(x + 1, len(depth)) if to_left else range(x)
        sign = 1 if to_left else -1
        hidden.append(any(disparity[o] - own > sign * (o - x) for o in others))
    return hidden


@pytest.mark.parametrize("to_left", [True, False])
def test_shadows_lie_where_a_second_camera_sees_something_nearer(to_left):
    generator = torch.Generator().manual_seed(3)
    depth = 1 + 4 * torch.rand(2, 3, 1, 5, 17, generator=generator)
    nearest_px = torch.tensor([2.5, 6.0]).view(2, 1, 1, 1, 1)
    found = in_shadow(depth, nearest_px, to_left)
    for b in range(2):
        unit = float(nearest_px[b]) * float(depth[b].min())
        for t in range(3):
            for y in range(5):
                row = depth[b, t, 0, y].tolist()
                expected = shadow_by_loops(row, unit, to_left)
                assert found[b, t, 0, y].tolist() == expected
    assert 0.05 < found.float().mean() < 0.9


def test_what_no_sensor_saw_is_neither_measured_nor_asked_for():
    plain, hidden = draw(40, maker=Square), draw(40, maker=Square, unseen=1.0)
    unknown = hidden.depth_m == 0
    assert 0.05 < float(unknown.float().mean()) < 0.6
    assert torch.equal(hidden.depth_m[~unknown], plain.depth_m[~unknown])
    assert torch.equal(hidden.lq_m, hidden.depth_m[..., ::4, ::4])
    # Beside the near square more is unknown than elsewhere on what is far.
    far = plain.depth_m == 3
    beside = far & (F.max_pool3d((~far).float(), (1, 7, 7), 1, (0, 3, 3)) > 0)
    rates = [float(unknown[some].float().mean()) for some in (beside, far & ~beside)]
    assert rates[0] > 1.5 * rates[1] > 0
    some = draw(200, unseen=0.3).depth_m.flatten(1).eq(0).any(1)
    assert 0.15 < float(some.float().mean()) < 0.45


def test_cut_clips_go_on_elsewhere_and_no_flow_leads_across(monkeypatch):
    monkeypatch.setattr(DeviceClips, "_turn", lambda _, scenes: scenes)
    monkeypatch.setattr(DeviceClips, "_recolour", lambda _, rgb: rgb)
    seen = set()
    for seed in range(6):
        batch = draw(9, maker=Numbered, cuts=0.7, seed=seed)
        assert torch.equal(batch.guide[:, :, :1], batch.depth_m)
        for depth, flow, valid in zip(batch.depth_m, batch.flow_px, batch.flow_valid, strict=True):
            number = depth[:, 0].amin((-1, -2)) - 1
            clip, frame = number.floor(), 8 * (number % 1)
            torch.testing.assert_close(frame, torch.arange(5.0), atol=1e-3, rtol=0)
            mirror = depth[:, 0, 0, 0] > depth[:, 0, 0, -1]
            same = (clip[1:] == clip[:-1]) & (mirror[1:] == mirror[:-1])
            assert int((~same).sum()) <= 1
            assert torch.equal(valid.flatten(1).all(1), same)
            assert torch.equal(valid.flatten(1).any(1), same)
            sign = 1 - 2 * mirror[1:].float()
            expected = torch.stack((sign * number[:-1], number[:-1]), 1)[same]
            torch.testing.assert_close(flow.mean((-1, -2))[same], expected, atol=1e-3, rtol=0)
            seen.add((bool(same.all()), bool(mirror.any())))
    assert seen == {(True, False), (False, False), (False, True)}


def test_flow_of_panned_clips_leads_to_the_same_place(monkeypatch):
    monkeypatch.setattr(DeviceClips, "_recolour", lambda _, rgb: rgb)
    batch = draw(5, maker=Places, pan_px=24)
    assert batch.guide.shape == (5, 4, 3, SIDE, SIDE)
    # A clip may be transposed or mirrored, but a place keeps its colour.
    torch.testing.assert_close(
        (batch.depth_m - 1).flatten(3), batch.guide[:, :, :1].flatten(3), atol=1e-6, rtol=0
    )
    lengths = []
    for i, m in [(i, m) for i in range(5) for m in range(3)]:
        for row, column in [(0, 0), (2, 5), (6, 1), (9, 11), (11, 3)]:
            y, x = 4 * row + 2, 4 * column + 2
            dx, dy = batch.flow_px[i, m, :, row, column].tolist()
            there = y + dy, x + dx
            inside = all(0 <= p < SIDE for p in there)
            assert bool(batch.flow_valid[i, m, 0, row, column]) == inside
            if inside:
                now, before = batch.guide[i, m + 1, :, y, x], batch.guide[i, m]
                torch.testing.assert_close(now, before[:, int(there[0]), int(there[1])])
                lengths.append(max(abs(dx), abs(dy)))
    assert max(lengths) >= 12
    with pytest.raises(ValueError, match="pan_px must be a multiple of 4, 0 or more; got 6"):
        draw(1, maker=Places, pan_px=6)


def test_a_clip_of_one_frame_cannot_be_cut():
    class One(Numbered):
        def scenes(self, batch):
            whole = super().scenes(batch)
            return Scenes(*(x[:, :1] for x in whole[:2]), *(x[:, :0] for x in whole[2:]))

    batch = draw(4, maker=One, cuts=1.0)
    assert batch.depth_m.shape[1] == 1
