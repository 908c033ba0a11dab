"""Training windows: contents, alignment, randomness, the batch."""

import pickle
import random

import numpy as np
import pytest
import torch
from basicsr.data import build_dataset
from fake_frames import FRAME, misaligned, write_npy
from torch.utils.data import DataLoader

from stdnet_arch.data.augment import CropBox

RANGE_M = 100_000
BOXES = (CropBox(0, 0, 4, 5), CropBox(1, 5, 6, 3), CropBox(8, 6, 4, 4))


def in_metres(item):
    """A dataset's item as the arrays of a coordinate clip."""
    guide = item["guide"].permute(0, 2, 3, 1) * 255
    return {
        "lq": item["lq"][:, 0].double().numpy() * RANGE_M,
        "gt": item["gt"][:, 0].double().numpy() * RANGE_M,
        "guide": guide.round().byte().numpy(),
    }


def corners(items):
    """Where each item was cut out: frame, row and column of its first pixel, in one number."""
    return [int((item["gt"].flatten()[0].double() * RANGE_M).round()) for item in items]


def test_there_is_a_window_for_every_start(make_clip, section):
    dataset = build_dataset(section(make_clip(frames=5), num_frame=3))
    assert [dataset[i]["frame"] for i in range(len(dataset))] == [0, 1, 2]


def test_a_span_bounds_its_windows(make_clip, section):
    dataset = build_dataset(section(make_clip(frames=9), num_frame=3, clips=["clip 2 7"]))
    frames = [in_metres(item)["gt"][:, 0, 0] // FRAME for item in (dataset[0], dataset[2])]
    assert len(dataset) == 3
    np.testing.assert_array_equal(frames, [[2, 3, 4], [4, 5, 6]])


def test_a_batch_keeps_the_contract(make_clip, section):
    dataset = build_dataset(section(make_clip(frames=5), num_frame=3, gt_size=16))
    batch = next(iter(DataLoader(dataset, batch_size=2, num_workers=2)))
    assert {k: (tuple(v.shape), v.dtype) for k, v in batch.items() if k != "clip"} == {
        "lq": ((2, 3, 1, 4, 4), torch.float32),
        "guide": ((2, 3, 3, 16, 16), torch.float32),
        "gt": ((2, 3, 1, 16, 16), torch.float32),
        "valid": ((2, 3, 1, 16, 16), torch.bool),
        "depth_range_m": ((2,), torch.float32),
        "frame": ((2,), torch.int64),
    }
    assert batch["clip"] == ["clip", "clip"]
    assert batch["depth_range_m"].tolist() == [RANGE_M] * 2


def test_depth_is_divided_by_the_range_and_colour_by_255(make_clip, section):
    off = dict.fromkeys(("use_hflip", "use_vflip", "use_transpose"), False)
    opt = section(make_clip(frames=1, height=16, width=16), num_frame=1, **off)
    item = build_dataset(opt)[0]
    assert item["gt"][0, 0, 2, 3].item() == pytest.approx((1 + 2 * 100 + 3) / RANGE_M)
    assert item["lq"][0, 0, 1, 2].item() == pytest.approx((1 + 4 * 100 + 8) / RANGE_M)
    torch.testing.assert_close(item["guide"][0, :, 2, 3] * 255, torch.tensor([2.0, 3.0, 0.0]))


@pytest.mark.parametrize("scale", [2, 4, 8])
@pytest.mark.parametrize("candidates", [1, 3])
def test_every_item_is_aligned(make_clip, section, scale, candidates):
    root = make_clip(frames=4, scale=scale)
    dataset = build_dataset(
        section(root, scale=scale, use_reverse=True, crop_candidates=candidates)
    )
    assert sum(misaligned(in_metres(dataset[i % 2]), scale) for i in range(30)) == 0


def test_every_second_frame_has_low_resolution_depth(make_clip, section):
    opt = section(make_clip(frames=7), num_frame=5, lq_every=2, use_reverse=True)
    dataset = build_dataset(opt)
    for i in range(12):
        clip = in_metres(dataset[i % 3])
        assert (len(clip["lq"]), len(clip["gt"]), len(clip["guide"])) == (3, 5, 5)
        measured = {name: frames[:: 1 if name == "lq" else 2] for name, frames in clip.items()}
        assert misaligned(measured, 4) == 0


def test_low_resolution_depth_of_other_frames_is_not_read(make_clip, section):
    root = make_clip(frames=5)
    for i in (1, 3):
        (root / "lq_x4" / f"{i:04d}.npy").write_bytes(b"broken")
    dataset = build_dataset(section(root, num_frame=5, lq_every=2))
    assert dataset[0]["lq"].shape == (3, 1, 4, 4)
    with pytest.raises(ValueError, match="0001.npy"):
        build_dataset(section(root, num_frame=5))[0]


@pytest.mark.parametrize("mode", ["dtof_peak", "area", "bicubic", "nearest"])
def test_a_crop_has_the_low_resolution_depth_of_the_whole_frame(make_clip, section, mode):
    opt = section(
        make_clip(frames=1, height=48, width=40), num_frame=1, lq=mode, dtof_range_m=RANGE_M
    )
    reader = build_dataset(opt).reader
    whole = reader.read("clip", [0], CropBox(0, 0, 12, 10))["lq"][0]
    crops = {box: reader.read("clip", [0], box)["lq"][0] for box in BOXES}
    assert all(lq.shape == (box.height, box.width) for box, lq in crops.items())
    assert whole.min() > 0
    worst = max(np.abs(lq - whole[box.lr()]).max() for box, lq in crops.items())
    assert worst <= 1e-6 * whole.max()


@pytest.mark.parametrize(
    ("switch", "seen"),
    [("use_hflip", (0, -1)), ("use_vflip", (-1, 0)), ("use_transpose", None)],
)
def test_each_switch_turns_on_its_own_change(make_clip, section, switch, seen):
    switches = dict.fromkeys(("use_hflip", "use_vflip", "use_transpose"), False) | {switch: True}
    opt = section(make_clip(frames=1, height=16, width=16), num_frame=1, **switches)
    dataset = build_dataset(opt)
    gt = [in_metres(dataset[0])["gt"][0] for _ in range(30)]
    plain = min(gt, key=lambda plane: tuple(plane[0, :2]))
    changed = plain.T if seen is None else np.flip(plain, axis=seen.index(-1))
    kinds = {plane.tobytes() for plane in gt}
    assert kinds == {plain.tobytes(), np.ascontiguousarray(changed).tobytes()}


def test_reverse_turns_time_of_all_arrays(make_clip, section):
    dataset = build_dataset(section(make_clip(frames=3), use_reverse=True))
    orders = {tuple(in_metres(dataset[0])["gt"][:, 0, 0] // FRAME) for _ in range(30)}
    assert orders == {(0, 1, 2), (2, 1, 0)}


def test_single_frames_may_be_reversed_and_flipped(make_clip, section):
    switches = {"use_hflip": True, "use_vflip": True, "use_transpose": True, "use_reverse": True}
    dataset = build_dataset(section(make_clip(frames=2), num_frame=1, gt_size=16, **switches))
    for _ in range(40):  # every switch both ways
        item = dataset[1]
        assert all(item[key].is_contiguous() for key in ("lq", "gt", "guide", "valid"))
        assert not misaligned(in_metres(item), 4)


def test_colour_jitter_changes_colour_alone(make_clip, section):
    opt = section(make_clip(frames=3, height=16, width=16))
    torch.manual_seed(1)
    plain = build_dataset(opt)[0]
    torch.manual_seed(1)
    jittered = build_dataset(opt | {"color_jitter": 0.5})[0]
    assert not torch.equal(jittered["guide"], plain["guide"])
    assert jittered["guide"].dtype == torch.float32
    torch.testing.assert_close(jittered["gt"], plain["gt"])
    torch.testing.assert_close(jittered["lq"], plain["lq"])


def test_bytes_are_the_same_colours(make_clip, section):
    opt = section(make_clip(frames=3), gt_size=16)
    torch.manual_seed(1)
    plain = build_dataset(opt)[0]
    torch.manual_seed(1)
    guide = build_dataset(opt | {"guide_bytes": True})[0]["guide"]
    assert guide.dtype == torch.uint8
    assert torch.equal(guide.float() / 255, plain["guide"])


def test_jittered_colour_is_no_bytes(make_clip, section):
    opt = section(make_clip(frames=3), guide_bytes=True, color_jitter=0.5)
    assert build_dataset(opt)[0]["guide"].dtype == torch.float32


def test_candidates_go_where_depth_varies(make_clip, section):
    root = make_clip(frames=3, height=24, width=64)
    wall = np.full((24, 64), 5.0, np.float32)
    wall[:, 48:] = np.linspace(1, 9, 16)
    for i in range(3):
        write_npy(root / "depth" / f"{i:04d}.npy", wall)

    def varied(candidates):
        dataset = build_dataset(section(root, gt_size=16, crop_candidates=candidates))
        return sum(float(dataset[0]["gt"].std()) > 1e-6 for _ in range(40))

    assert varied(8) > varied(1) + 8


def reseed_alike(worker_id):
    """What stock basicsr does in a worker, alike in every epoch (basicsr/data/__init__.py:97)."""
    np.random.seed(worker_id)  # noqa: NPY002
    random.seed(worker_id)


def epochs(dataset, workers, seed, count=2):
    """Corners of some epochs of a loader that is seeded as the toolbox does."""
    torch.manual_seed(seed)
    loader = DataLoader(dataset, num_workers=workers, worker_init_fn=reseed_alike, batch_size=None)
    return [corners(loader) for _ in range(count)]


@pytest.fixture
def still_clip(make_clip, section):
    """A dataset whose windows differ only by chance: the same frame again and again."""
    opt = section(make_clip(frames=1, height=96, width=96), num_frame=1, clips=["clip 0 1"] * 4)
    return build_dataset(opt)


@pytest.mark.parametrize("workers", [0, 2])
def test_every_epoch_and_worker_draws_anew(still_clip, workers):
    first, second = epochs(still_clip, workers, seed=3)
    assert first != second
    assert first[0::2] != first[1::2]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_seed_repeats_the_run(still_clip, workers):
    assert epochs(still_clip, workers, seed=3) == epochs(still_clip, workers, seed=3)
    assert epochs(still_clip, workers, seed=3) != epochs(still_clip, workers, seed=4)


def test_a_dataset_travels_to_another_process(make_clip, section):
    dataset = build_dataset(section(make_clip(frames=4)))
    dataset[0]
    twin = pickle.loads(pickle.dumps(dataset))
    assert misaligned(in_metres(twin[1]), 4) == 0


def test_a_clip_shorter_than_the_window_is_refused(make_clip, section):
    message = r"clip 'clip' under .*: expected at least num_frame 6 frames; got 5 \(0..4\)"
    with pytest.raises(ValueError, match=message):
        build_dataset(section(make_clip(frames=5), num_frame=6))


def test_a_crop_larger_than_the_frame_is_refused(make_clip, section):
    with pytest.raises(ValueError, match=r"at least gt_size 32x32; got 24x40"):
        build_dataset(section(make_clip(height=24, width=40), gt_size=32))


def rooms(**changes):
    """Training windows of synthetic rooms, whose flow is exact."""
    return build_dataset({
        "name": "rooms", "type": "RGBDVideoDataset", "phase": "train", "scale": 4,
        "source": "Synthetic",
        "source_opt": {"num_clips": 1, "num_frame": 3, "size": [32, 48], "seed": 3},
        "num_frame": 3, "gt_size": 24, "extras": ["flow_px"], **changes,
    })  # fmt: skip


def test_flow_is_that_of_the_crop():
    torch.manual_seed(1)
    plain = rooms(use_hflip=False, use_vflip=False, use_transpose=False)
    item = plain[0]
    whole, _ = plain.reader.source.flow_px(item["clip"], 0)
    gt = torch.from_numpy(plain.reader.source.depth_m(item["clip"], 0).copy())
    here = item["gt"][0, 0] * plain.reader.range_m
    corners = [
        (y, x) for y in range(0, 9, 4) for x in range(0, 25, 4)
        if torch.allclose(gt[y : y + 24, x : x + 24], here)
    ]  # fmt: skip
    assert len(corners) == 1
    y, x = corners[0]
    assert item["flow_px"].shape == (2, 2, 24, 24)
    np.testing.assert_array_equal(item["flow_px"][0], whole[:, y : y + 24, x : x + 24])


def test_reversed_windows_have_no_flow():
    with pytest.raises(ValueError, match=r"use_reverse must be false with extras: \[flow_px\]"):
        rooms(use_reverse=True)


def test_training_knows_flow_alone():
    with pytest.raises(ValueError, match=r"extras must be \[flow_px\] or \[\] in training"):
        rooms(extras=["pose"])


def test_every_clip_needs_the_flow(make_clip, section):
    with pytest.raises(ValueError, match="training needs flow_px of every listed clip; source F"):
        build_dataset(section(make_clip(), extras=["flow_px"]))
