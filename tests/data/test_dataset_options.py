"""Options of the datasets: typed, checked, no unknown keys."""

import pytest

from stdnet_arch.data.dataset_options import TestOptions, TrainOptions, read_options

MINIMAL = {"name": "set", "source": "Folder", "scale": 4}


def test_the_defaults_are_the_papers():
    options = read_options(TrainOptions, MINIMAL)
    assert (options.num_frame, options.gt_size, options.lq) == (7, 256, "auto")
    assert (options.dtof_range_m, options.dtof_bins) == (100, 1024)
    assert options.use_hflip and options.use_vflip and options.use_transpose  # noqa: PT018
    assert not options.use_reverse


def test_the_toolboxs_own_keys_are_let_through():
    extra = {"type": "RGBDVideoDataset", "phase": "train", "num_worker_per_gpu": 2,
             "batch_size_per_gpu": 3, "dataset_enlarge_ratio": 100, "use_shuffle": True,
             "prefetch_mode": None, "persistent_workers": True}  # fmt: skip
    assert read_options(TrainOptions, MINIMAL | extra) == read_options(TrainOptions, MINIMAL)


@pytest.mark.parametrize("kind", [TrainOptions, TestOptions])
def test_an_unknown_key_lists_the_known(kind):
    with pytest.raises(ValueError, match=r"dataset set: .*depth_range_m.*; got dept_range_m"):
        read_options(kind, MINIMAL | {"dept_range_m": 40})


def test_training_keys_are_unknown_to_a_test():
    with pytest.raises(ValueError, match="got gt_size, use_hflip"):
        read_options(TestOptions, MINIMAL | {"gt_size": 64, "use_hflip": True})


@pytest.mark.parametrize("key", ["source", "scale"])
def test_what_is_needed_is_asked_for(key):
    with pytest.raises(ValueError, match=f"expected the keys source and scale; got no .*{key}"):
        read_options(TrainOptions, {k: v for k, v in MINIMAL.items() if k != key})


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("lq", "cubic", "lq must be one of auto, files, dtof_peak, .*; got 'cubic'"),
        ("lq_every", 0, "lq_every must be at least 1; got 0"),
        ("lq_every", 4, "num_frame must be 1 plus a multiple of lq_every 4.*; got 7"),
        ("beyond_range", "drop", "beyond_range must be one of invalid, clip, keep; got 'drop'"),
        ("gt_size", 254, "gt_size must be a multiple of scale 4; got 254"),
        ("gt_size", 0, "gt_size must be"),
        ("num_frame", 0, "num_frame must be at least 1; got 0"),
        ("depth_range_m", 0, "depth_range_m must be positive"),
        ("dtof_range_m", -1, "dtof_range_m must be positive; got -1"),
        ("color_jitter", 1.0, r"color_jitter must be in \[0, 1\); got 1.0"),
        ("crop_candidates", 0, "crop_candidates must be at least 1; got 0"),
        ("scale", 0, "scale must be at least 1; got 0"),
        ("dtof_bins", 1, "dtof_bins must be at least 2; got 1"),
    ],
)
def test_a_value_out_of_bounds_is_refused(key, value, message):
    with pytest.raises(ValueError, match=message):
        read_options(TrainOptions, MINIMAL | {key: value})


@pytest.mark.parametrize(
    ("key", "value", "kinds"),
    [
        ("num_frame", 7.5, "int"),
        ("num_frame", True, "int"),
        ("gt_size", "256", "int"),
        ("use_hflip", 1, "bool"),
        ("depth_range_m", "1e2", "float or NoneType or int"),
        ("clips", 3, "str or list or NoneType"),
        ("source_opt", "mm", "a mapping, written {key: value}"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused(key, value, kinds):
    with pytest.raises(TypeError, match=f"dataset set: {key} must be {kinds}; got {value!r}"):
        read_options(TrainOptions, MINIMAL | {key: value})


@pytest.mark.parametrize("size", [[16], [16, 18], [0, 16], []])
def test_a_center_crop_lies_on_the_lr_grid(size):
    with pytest.raises(ValueError, match=r"center_crop must be \[height, width\], multiples of 4"):
        read_options(TestOptions, MINIMAL | {"center_crop": size})


def test_an_empty_source_opt_in_a_yaml_is_none():
    assert read_options(TrainOptions, MINIMAL | {"source_opt": None}).source_opt == {}


def test_a_word_in_the_place_of_a_mapping_says_how_to_write_one():
    with pytest.raises(TypeError, match=r"io_backend must be a mapping, written {key: value}; got"):
        read_options(TrainOptions, MINIMAL | {"io_backend": "lmdb"})
