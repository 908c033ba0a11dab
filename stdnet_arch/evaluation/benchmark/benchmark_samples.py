"""Pictures of a benchmark from the predictions that it kept."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.codecs.depth_codec import load_npz
from stdnet_arch.evaluation.benchmark.benchmark_report import clip_pictures
from stdnet_arch.models.validation import build_test_clips

LOGGER = logging.getLogger("stdnet_arch")
SHOWN = 6
"""Methods in a picture: the best ones by the first metric, and the first of the table."""


def sample_pictures(
    found: Mapping[str, Any],
    test: Mapping[str, Mapping[str, Any]],
    scale: int,
    out: Path,
    show_data: bool,
) -> list[str]:
    """HTML pictures of the first clip of each dataset.

    Args:
        found: the benchmark's summary.
        test: its datasets.
        scale: H / h.
        out: folder of the samples, ``samples/<method>@<dataset>.npz``.
        show_data: see :func:`~stdnet_arch.evaluation.benchmark.benchmark_report.clip_pictures`.
    """
    pictures = []
    for name, section in test.items():
        files = {
            result["method"]: out / "samples" / f"{result['slug']}@{name}.npz"
            for result in _shown(found, name)
        }
        kept = {method: _read_sample(file) for method, file in files.items() if file.is_file()}
        clips = {method: pred_m for method, pred_m in kept.items() if pred_m is not None}
        if clips:
            data = build_test_clips(name, section, scale)
            pictures += clip_pictures(data[0], clips, show_data)
    return pictures


def _read_sample(file: Path) -> NDArray[np.float32] | None:
    """Read the kept frames of a method; None, and a word, where they were damaged since."""
    try:
        return load_npz(file, "pred_m")
    except ValueError as error:
        LOGGER.warning("a picture is left out: %s", error)
        return None


def _shown(found: Mapping[str, Any], dataset: str) -> Sequence[Mapping[str, Any]]:
    metric, better = next(iter(found["metrics"].items()))
    done = [r for r in found["results"] if r["dataset"] == dataset and "error" not in r]
    judged = [r for r in done if r["means"][metric] == r["means"][metric]]  # not NaN
    ranked = sorted(judged, key=lambda r: r["means"][metric], reverse=better == "higher")
    return [*judged[:1], *(r for r in ranked if r is not judged[0])][:SHOWN] if judged else []
