"""Open a folder of results again: which job wrote it, as its own files say."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from stdnet_arch.data.recordings.reading import Reading
from stdnet_arch.data.recordings.stored_depth import DepthCoding
from stdnet_arch.inference.jobs.job import Job
from stdnet_arch.inference.jobs.outputs import SETTINGS, OutputFolder
from stdnet_arch.inference.jobs.settings import CHOSEN
from stdnet_arch.inference.jobs.side_outputs import ERRORS, SideOutputs
from stdnet_arch.inference.predictor import DEFAULT_SCALE
from stdnet_arch.utils.input_errors import InputError, check_number, reading
from stdnet_arch.visual.truth import SUMMARY


class Reopened(NamedTuple):
    """A folder of results, and what wrote it."""

    job: Job
    scale: int
    """The network's."""
    names: list[str] | None
    """Frames that the run writes; None: the folder is of an older version."""


def is_result(folder: Path) -> bool:
    """Tell whether a folder holds results of a job."""
    return (folder / SETTINGS).is_file()


def reopen(folder: Path) -> Reopened:
    """Return the job that wrote a folder; its inputs need not be there any more.

    Args:
        folder: holds ``infer.json``.

    Raises:
        FileNotFoundError: the folder holds no results.
        InputError: ``infer.json`` is damaged.
    """
    if not is_result(folder):
        raise FileNotFoundError(
            f"expected a folder that stdnet_arch.infer wrote; {folder} holds no {SETTINGS}"
        )
    with reading(folder / SETTINGS, "the settings of a run"):
        said = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
        kind, scale = said["format"], int(said.get("scale", DEFAULT_SCALE))
        job = Job(
            depth=Path(said["depth"]),
            rgb=None if said["rgb"] is None else Path(said["rgb"]),
            output=folder,
            reading=_reading(said),
            max_depth_m=said.get("max_depth_m"),
            refine=said.get("refine"),
            depth_format=kind,
            holes=said.get("holes", "fill"),
            confidence=said.get("confidence") is True,
            error_map=said.get("error_map") is True,
            side_outputs=_side_outputs(folder),
            depth_fingerprint=str(said.get("made_of", "")),
        )
    if not 1 < scale <= 64:
        raise InputError(f"{folder / SETTINGS}: expected a scale from 2 to 64; got {scale}")
    return Reopened(job, scale, OutputFolder(folder, kind).names())


def _reading(said: Mapping[str, Any]) -> Reading:
    """Undo :func:`settings.reading_settings`."""
    disparity = said.get("disparity")
    coding = DepthCoding(
        said.get("unit"),
        said.get("invalid"),
        said.get("npz_key"),
        said.get("exr_channel"),
        None if disparity is None else (disparity[0], disparity[1]),
    )
    chosen = {name: said[name] for name in CHOSEN if name in said}
    if said.get("by_name"):
        chosen.setdefault("pair", "name")
    return Reading(coding, said.get("min_confidence", 0), **chosen)


def _side_outputs(folder: Path) -> SideOutputs:
    """Name the truth that the folder's errors belong to, if there are any."""
    summary = folder / ERRORS / SUMMARY
    if not summary.is_file():
        return SideOutputs()
    with reading(summary, "the errors of a run"):
        said = json.loads(summary.read_text(encoding="utf-8"))
        unit = said.get("unit")
        return SideOutputs(
            gt=Path(said["gt"]),
            gt_coding=DepthCoding(unit if isinstance(unit, str | None) else check_number(unit, "")),
        )


def error_limit_cm(folder: Path) -> float | None:
    """Return the error of the last colour [cm] of a folder's pictures; None: there are none."""
    summary = folder / ERRORS / SUMMARY
    if not summary.is_file():
        return None
    with reading(summary, "the errors of a run"):
        return check_number(json.loads(summary.read_text(encoding="utf-8"))["limit_cm"], "limit_cm")
