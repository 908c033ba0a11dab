"""The options of the datasets as frozen dataclasses: typed, checked once, no unknown keys."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from stdnet_arch.data.augment import FLOW
from stdnet_arch.data.geometry import GEOMETRY
from stdnet_arch.data.lq.degradation import LQ_MODES as MODES
from stdnet_arch.data.lq.degradation import RANDOM_LQ_MODES
from stdnet_arch.data.lq.sensor_model import SensorOptions

LQ_MODES = ("auto", "files", *MODES, *RANDOM_LQ_MODES)
BEYOND_RANGE = ("invalid", "clip", "keep")

TOOLBOX_KEYS = frozenset({
    "name", "type", "phase", "num_worker_per_gpu", "batch_size_per_gpu", "dataset_enlarge_ratio",
    "use_shuffle", "prefetch_mode", "num_prefetch_queue", "persistent_workers", "pin_memory",
})  # fmt: skip
"""Keys of a dataset section that the toolbox reads, not the dataset."""

OptionsT = TypeVar("OptionsT")


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """Options that say what is read and what its numbers mean."""

    source: str
    """Name of a registered source."""
    scale: int
    """HR side / LR side; the toolbox copies it from the top of the YAML."""
    dataroot: str = ""
    """Folder of the raw dataset, or of the LMDB made from it."""
    io_backend: Mapping[str, Any] = field(default_factory=lambda: {"type": "disk"})
    """``{type: disk}`` reads raw files, ``{type: lmdb}`` what ``scripts/create_lmdb.py`` made."""
    source_opt: Mapping[str, Any] = field(default_factory=dict)
    """Keyword arguments of the source."""
    clips: str | list[str] | None = None
    """Clip list: a file of data/meta_info, a path, or entries; None for all clips of the source."""
    lq: str = "auto"
    """LR depth from ``files``, made from GT by a rule of :mod:`stdnet_arch.data.lq.degradation`
    (``dtof_peak``, ``dtof_histogram``, ``area``, ``bicubic``, ``nearest``), or ``auto``: files
    where there are any, else ``dtof_peak``. Of an LMDB, ``files`` reads what it stores, by
    whatever rule."""
    sensor_opt: SensorOptions = SensorOptions()
    """Noise, holes, misalignment on top of LR depth, wherever it comes from; all off by default."""
    dtof_range_m: float = 100.0
    """Range of the simulated sensor, whatever the rule: farther depth is not measured."""
    dtof_bins: int = 1024
    """Histogram bins of the simulated sensor."""
    depth_range_m: float | None = None
    """Divisor of lq and gt [m]; None takes the source's own."""
    beyond_range: str = "invalid"
    """GT beyond ``depth_range_m``: ``invalid``, or as in the paper ``clip`` (DyDToF) or ``keep``
    (TarTanAir)."""
    lq_every: int = 1
    """LR depth only at frames 0, ``lq_every``, 2 ``lq_every``, ... of a window or clip, the last
    included; guide, gt and valid at every frame. 2: space-time super-resolution of depth."""

    def __post_init__(self) -> None:
        """Check every value that has a limited choice."""
        known: list[dict[str, Any]] = [{"type": "disk"}, {"type": "lmdb"}]
        known += [{"type": "lmdb", "verify": choice} for choice in (True, False)]
        wanted = "{type: disk}, {type: lmdb} or {type: lmdb, verify: true}"
        _require(self.io_backend in known, "io_backend", wanted, self.io_backend)
        _require(self.lq in LQ_MODES, "lq", f"one of {', '.join(LQ_MODES)}", self.lq)
        choice = f"one of {', '.join(BEYOND_RANGE)}"
        _require(self.beyond_range in BEYOND_RANGE, "beyond_range", choice, self.beyond_range)
        perfect = SensorOptions()
        counts = [(o.signal_photons, o.background_photons) for o in (self.sensor_opt, perfect)]
        _require(
            self.lq in RANDOM_LQ_MODES or counts[0] == counts[1],
            "lq", "dtof_histogram, the only rule that counts photons (sensor_opt)", self.lq,
        )  # fmt: skip
        _require(
            self.lq == "auto" or not self.sensor_opt.preset,
            "lq", f"auto with sensor_opt: {{preset: {self.sensor_opt.preset}}}", self.lq,
        )  # fmt: skip
        _require(self.scale >= 1, "scale", "at least 1", self.scale)
        _require(self.dtof_range_m > 0, "dtof_range_m", "positive", self.dtof_range_m)
        _require(self.dtof_bins >= 2, "dtof_bins", "at least 2", self.dtof_bins)
        _require(self.lq_every >= 1, "lq_every", "at least 1", self.lq_every)
        positive = self.depth_range_m is None or self.depth_range_m > 0
        _require(positive, "depth_range_m", "positive or null", self.depth_range_m)


@dataclass(frozen=True, kw_only=True)
class TrainOptions(ReadOptions):
    """Windows, crops and augmentations."""

    num_frame: int = 7
    """Frames of a window."""
    gt_size: int = 256
    """Side of the square HR crop."""
    use_hflip: bool = True
    use_vflip: bool = True
    use_transpose: bool = True
    use_reverse: bool = False
    """Each with probability 1/2, for the whole window."""
    color_jitter: float = 0.0
    """Brightness, contrast and saturation of RGB times 1 +- this, one draw per window."""
    guide_bytes: bool = False
    """Hand RGB to the model as bytes, which divides by 255 on its device: the same numbers at a
    quarter of the way from the loader's workers. Not with ``color_jitter``, which makes floats."""
    crop_candidates: int = 1
    """Corners drawn per window; the one where depth varies most is taken (1: plain cropping)."""
    extras: list[str] = field(default_factory=list)
    """``[flow_px]`` for losses that need true flow, of a source that has it for every clip
    (:mod:`stdnet_arch.data.geometry`); not with ``use_reverse``, which needs the flow back."""

    def __post_init__(self) -> None:
        """Check the sizes too."""
        super().__post_init__()
        _require(self.num_frame >= 1, "num_frame", "at least 1", self.num_frame)
        ends_measured = (self.num_frame - 1) % self.lq_every == 0
        lengths = (
            f"1 plus a multiple of lq_every {self.lq_every}, so that the last frame has LR depth"
        )
        _require(ends_measured, "num_frame", lengths, self.num_frame)
        fits = self.gt_size > 0 and self.gt_size % self.scale == 0
        _require(fits, "gt_size", f"a multiple of scale {self.scale}", self.gt_size)
        _require(0 <= self.color_jitter < 1, "color_jitter", "in [0, 1)", self.color_jitter)
        at_least_one = self.crop_candidates >= 1
        _require(at_least_one, "crop_candidates", "at least 1", self.crop_candidates)
        _require(set(self.extras) <= {FLOW}, "extras", f"[{FLOW}] or [] in training", self.extras)
        forth = not (self.extras and self.use_reverse)
        _require(forth, "use_reverse", f"false with extras: [{FLOW}]", self.use_reverse)


@dataclass(frozen=True, kw_only=True)
class TestOptions(ReadOptions):
    """Whole clips."""

    __test__ = False  # not a test class, whatever its name

    center_crop: list[int] | None = None
    """HR height and width of the middle to keep; the corner is rounded down to the LR grid."""
    extras: list[str] = field(default_factory=list)
    """Further needs of metrics: any of ``flow_px``, ``intrinsics_px`` and ``pose``, read
    where the source has it (:mod:`stdnet_arch.data.geometry`)."""

    def __post_init__(self) -> None:
        """Check the crop and the extras too."""
        super().__post_init__()
        known = set(self.extras) <= set(GEOMETRY)
        _require(known, "extras", f"a list of {', '.join(GEOMETRY)}", self.extras)
        size = self.center_crop
        if size is not None:
            fits = len(size) == 2 and all(n > 0 and n % self.scale == 0 for n in size)
            _require(fits, "center_crop", f"[height, width], multiples of {self.scale}", size)


def read_options(kind: type[OptionsT], opt: Mapping[str, Any]) -> OptionsT:
    """The dataset section ``opt`` as an instance of ``kind``.

    Args:
        kind: the dataclass that lists the options.
        opt: the section, with ``phase`` and ``scale`` as the toolbox adds them.
    """
    every = fields(kind)  # type: ignore[arg-type]  # a dataclass
    known = {f.name for f in every}
    name = opt.get("name", opt.get("type", "dataset"))
    unknown = sorted(opt.keys() - known - TOOLBOX_KEYS)
    if unknown:
        raise ValueError(
            f"dataset {name}: expected only the keys {', '.join(sorted(known))} and the toolbox's"
            f" {', '.join(sorted(TOOLBOX_KEYS))}; got {', '.join(unknown)}"
        )
    needed = [f.name for f in every if f.default is MISSING and f.default_factory is MISSING]
    missing = [key for key in needed if key not in opt]
    if missing:
        raise ValueError(
            f"dataset {name}: expected the keys {' and '.join(needed)}; got no {missing}"
        )
    given = {key: value for key, value in opt.items() if key in known}
    for section in ("source_opt", "sensor_opt"):
        if section in given and given[section] is None:  # `source_opt:` with nothing behind it
            given[section] = {}
    if isinstance(given.get("sensor_opt"), Mapping):
        given["sensor_opt"] = _read_sensor(name, given["sensor_opt"])
    _check_types(f"dataset {name}", kind, given)
    return kind(**given)


def _read_sensor(name: str, section: Mapping[str, Any]) -> SensorOptions:
    known = {f.name for f in fields(SensorOptions)}
    unknown = sorted(section.keys() - known)
    if unknown:
        raise ValueError(
            f"dataset {name}: sensor_opt: expected only the keys {', '.join(sorted(known))};"
            f" got {', '.join(unknown)}"
        )
    _check_types(f"dataset {name}: sensor_opt", SensorOptions, section)
    return SensorOptions(**section)


def _check_types(where: str, kind: type, given: Mapping[str, object]) -> None:
    hints = get_type_hints(kind)
    for key, value in given.items():
        _check_type(where, key, value, hints[key])


def _check_type(where: str, key: str, value: object, hint: Any) -> None:  # noqa: ANN401
    allowed = tuple(get_origin(choice) or choice for choice in get_args(hint) or (hint,))
    if get_origin(hint) not in {None, UnionType}:  # list[str] and the like: the outside will do
        allowed = (get_origin(hint),)
    if float in allowed:
        allowed += (int,)
    if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
        words = {"Mapping": "a mapping, written {key: value}"}
        kinds = " or ".join(words.get(kind.__name__, kind.__name__) for kind in allowed)
        raise TypeError(f"{where}: {key} must be {kinds}; got {value!r}")


def _require(condition: bool, key: str, required: str, got: object) -> None:
    if not condition:
        raise ValueError(f"{key} must be {required}; got {got!r}")
