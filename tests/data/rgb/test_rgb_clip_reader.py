"""Reading RGB clips from any two stores."""

import numpy as np
import pytest
from fake_frames import coordinate_guide

from stdnet_arch.data.augment import CropBox
from stdnet_arch.data.rgb.rgb_clip_reader import RGBClipReader, to_rgb_item, whole_frame


class MemoryStore:
    """Clips as arrays ``(t, H, W, 3)``; counts what is read."""

    def __init__(self, **clips):
        self.arrays = clips
        self.reads = []

    def clips(self):
        return sorted(self.arrays)

    def count(self, clip):
        return len(self.arrays[clip])

    def read(self, clip, i):
        self.reads.append(i)
        return self.arrays[clip][i]

    def location(self, clip, i):
        return f"{clip}[{i}]"


@pytest.fixture
def stores():
    high = coordinate_guide(5, 24, 32)
    return MemoryStore(a=high), MemoryStore(a=high[:, ::4, ::4])


def test_only_the_asked_frames_and_pixels_are_given(stores):
    reader = RGBClipReader(*stores, 4)
    clip = reader.read("a", [1, 2, 3], [1, 3], lambda h, w: CropBox(h - 2, w - 3, 2, 3))
    assert clip["gt"][:, 0, 0].tolist() == [[16, 20, 1], [16, 20, 2], [16, 20, 3]]
    assert clip["lq"][:, 0, 0].tolist() == [[16, 20, 1], [16, 20, 3]]
    assert (clip["gt"].shape, clip["lq"].shape) == ((3, 8, 12, 3), (2, 2, 3, 3))
    assert [store.reads for store in stores] == [[1, 2, 3], [1, 3]]


@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("box", [CropBox(0, 0, 2, 2), CropBox(1, 3, 3, 4), CropBox(4, 4, 2, 4)])
def test_made_lq_of_a_crop_is_that_of_the_frame(scale, box):
    high = np.random.default_rng(0).integers(0, 256, (1, 24, 32, 3), dtype=np.uint8)
    reader = RGBClipReader(MemoryStore(a=high), None, scale)
    whole = reader.read("a", [0], [0], whole_frame)["lq"]
    crop = reader.read("a", [0], [0], lambda h, w: box)["lq"]
    np.testing.assert_array_equal(crop, whole[(slice(None), *box.lr())])


def test_an_item_is_float_in_unit_range(stores):
    clip = RGBClipReader(*stores, 4).read("a", [4], [4], whole_frame)
    item = to_rgb_item(clip, "name", 4)
    assert item["gt"][0, :, 23, 31].tolist() == pytest.approx([23 / 255, 31 / 255, 4 / 255])
    assert (item["clip"], item["frame"]) == ("name", 4)


@pytest.mark.parametrize(
    ("clips", "frames", "error", "words"),
    [
        (
            ["a", "b", "c"],
            None,
            FileNotFoundError,
            "got 1 clips .*, without 2 of the 3 listed, first b",
        ),
        (["a"], 7, ValueError, "clip a in .*: expected 7 frames; got 5"),
    ],
)
def test_clips_that_are_not_as_listed_are_refused(stores, clips, frames, error, words):
    with pytest.raises(error, match=words):
        RGBClipReader(*stores, 4).check(clips, frames)


def test_a_frame_of_another_size_is_refused(stores):
    frames = [np.zeros((24, 32, 3), np.uint8), np.zeros((24, 28, 3), np.uint8)]
    with pytest.raises(ValueError, match=r"a\[1\]: expected 24x32, .*; got 24x28"):
        RGBClipReader(MemoryStore(a=frames), None, 4).read("a", [0, 1], [0], whole_frame)
