"""Frames, cropped, checked and cleaned; every bad input says file, expected and got."""

import numpy as np
import pytest
from basicsr.data import build_dataset
from fake_frames import coordinate_guide, coordinates, misaligned, write_npy, write_rgb

from stdnet_arch.data.augment import CropBox
from stdnet_arch.data.clip_reader import ClipReader, clean_depth, clean_lq
from stdnet_arch.data.dataset_options import TestOptions
from stdnet_arch.data.lq.degradation import dtof_peak
from stdnet_arch.data.synthetic.layers.source import Layers

RANGE_M = 10.0
DEPTH_M = np.array([0, np.nan, np.inf, 5, 10, 10.5], np.float32)


def reader(root, **options):
    given = {"scale": 4, "source": "Folder", "source_opt": {"lq": "lq_x{scale}"}}
    return ClipReader(TestOptions(dataroot=str(root), depth_range_m=1e5, **(given | options)))


@pytest.mark.parametrize(
    ("beyond", "gt", "valid"),
    [
        ("invalid", [0, 0, 0, 5, 10, 0], [0, 0, 0, 1, 1, 0]),
        ("clip", [0, 0, 0, 5, 10, 10], [0, 0, 0, 1, 1, 1]),
        ("keep", [0, 0, 0, 5, 10, 10.5], [0, 0, 0, 1, 1, 1]),
    ],
)
def test_gt_holds_no_number_that_must_not_count(beyond, gt, valid):
    cleaned, mask = clean_depth(DEPTH_M, RANGE_M, beyond)
    assert (cleaned.dtype, mask.dtype) == (np.float32, bool)
    np.testing.assert_array_equal(cleaned, np.float32(gt))
    np.testing.assert_array_equal(mask, np.array(valid, bool))


@pytest.mark.parametrize(
    ("beyond", "lq"),
    [("invalid", [0, 0, 0, 5, 10, 10]), ("clip", [0, 0, 0, 5, 10, 10]),
     ("keep", [0, 0, 0, 5, 10, 10.5])],
)  # fmt: skip
def test_lq_is_finite_and_no_return_is_zero(beyond, lq):
    np.testing.assert_array_equal(clean_lq(DEPTH_M, RANGE_M, beyond), np.float32(lq))


def test_a_box_is_the_same_place_in_every_array(make_clip):
    box = CropBox(1, 2, 3, 5)
    clip = reader(make_clip()).read("clip", [1, 3], box)
    np.testing.assert_array_equal(clip["gt"], coordinates(5, 24, 32)[[1, 3], 4:16, 8:28])
    assert {name: frames.shape for name, frames in clip.items()} == {
        "lq": (2, 3, 5), "guide": (2, 12, 20, 3), "gt": (2, 12, 20), "valid": (2, 12, 20),
    }  # fmt: skip
    assert misaligned(clip, 4) == 0


@pytest.mark.parametrize("scale", [2, 4, 8])
@pytest.mark.parametrize("source_opt", [{}, {"lq": "lq_x{scale}"}])
def test_lr_made_of_a_crop_is_the_crop_of_lr(make_clip, scale, source_opt):
    lq_mode = "dtof_peak" if source_opt else "auto"
    root = make_clip(frames=1, scale=scale)
    depth_m = (coordinates(1, 24, 32)[0] / 30).astype(np.float32)
    write_npy(root / "depth" / "0000.npy", depth_m)
    read = reader(root, scale=scale, lq=lq_mode, source_opt=source_opt).read
    whole = dtof_peak(depth_m, coordinate_guide(1, 24, 32)[0], scale)
    clip = read("clip", [0], CropBox(1, 2, 2, 2))
    assert whole.max() > 1
    np.testing.assert_array_equal(clip["lq"][0], whole[1:3, 2:4])


def test_the_simulated_sensor_has_the_asked_range_and_bins(make_clip):
    read = reader(make_clip(), lq="dtof_peak", dtof_range_m=1e5, dtof_bins=11).read
    assert set(np.unique(read("clip", [0, 4], CropBox(0, 0, 6, 8))["lq"])) == {0, 4e4}


def test_variation_is_the_spread_of_depth_in_range(make_clip):
    root = make_clip(frames=1)
    depth_m = np.random.default_rng(0).random((24, 32), np.float32)
    depth_m[8, 12] = 2e6
    write_npy(root / "depth" / "0000.npy", depth_m)
    seen = [depth_m[y, x] for y in (4, 8, 12) for x in (8, 12, 16) if depth_m[y, x] < 1e5]
    assert reader(root).variation("clip", 0, CropBox(1, 2, 3, 3)) == pytest.approx(np.std(seen))


def test_a_box_without_depth_does_not_vary(make_clip):
    root = make_clip(frames=1)
    write_npy(root / "depth" / "0000.npy", np.full((24, 32), np.nan, np.float32))
    assert reader(root).variation("clip", 0, CropBox(1, 2, 3, 4)) == 0


def cut(path):
    path.write_bytes(path.read_bytes()[:-9])


def damage(root, kind):
    """Spoil frame 2 of the clip in one way."""
    depth, rgb, lq = (root / f"{n}/0002" for n in ("depth", "rgb", "lq_x4"))
    depth, rgb, lq = depth.with_suffix(".npy"), rgb.with_suffix(".png"), lq.with_suffix(".npy")
    plane = np.load(depth)
    {
        "truncated depth": lambda: cut(depth),
        "truncated rgb": lambda: cut(rgb),
        "truncated lr": lambda: cut(lq),
        "empty depth": lambda: depth.write_bytes(b""),
        "negative depth": lambda: np.save(depth, np.where(plane == plane.max(), -3, plane)),
        "negative lr": lambda: np.save(lq, -np.load(lq)),
        "no valid pixel": lambda: np.save(depth, np.zeros_like(plane)),
        "all nan": lambda: np.save(depth, np.full_like(plane, np.nan)),
        "all beyond": lambda: np.save(depth, np.full_like(plane, 2e6)),
        "other size": lambda: np.save(depth, plane[:-4]),
        "other rgb size": lambda: write_rgb(rgb, coordinate_guide(1, 24, 28)[0]),
        "other lr size": lambda: np.save(lq, plane[::8, ::8]),
        "three channels": lambda: np.save(depth, np.stack([plane] * 3)),
    }[kind]()


@pytest.mark.parametrize("type_", ["RGBDVideoDataset", "RGBDVideoTestDataset"])
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("truncated depth", r"depth/0002.npy: expected a readable npy file; got \d+ bytes"),
        ("truncated rgb", r"rgb/0002.png: expected a whole image; got a truncated file"),
        ("truncated lr", r"lq_x4/0002.npy: expected a readable npy file; got \d+ bytes"),
        ("empty depth", r"depth/0002.npy: expected a readable npy file; got 0 bytes"),
        ("negative depth", r"depth/0002.npy: expected depth >= 0 m; got -3 m"),
        ("negative lr", r"lq_x4/0002.npy: expected depth >= 0 m; got -\d+ m"),
        ("no valid pixel", r"depth/0002.npy: expected at least one valid pixel.*; got 0..0 m"),
        ("all nan", r"depth/0002.npy: expected at least one valid pixel.*; got no finite value"),
        ("other size", r"depth/0002.npy: expected 24x32.*scale 4 demands; got 20x32"),
        ("other rgb size", r"rgb/0002.png: expected 24x32.*; got 24x28"),
        ("other lr size", r"lq_x4/0002.npy: expected 6x8.*; got 3x4"),
        ("three channels", r"depth/0002.npy: expected one depth plane.*got shape \(3, 24, 32\)"),
    ],
)
def test_a_bad_frame_names_file_expected_and_got(make_clip, section, type_, kind, message):
    root = make_clip()
    damage(root, kind)
    opt = section(root, type=type_, gt_size=24)
    if type_ == "RGBDVideoTestDataset":
        opt = {key: opt[key] for key in opt if key not in {"num_frame", "gt_size"}}
    else:
        opt["crop_candidates"] = 1
    dataset = build_dataset(opt)
    with pytest.raises(ValueError, match=message):
        [dataset[i] for i in range(len(dataset)) for _ in range(20)]


def test_training_goes_on_at_a_view_into_the_distance(make_clip, section, caplog):
    root = make_clip()
    damage(root, "all beyond")
    message = r"depth/0002.npy: expected .* in \(0, 100000\] m; got 2e\+06..2e\+06 m"
    opt = section(root, type="RGBDVideoTestDataset")
    with pytest.raises(ValueError, match=message):
        build_dataset({key: opt[key] for key in opt if key not in {"num_frame", "gt_size"}})[0]
    dataset = build_dataset(section(root, num_frame=1, gt_size=24))
    with pytest.raises(ValueError, match=message):
        dataset[2]  # nothing was within the range before: the unit may be wrong
    near, far = dataset[0], dataset[2]
    assert near["valid"].any()
    assert not far["valid"].any()
    assert not far["gt"].any()
    assert "0002.npy: every depth is beyond depth_range_m (100000 m)" in caplog.text
    caplog.clear()
    dataset[2]
    assert not caplog.text


def test_a_crop_of_sky_is_no_error(make_clip):
    root = make_clip(frames=1)
    depth_m = coordinates(1, 24, 32)[0]
    depth_m[:8] = 1e6
    write_npy(root / "depth" / "0000.npy", depth_m)
    clip = reader(root).read("clip", [0], CropBox(0, 0, 2, 3))
    assert not clip["valid"].any()
    assert not clip["gt"].any()


@pytest.mark.parametrize(("height", "width"), [(26, 32), (24, 30)])
def test_a_size_that_does_not_fit_the_scale_is_refused_at_once(make_clip, height, width):
    message = rf"depth/0000.npy: expected sides that are multiples of scale 4; got {height}x{width}"
    with pytest.raises(ValueError, match=message):
        reader(make_clip(height=height, width=width))


def test_lr_of_another_scale_is_refused_at_once(make_clip):
    root = make_clip(scale=8)
    with pytest.raises(ValueError, match=r"lq_x8/0000.npy: expected 6x8.*; got 3x4"):
        reader(root, source_opt={"lq": "lq_x8"})


def test_lr_files_that_are_asked_for_must_exist(make_clip):
    with pytest.raises(FileNotFoundError, match=r"lq is files: expected x4 LR files .*'clip'"):
        reader(make_clip(), source_opt={}, lq="files")


def test_lr_files_in_a_folder_of_no_name_are_asked_for_their_name(make_clip):
    with pytest.raises(FileNotFoundError, match=r"got none \(name their folder: source_opt: {lq: "):
        reader(make_clip(), lq="files", source_opt={})
    with pytest.raises(FileNotFoundError, match="got none$"):
        reader(make_clip(), lq="files", source_opt={"lq": "x{scale}"})


def test_the_range_is_the_sources_unless_given(make_clip):
    root = str(make_clip())
    options = TestOptions(dataroot=root, scale=4, source="Folder")
    assert ClipReader(options).range_m == 10


@pytest.mark.parametrize("source", ["Layers", "Mixed"])
def test_of_drawn_clips_the_first_is_drawn_for_its_size(source, monkeypatch):
    drawn = {"num_clips": 30, "num_frame": 2}
    parts = [
        {"source": "Layers", "source_opt": {**drawn, "size": size}} for size in ([16, 24], [32, 8])
    ]
    options = {"Layers": parts[0]["source_opt"], "Mixed": {"parts": parts}}[source]
    seen = []
    plain = Layers.depth_m
    monkeypatch.setattr(
        Layers, "depth_m", lambda self, clip, i: (seen.append(clip), plain(self, clip, i))[1]
    )
    made = reader("", source=source, source_opt=options)
    assert len(seen) == (1 if source == "Layers" else 2)  # the first clip of each part
    sizes = {span.clip: made.lr_size(span.clip) for span in made.spans}
    for clip in (made.spans[0].clip, made.spans[-1].clip):
        height, width = made.source.depth_m(clip, 1).shape
        assert sizes[clip] == (height // 4, width // 4)
    assert set(sizes.values()) == ({(4, 6)} if source == "Layers" else {(4, 6), (8, 2)})


def test_a_drawn_size_that_the_scale_does_not_divide_is_refused():
    options = {"num_clips": 3, "num_frame": 2, "size": [16, 26]}
    with pytest.raises(ValueError, match="multiples of scale 4; got 16x26"):
        reader("", source="Layers", source_opt=options)
