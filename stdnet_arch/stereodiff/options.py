"""What the command is asked for: options of a YAML file and of the command line, checked."""

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from stdnet_arch.data.codecs.depth_file import FORMATS

T = TypeVar("T")
PATHS = {"output", "rgb", "poses", "depth", "recording", "folder", "unet", "weights", "mp4", "gt"}
DEFAULT_MATCHER = "PlaneSweep"


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
    amp: bool = False
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
        if self.format not in FORMATS:
            raise ValueError(f"format must be one of {', '.join(FORMATS)}; got {self.format!r}")


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
        flat["intrinsics"] = tuple(flat["intrinsics"])
    return _fill(StereoDiffOptions, flat, "")


def merge(values: Mapping[str, Any], settings: Iterable[str]) -> dict[str, Any]:
    """Options with some set anew, such as ``matcher.planes=32``.

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
    try:
        return kind(**arguments)
    except TypeError as error:
        raise ValueError(f"{where}{error}") from error


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
