"""One method on one scene: low-resolution depth made by a rule, results, errors."""

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from stdnet_arch.archs.contract import contract_of
from stdnet_arch.data.lq.degradation import LQ_MODES, make_lq
from stdnet_arch.data.lq.sensors import PRESETS, degrade
from stdnet_arch.data.recordings.rgb_registration import find_registration
from stdnet_arch.evaluation.benchmark.benchmark import build_competitor
from stdnet_arch.evaluation.zero_shot.scenes import SceneFrames, load_scenes
from stdnet_arch.metrics.depth_metric import calculate_mae, calculate_rmse
from stdnet_arch.models.prediction import FramePrediction
from stdnet_arch.utils.depth_maps import fill_holes
from stdnet_arch.utils.depth_step import depth_step, step_to_tell_m

LOGGER = logging.getLogger("stdnet_arch")
CHUNK_FRAMES = 4
"""Frames that go through a network at once."""
LOOKED_AT = 4
"""Frames of a scene that are looked at to move RGB onto depth, at most."""

NAMES_M = {"pred": "depth_m", "error": "error_m"}
"""Outputs of a network, and what they are called in metres."""

Maps = dict[str, NDArray[np.float32]]
"""``depth_m (t, H, W)`` and, where a network says it, ``error_m`` of the same shape."""
Method = Callable[[NDArray[np.float32], NDArray[np.uint8]], NDArray[np.float32]]
"""LR depth [m] ``(t, h, w)`` without holes and RGB ``(t, H, W, 3)`` -> depth [m] ``(t, H, W)``."""


@dataclass(frozen=True, eq=False)
class Case:
    """One clip with low-resolution depth made by one rule."""

    name: str
    scale: int
    step_m: float | None
    """Quantisation step found in the first frame [m]; 0: none; None: not to be told."""
    rgb: NDArray[np.uint8]
    """``(t, H, W, 3)``."""
    lq_m: NDArray[np.float32]
    """Low-resolution depth [m], ``(t, h, w)``, 0 in holes."""
    depth_m: NDArray[np.float32]
    """True depth [m], ``(t, H, W)``."""
    valid: NDArray[np.bool_]
    """Pixels where true depth counts, ``(t, H, W)``."""

    @cached_property
    def filled_m(self) -> NDArray[np.float32]:
        """``lq_m`` with the nearest measured depth in holes, for methods that cannot do it."""
        return np.stack([fill_holes(frame, frame > 0) for frame in self.lq_m])

    @cached_property
    def baselines(self) -> dict[str, NDArray[np.float32]]:
        """Depth [m] ``(t, H, W)`` of ``Interpolated`` (bilinear) and ``JointBilateral``."""
        made = {}
        for kind in ("Interpolated", "JointBilateral"):
            method = build_competitor({"type": kind, "scale": self.scale})
            made[kind] = method.infer(self.filled_m, self.rgb)
        return made

    @cached_property
    def registered(self) -> "Case":
        """The case with its RGB moved onto the depth, where edges say that it lies beside it."""
        every = math.ceil(len(self.rgb) / LOOKED_AT)
        found = find_registration(zip(self.lq_m[::every], self.rgb[::every], strict=True))
        if found is None:
            return self
        return replace(self, rgb=np.stack([found.apply(frame) for frame in self.rgb]))

    def errors_cm(self, depth_m: NDArray[np.float32]) -> tuple[float, float]:
        """Compute RMSE and MAE of a result over all pixels whose truth counts [cm]."""
        rmse = calculate_rmse(depth_m, self.depth_m, valid=self.valid)
        return rmse, calculate_mae(depth_m, self.depth_m, valid=self.valid)


class Scores(NamedTuple):
    """Errors on one scene [cm], of all pixels of all its frames together."""

    scene: str
    rmse_cm: float
    mae_cm: float
    bilinear_rmse_cm: float
    bilinear_mae_cm: float
    joint_rmse_cm: float
    joint_mae_cm: float

    @property
    def ratio(self) -> float:
        """RMSE over that of bilinear."""
        return self.rmse_cm / self.bilinear_rmse_cm


@dataclass(frozen=True)
class LqRule:
    """Rule that makes low-resolution depth of true depth."""

    name: str
    """Name in tables."""
    lq: str | None = None
    """``dtof_peak``, ``area`` (block means), ``nearest`` (every n-th pixel) or ``bicubic``."""
    preset: str | None = None
    """A sensor of :data:`stdnet_arch.data.lq.sensors.PRESETS`, faults included."""
    seed: int = 0
    """Seed of the sensor's faults."""

    def __post_init__(self) -> None:
        """Refuse a rule that says nothing or two things."""
        if (self.lq is None) == (self.preset is None):
            raise ValueError(f"rules.{self.name}: expected either lq or preset")
        if self.preset is not None and self.preset not in PRESETS:
            raise ValueError(
                f"rules.{self.name}: preset must be one of {', '.join(PRESETS)}; got {self.preset}"
            )

    def make(
        self, depth_m: NDArray[np.float32], rgb: NDArray[np.uint8], scale: int, video: bool
    ) -> NDArray[np.float32]:
        """Make LR depth [m] ``(t, h, w)`` of all frames; the same faults at every call."""
        if self.preset is None:
            pairs = zip(depth_m, rgb, strict=True)
            return np.stack([make_lq(str(self.lq), *pair, scale) for pair in pairs])
        depth = torch.from_numpy(np.ascontiguousarray(depth_m))[:, None]
        colours = torch.from_numpy(np.ascontiguousarray(rgb)).permute(0, 3, 1, 2).float() / 255
        generator = torch.Generator().manual_seed(self.seed)
        frames = len(depth) if video else 1
        return degrade(depth, colours, scale, self.preset, generator, frames).lq_m[:, 0].numpy()


def read_rule(name: str) -> LqRule:
    """Make the rule of a name: one without faults, or a sensor's preset.

    Raises:
        ValueError: neither.
    """
    return LqRule(name, lq=name) if name in LQ_MODES else LqRule(name, preset=name)


@lru_cache(maxsize=128)
def make_case(scene: SceneFrames, scale: int, rule: LqRule | str) -> Case:
    """Make the low-resolution depth of all frames of a scene.

    Args:
        scene: rows and columns at its bottom and right that do not fill an LR pixel are cut off.
        scale: H / h.
        rule: an :class:`LqRule`, or a name; see :func:`read_rule`.

    Raises:
        ValueError: unknown rule, or no frame with low-resolution depth.
    """
    rule = read_rule(rule) if isinstance(rule, str) else rule
    height, width = (side // scale * scale for side in scene.rgb.shape[1:3])
    rgb, depth_m = scene.rgb[:, :height, :width], scene.depth_m[:, :height, :width]
    lq_m = rule.make(depth_m, rgb, scale, scene.files.video)
    lq_m, blank = stand_in(lq_m)
    if blank.all():
        raise ValueError(f"scene {scene.name}, {rule.name}: expected depth; got none in any frame")
    if blank.any():
        text = "scene %s, %s: %d frames without any LR depth do not count"
        LOGGER.warning(text, scene.name, rule.name, blank.sum())
    step_m = step_to_tell_m(lq_m[0][lq_m[0] > 0])
    valid = scene.valid[:, :height, :width] & ~blank[:, None, None]
    return Case(scene.name, scale, step_m, rgb, lq_m, depth_m, valid)


def stand_in(
    lq_m: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Give frames without any depth the frame before, and the first ones the first with depth.

    Args:
        lq_m: depth [m], ``(t, h, w)``, 0 in holes.

    Returns:
        The frames, and which of them had none, ``(t,)``.
    """
    blank = np.array([not frame.any() for frame in lq_m])
    filled = lq_m.copy()
    with_depth = np.flatnonzero(~blank)
    for i in np.flatnonzero(blank) if len(with_depth) else ():
        before = with_depth[with_depth < i]
        filled[i] = lq_m[before[-1] if len(before) else with_depth[0]]
    return filled, blank


def run_network(net: nn.Module, case: Case, clip: slice, depth_range_m: float = 1.0) -> Maps:
    """Run a network on some consecutive frames of a case.

    Args:
        net: an arch of this package, on its device. With ``takes_holes`` it sees holes as 0; its
            attribute ``step``, if it has one, is set for the run. One that needs several frames
            sees the last one of a shorter clip repeatedly.
        case: the clip.
        clip: the frames to run on.
        depth_range_m: depth [m] that the network knows as 1.
    """
    contract = contract_of(net)
    parameter = next(net.parameters(), torch.empty(0))
    lq_m = (case.lq_m if contract.takes_holes else case.filled_m)[clip]
    lq = torch.from_numpy(lq_m / np.float32(depth_range_m)).to(parameter.device)[None, :, None]
    rgb = torch.from_numpy(np.ascontiguousarray(case.rgb[clip])).to(parameter.device)
    guide = rgb.permute(0, 3, 1, 2)[None].float() / 255
    count = lq.shape[1]
    lq, guide = (_last_repeated(x, contract.min_frames) for x in (lq, guide))
    chunk = CHUNK_FRAMES if contract.finite else None
    step = None if case.step_m is None else case.step_m / depth_range_m
    with depth_step(net, step):
        made = FramePrediction(chunk).outputs(net, lq, guide)
    scale_m = np.float32(depth_range_m)
    return {
        NAMES_M[name]: value[0, :count, 0].cpu().numpy() * scale_m for name, value in made.items()
    }


def _last_repeated(frames: torch.Tensor, least: int) -> torch.Tensor:
    """Frames ``(1, t, c, h, w)``, at least so many of them."""
    missing = least - frames.shape[1]
    return torch.cat((frames, *[frames[:, -1:]] * missing), 1) if missing > 0 else frames


def predict_scene(
    method: nn.Module | Method, scene: SceneFrames, case: Case, depth_range_m: float = 1.0
) -> Maps:
    """Run a method over a scene, clip by clip; arguments as :func:`score`."""
    parts: list[Maps] = []
    for clip in scene.clips():
        if isinstance(method, nn.Module):
            parts.append(run_network(method, case, clip, depth_range_m))
        else:
            parts.append({"depth_m": method(case.filled_m[clip], case.rgb[clip])})
    return {name: np.concatenate([maps[name] for maps in parts]) for name in parts[0]}


def score(
    method: nn.Module | Method,
    scenes: Sequence[SceneFrames],
    scale: int,
    rule: LqRule | str = "dtof_peak",
    depth_range_m: float = 1.0,
) -> list[Scores]:
    """Score a method on every scene; results of the two baselines are kept for the next call.

    Args:
        method: a network of this package, or a function of LR depth and RGB.
        scenes: result of :func:`load_scenes`.
        scale: H / h.
        rule: rule that makes low-resolution depth; see :func:`make_case`.
        depth_range_m: depth [m] that the network knows as 1.

    Raises:
        ValueError: unknown rule, or a method that returned another shape.
    """
    rows = []
    for scene in scenes:
        case = make_case(scene, scale, rule)
        depth_m = predict_scene(method, scene, case, depth_range_m)["depth_m"]
        errors = [case.errors_cm(map_m) for map_m in (depth_m, *case.baselines.values())]
        rows.append(Scores(scene.name, *(value for pair in errors for value in pair)))
    return rows


def mean_and_worst(rows: Sequence[Scores]) -> tuple[float, float]:
    """Mean and largest RMSE over that of bilinear; NaN without a scene."""
    ratios = [row.ratio for row in rows]
    return (sum(ratios) / len(ratios), max(ratios)) if ratios else (math.nan, math.nan)


def zero_shot_rows(  # noqa: PLR0913, PLR0917  what is scored, on what, and how
    method: nn.Module | Method,
    root: str | Path,
    scale: int,
    rules: Sequence[str],
    depth_range_m: float = 1.0,
    frames: int | None = None,
) -> list[dict[str, Any]]:
    """Score a method by several rules and sum each up, as the metadata of weights hold it.

    Returns:
        Of each rule ``rule``, ``ratio_mean``, ``ratio_worst`` and ``scenes``: name to RMSE and MAE
        [cm].
    """
    scenes = load_scenes(root, frames)
    rows = []
    for rule in rules:
        scores = score(method, scenes, scale, rule, depth_range_m)
        mean, worst = mean_and_worst(scores)
        by_scene = {row.scene: [round(row.rmse_cm, 3), round(row.mae_cm, 3)] for row in scores}
        rows.append({"rule": rule, "ratio_mean": mean, "ratio_worst": worst, "scenes": by_scene})
    return rows
