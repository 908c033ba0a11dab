"""Options of a YAML file and of the command line, checked."""

import ast
import math
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from stdnet_arch.data.codecs.depth_file import FORMATS
from stdnet_arch.inference.jobs.preview import VIDEO_SUFFIXES
from stdnet_arch.inference.precision import Precision
from stdnet_arch.utils.input_errors import InputError, check_number
from stdnet_arch.utils.names import check_output_folder, check_target

T = TypeVar("T")
PATHS = {"output", "rgb", "poses", "depth", "recording", "folder", "unet", "weights", "mp4", "gt"}
DEFAULT_MATCHER = "PlaneSweep"
STAGES = ("stereo", "diffusion", "depth", "super")
"""Folders of the results, in the output."""


@dataclass(frozen=True)
class DiffusionOptions:
    """Stage 2."""

    folder: Path
    """Stable Video Diffusion in diffusers' layout."""
    unet: Path | None = None
    """A UNet of the same kind that was trained for depth."""
    context: str = "clip"
    """``clip`` or ``zeros``."""
    window: int = 110
    overlap: int = 25
    steps: int = 4
    start: int = 2
    longest_px: int = 1024
    """The longer side of pictures for the network."""
    frames_at_once: int = 8
    """That the VAE takes."""
    half: bool = False
    """The UNet in float16, for CUDA."""
    device: str = "auto"
    seed: int = 0


@dataclass(frozen=True)
class SuperResolutionOptions:
    """Stage 3: what :class:`~stdnet_arch.inference.predictor.DepthSRPredictor` takes."""

    weights: Path
    scale: int | None = None
    num_feat: int | None = None
    depth_range_m: float | None = None
    any_ratio: bool = False
    chunk: int = 1
    overlap: int | None = None
    tile: int | None = None
    tile_overlap: int | None = None
    precision: Precision = "float32"
    device: str = "auto"
    mp4: Path | None = None
    """Also a video: RGB | depth of stage 2 | prediction."""


@dataclass(frozen=True)
class StereoDiffOptions:
    """The whole run. One of ``rgb``, ``recording`` and ``source`` says what is read."""

    output: Path
    """Folder of the results: ``stereo``, ``diffusion``, ``depth``, ``super``."""
    rgb: Path | None = None
    poses: Path | None = None
    pose_axes: str = "opencv"
    intrinsics: tuple[float, ...] | None = None
    depth: Path | None = None
    depth_unit: str | float | None = None
    recording: Path | None = None
    """A folder of Record3D or Stray Scanner."""
    source: str | None = None
    """A dataset by name, with ``root``, ``clip`` and ``source_opt``."""
    root: str = ""
    clip: str | None = None
    source_opt: dict[str, Any] = field(default_factory=dict)
    matcher: dict[str, Any] = field(default_factory=lambda: {"type": DEFAULT_MATCHER})
    diffusion: DiffusionOptions | None = None
    """None: no stage 2."""
    super_resolution: SuperResolutionOptions | None = None
    """None: no stage 3."""
    format: str = "png16"
    gt: Path | None = None
    """True depth at the RGB's size: errors of every stage."""
    overwrite: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot work before anything is read."""
        given = [name for name in ("rgb", "recording", "source") if getattr(self, name)]
        if len(given) != 1:
            raise ValueError(
                f"one of rgb, recording and source must say what is read; got "
                f"{' and '.join(given) or 'none'}"
            )
        belongs = {
            "rgb": ("poses", "intrinsics", "depth", "depth_unit"),
            "source": ("root", "clip", "source_opt"),
        }
        for owner, names in belongs.items():
            stray = [name for name in names if getattr(self, name) and owner not in given]
            if stray and not (given == ["recording"] and stray == ["depth_unit"]):
                raise ValueError(f"{', '.join(stray)} goes with {owner}; got {given[0]}")
        if self.source and not self.clip:
            raise ValueError("source needs clip, the name of a clip of the dataset; got none")
        self._check_places()
        if self.format not in FORMATS:
            raise ValueError(f"format must be one of {', '.join(FORMATS)}; got {self.format!r}")

    @property
    def read_from(self) -> list[Path | None]:
        """Files and folders that stage 1 reads; the network's folders are not among them."""
        root = Path(self.root) if self.root else None
        return [self.rgb, self.poses, self.depth, self.recording, root]

    def _check_places(self) -> None:
        """Refuse an output that would destroy what is read."""
        networks: list[Path | None] = []
        if self.diffusion is not None:
            networks += [self.diffusion.folder, self.diffusion.unet]
        check_output_folder(self.output, [*self.read_from, self.gt, *networks], STAGES)
        if self.super_resolution is not None and self.super_resolution.mp4 is not None:
            inputs = [*self.read_from, self.gt, self.super_resolution.weights]
            check_target(self.super_resolution.mp4, VIDEO_SUFFIXES, inputs)


def read_options(values: Mapping[str, Any]) -> StereoDiffOptions:
    """Options from plain nested values.

    Raises:
        ValueError: an unknown, missing or impossible option; the message names it.
    """
    flat = dict(values)
    for name, kind in (
        ("diffusion", DiffusionOptions),
        ("super_resolution", SuperResolutionOptions),
    ):
        if flat.get(name) is not None:
            flat[name] = _fill(kind, flat[name], f"{name}: ")
    for name in ("matcher", "source_opt"):
        if not isinstance(flat.get(name, {}), Mapping):
            raise ValueError(f"{name} must be names and values; got {flat[name]!r}")
    if "matcher" in flat:
        flat["matcher"] = {"type": DEFAULT_MATCHER, **flat["matcher"]}
    if flat.get("intrinsics") is not None:
        flat["intrinsics"] = _numbers(flat["intrinsics"], "intrinsics")
    return _fill(StereoDiffOptions, flat, "")


def merge(values: Mapping[str, Any], settings: Iterable[str]) -> dict[str, Any]:
    """Options with some set again, such as ``matcher.planes=32``.

    Values are Python literals where they can be (``32``, ``(-4, 4)``, ``True``), else text.

    Raises:
        ValueError: not of the form ``name=value``, or a name within something that has none.
    """
    merged = _copy(values)
    for setting in settings:
        path, equals, text = setting.partition("=")
        *groups, last = path.split(".")
        if not (equals and path and last):
            raise ValueError(f"--set takes name=value, such as matcher.planes=32; got {setting!r}")
        group = merged
        for name in groups:
            group = group.setdefault(name, {})
            if not isinstance(group, dict):
                raise ValueError(f"--set {setting}: {name} has no options of its own")
        group[last] = _literal(text)
    return merged


def _fill(kind: type[T], values: object, where: str) -> T:
    if not isinstance(values, Mapping):
        raise ValueError(f"{where}expected names and values; got {values!r}")
    known = [item.name for item in fields(kind)]  # type: ignore[arg-type]
    unknown = sorted(map(str, set(values) - set(known)))
    if unknown:
        raise ValueError(f"{where}the options are {', '.join(known)}; got {', '.join(unknown)}")
    arguments = {
        name: Path(value) if name in PATHS and isinstance(value, str) else value
        for name, value in values.items()
    }
    missing = [
        item.name
        for item in fields(kind)  # type: ignore[arg-type]
        if item.default is MISSING and item.default_factory is MISSING
        and item.name not in arguments
    ]  # fmt: skip
    if missing:
        raise InputError(f"{where}{', '.join(missing)} must be given")
    hints = get_type_hints(kind)
    for name, value in arguments.items():
        if not _fits(value, hints[name]):
            raise InputError(f"{where}{name} must be {_words(hints[name])}; got {value!r}")
    return kind(**arguments)


def _numbers(values: object, what: str) -> tuple[float, ...]:
    if not isinstance(values, list | tuple):
        raise InputError(f"{what} must be a list of numbers; got {values!r}")
    return tuple(check_number(value, what) for value in values)


def _fits(value: object, hint: Any) -> bool:  # noqa: ANN401  an annotation
    """Tell whether a value is of an annotated type; a whole number is a number, too."""
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    plain = {get_origin(kind) or kind for kind in kinds}
    if isinstance(value, bool):
        return bool in plain
    if isinstance(value, float):
        return float in plain and math.isfinite(value)
    return type(value) in plain or (isinstance(value, int) and float in plain) or (
        isinstance(value, Path) and Path in plain
    )  # fmt: skip


def _words(hint: Any) -> str:  # noqa: ANN401  an annotation
    """Return the name of an annotated type."""
    if get_origin(hint) is Literal:
        return f"one of {', '.join(get_args(hint))}"
    return getattr(hint, "__name__", None) or str(hint).replace("pathlib.", "")


def _copy(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _copy(value) if isinstance(value, Mapping) else value
        for name, value in values.items()
    }


def _literal(text: str) -> Any:  # noqa: ANN401  whatever was written
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text
