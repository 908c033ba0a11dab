"""Run a zero-shot benchmark; every finished row is kept, so that a stopped run continues."""

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import nn

from stdnet_arch.archs.checkpoints.loading import load_network
from stdnet_arch.data.codecs.array_file import write_arrays
from stdnet_arch.evaluation.benchmark.benchmark_plan import digest
from stdnet_arch.evaluation.benchmark.competitor import build_competitor
from stdnet_arch.evaluation.progress import follow
from stdnet_arch.evaluation.zero_shot.calibration import calibrate
from stdnet_arch.evaluation.zero_shot.plan import MethodPlan, ZeroShotPlan
from stdnet_arch.evaluation.zero_shot.scenes import SceneFrames
from stdnet_arch.evaluation.zero_shot.scoring import (
    Case,
    LqRule,
    Maps,
    Method,
    make_case,
    predict_scene,
    run_network,
)
from stdnet_arch.inference.self_ensemble import SelfEnsemble
from stdnet_arch.metrics.flicker_metric import calculate_jitter
from stdnet_arch.metrics.tepe_metric import calculate_tepe_diff
from stdnet_arch.utils.device import choose_device
from stdnet_arch.utils.input_errors import read_json
from stdnet_arch.utils.whole_file import whole_file
from stdnet_arch.weights.shipped import find, list_shipped

LOGGER = logging.getLogger("stdnet_arch")
Row = dict[str, Any]


class Ready(NamedTuple):
    """A method, ready to run."""

    run: nn.Module | Method
    depth_range_m: float
    version: str
    """Changes with its weights."""


def run_zero_shot(
    plan: ZeroShotPlan,
    scenes: Sequence[SceneFrames],
    out: Path,
    resume: bool = False,
    device: str = "auto",
) -> list[Row]:
    """Score every method on every scene, at every scale and by every rule.

    Args:
        plan: the benchmark to run.
        scenes: result of :func:`~.scenes.load_scenes`.
        out: folder of rows and samples.
        resume: take rows that are there, if they are of the same options; else they are an error.
        device: device of the networks; ``auto`` takes CUDA if there is any.

    Returns:
        One row per method, scene, scale and rule; see :func:`judge`.

    Raises:
        FileExistsError: rows are there and ``resume`` is not asked for.
    """
    if not resume and any(out.glob("rows/*.json")):
        raise FileExistsError(f"{out} holds rows; continue with --resume, or give another folder")
    ready = {scale: list(_ready_methods(plan, scale, device)) for scale in plan.scales}
    tasks = [_Task(plan, out, scene, *cell) for cell in plan.cells() for scene in scenes]
    rows = []
    for task in follow(tasks, "scene", lambda task: task.name):
        rows += [task.row(*method) for method in ready[task.scale]]
    return rows


class _Task(NamedTuple):
    """One scene at one scale by one rule."""

    plan: ZeroShotPlan
    out: Path
    scene: SceneFrames
    scale: int
    rule: LqRule

    @property
    def name(self) -> str:
        """Scale, rule and scene, as in the names of files."""
        return f"x{self.scale}_{self.rule.name}_{self.scene.name}"

    def row(self, method: MethodPlan, ready: Ready) -> Row:
        """Take the row that is there, or make it."""
        name = f"{method.slug}@{self.name}"
        path = self.out / "rows" / f"{name}.json"
        wanted = self._fingerprint(method, ready)
        found = _read_row(path)
        if found.get("fingerprint") == wanted:
            return found
        case = make_case(self.scene, self.scale, self.rule)
        case = case.registered if method.registered else case
        first = self.scale == self.plan.scales[0]
        maps = predict_scene(ready.run, self.scene, case, ready.depth_range_m)
        row = {
            "method": method.name,
            "scene": self.scene.name,
            "scale": self.scale,
            "rule": self.rule.name,
            **judge(maps, self.scene, case),
            "fingerprint": wanted,
        }
        if first and self.rule.name in self.plan.checked and isinstance(ready.run, nn.Module):
            row |= check_network(ready.run, self.scene, case, ready.depth_range_m)
        if first and self.rule.name == self.plan.pictured:
            self._keep_sample(method, maps)
        with whole_file(path) as part:
            part.write_text(json.dumps(row), encoding="utf-8")
        return row

    def _fingerprint(self, method: MethodPlan, ready: Ready) -> str:
        """Make a text that changes with whatever changes the row."""
        files = asdict(self.scene.files) | {"may_show": None}
        frames = len(self.scene.rgb)
        checks = [self.rule.name in self.plan.checked, self.rule.name == self.plan.pictured]
        rule = asdict(self.rule)
        # Rows stay valid that were made before methods had this key.
        of = {k: v for k, v in asdict(method).items() if v or k != "self_ensemble"}
        run = [of, ready.version, self.scale, rule, checks]
        return digest({"run": run, "files": files, "frames": frames})

    def _keep_sample(self, method: MethodPlan, maps: Maps) -> None:
        middle = {name: value[len(value) // 2] for name, value in maps.items()}
        path = sample_path(self.out, method.slug, self.scene.name)
        write_arrays(path, middle)


def _read_row(path: Path) -> Row:
    """Return a row that is there; empty if there is none or it was damaged, which is said."""
    if not path.is_file():
        return {}
    try:
        found = read_json(path)
    except ValueError as error:
        LOGGER.warning("a row is made again: %s", error)
        return {}
    return found if isinstance(found, dict) else {}


def sample_path(out: Path, slug: str, scene: str) -> Path:
    """Name the file of a method's middle frame of a scene."""
    return out / "samples" / f"{slug}@{scene}.npz"


def judge(maps: Maps, scene: SceneFrames, case: Case) -> Row:
    """Compute errors, flicker and calibration of a result.

    Returns:
        ``rmse_cm``, ``mae_cm``; of a video ``jitter_cm`` and ``tepe_cm``; of a method that expects
        errors ``calibration``.
    """
    rmse_cm, mae_cm = case.errors_cm(maps["depth_m"])
    row: Row = {"rmse_cm": rmse_cm, "mae_cm": mae_cm}
    if scene.files.video and len(case.rgb) > 1:
        row |= _flicker(maps["depth_m"], case)
    if "error_m" in maps:
        true_m = np.abs(maps["depth_m"] - case.depth_m)
        row["calibration"] = calibrate(maps["error_m"], true_m, case.valid).as_lists()
    return row


def check_network(net: nn.Module, scene: SceneFrames, case: Case, depth_range_m: float) -> Row:
    """Run a network with turned RGB and frame by frame.

    Returns:
        ``turned_rmse_cm`` (RGB turned by 180 degrees); of a video ``single_rmse_cm``,
        ``single_jitter_cm`` and ``single_tepe_cm`` of the network without earlier frames.
    """
    turned = Case(
        case.name, case.scale, case.step_m, case.rgb[:, ::-1, ::-1], case.lq_m, case.depth_m,
        case.valid,
    )  # fmt: skip
    depth_m = predict_scene(net, scene, turned, depth_range_m)["depth_m"]
    row: Row = {"turned_rmse_cm": case.errors_cm(depth_m)[0]}
    if scene.files.video and len(case.rgb) > 1:
        frames = [slice(i, i + 1) for i in range(len(case.rgb))]
        parts = [run_network(net, case, frame, depth_range_m)["depth_m"] for frame in frames]
        single_m = np.concatenate(parts)
        found = {"rmse_cm": case.errors_cm(single_m)[0], **_flicker(single_m, case)}
        row |= {f"single_{name}": value for name, value in found.items()}
    return row


def _flicker(depth_m: NDArray[np.float32], case: Case) -> Row:
    pred_m, gt_m, valid = (x[:, None] for x in (depth_m, case.depth_m, case.valid))
    return {
        "jitter_cm": calculate_jitter(pred_m, gt_m, valid=valid),
        "tepe_cm": calculate_tepe_diff(pred_m, gt_m, valid=valid),
    }


def _ready_methods(
    plan: ZeroShotPlan, scale: int, device: str
) -> Iterator[tuple[MethodPlan, Ready]]:
    for method in plan.methods:
        ready = make_ready(method, scale, device)
        if ready is None:
            LOGGER.warning("%s has no weights for x%d: no row", method.name, scale)
        else:
            yield method, ready


def make_ready(method: MethodPlan, scale: int, device: str = "cpu") -> Ready | None:
    """Build a filter or load a network; None: there are no such weights for the scale.

    Raises:
        FileNotFoundError: a path without ``{scale}`` that is no file.
        ValueError: the weights are damaged, or of another scale.
    """
    if method.competitor is not None:
        filtering = build_competitor({"scale": scale, **method.competitor})
        filtering.load()
        return Ready(filtering.infer, 1.0, "")
    path = _weights_path(str(method.weights), scale)
    if path is None:
        return None
    loaded = load_network(path)
    if loaded.scale != scale:
        return None
    version = hashlib.sha256(path.read_bytes()).hexdigest()
    net = loaded.net.to(choose_device(device))
    run = SelfEnsemble(net) if method.self_ensemble else net
    return Ready(run, loaded.depth_range_m, version)


def _weights_path(weights: str, scale: int) -> Path | None:
    name = weights.format(scale=scale)
    if name.endswith((".pth", ".safetensors")):
        path = Path(name)
        return path if path.is_file() or name == weights else None
    return find(name).path if name in [one.name for one in list_shipped()] else None
