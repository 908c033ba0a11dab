"""Counts of an LMDB's content: its manifest and its ``meta_info.txt``."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stdnet_arch.data.database.lmdb_job import LmdbPlan
from stdnet_arch.data.database.lmdb_manifest import StoredClip, frame_key, meta_line
from stdnet_arch.data.database.lmdb_store import Environment
from stdnet_arch.utils.whole_file import whole_file


def summarize(
    plan: LmdbPlan, left_out: Mapping[str, str], environment: Environment, meta_info: Path
) -> dict[str, Any]:
    """Count what is stored, and list it in ``meta_info.txt``.

    It holds no time and no trace of interruptions: the same job gives the same manifest.

    Args:
        plan: the job.
        left_out: clips that are not stored, and why.
        environment: the LMDB.
        meta_info: the file to write.

    Returns:
        The manifest:

        * ``format``, ``format_version``, ``software``, ``source``, ``options``, ``checksum``;
        * ``split``: the list, the clips ``asked`` for, the ``clips`` stored with ``size`` and
          ``checksum``;
        * ``left_out``, ``counts`` (clips, frames, values, bytes);
        * ``bytes`` and ``max_error`` by kind of value (metres for depth, steps of 8 bits for RGB);
        * ``made_by``: the rules of LR depth, or ``files``.
    """
    from stdnet_arch import __version__

    total = _Total()
    clips = [one for one in plan.clips if one.clip not in left_out]
    with (
        environment.begin() as transaction,
        whole_file(meta_info) as part,
        part.open("w", encoding="utf-8") as lines,
    ):
        listed = [_summarize_clip(one, transaction, lines, total) for one in clips]
    described = plan.describe()
    counts = {"clips": len(clips), "frames": total.frames, "values": total.values}
    return {
        **described,
        "software": f"stdnet_arch {__version__}",
        "split": {**described["split"], "clips": listed},
        "left_out": dict(left_out),
        "counts": {**counts, "bytes": sum(total.bytes.values())},
        "bytes": dict(total.bytes),
        "max_error": total.max_error,
        "made_by": {name: sorted(rules) for name, rules in total.made_by.items()},
        "checksum": hashlib.blake2b(
            "".join(one["checksum"] for one in listed).encode(), digest_size=16
        ).hexdigest(),
    }


def describe_manifest(manifest: Mapping[str, Any]) -> str:
    """A manifest in a few lines: counts, sizes, errors, what was left out."""
    counts, error = manifest["counts"], manifest["max_error"]
    sizes = ", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in manifest["bytes"].items())
    options = manifest["options"]
    lines = [
        f"{counts['clips']} clips, {counts['frames']} frames, {counts['bytes'] / 1e6:.1f} MB:"
        f" {sizes}",
        f"depth as {options['depth_dtype']}: largest error {error.get('depth', 0):.3g} m",
    ]
    if "guide" in error:
        lines.append(f"RGB as {options['rgb']}: largest error {error['guide']} of 255")
    made_by = manifest.get("made_by", {})  # those of earlier versions do not say it
    if made_by:
        rules = (f"{name} {' and '.join(rules)}" for name, rules in sorted(made_by.items()))
        lines.append(f"LR depth by: {', '.join(rules)}")
    lines += [f"left out: {clip}: {why}" for clip, why in manifest["left_out"].items()]
    return "\n".join(lines)


class _Total:
    def __init__(self) -> None:
        self.frames = self.values = 0
        self.bytes: Counter[str] = Counter()
        self.max_error: dict[str, float] = {}
        self.made_by: dict[str, set[str]] = {}


def _summarize_clip(
    one: StoredClip,
    transaction: Any,  # noqa: ANN401  lmdb has no annotations
    lines: Any,  # noqa: ANN401
    total: _Total,
) -> dict[str, Any]:
    digest = hashlib.blake2b(digest_size=16)
    size: list[int] = []
    for i in one.frames():
        stored = transaction.get(frame_key(one.clip, i).encode())
        digest.update(stored)
        record = json.loads(stored)
        size = record["depth"]["shape"]
        total.frames += 1
        for name, about in record.items():
            lines.write(meta_line(one.clip, i, name, about))
            total.values += 1
            total.bytes[name] += about["bytes"]
            if "made" in about:
                total.made_by.setdefault(name, set()).add(about["made"])
            if "max_error" in about:
                worst = total.max_error.get(name, 0)
                total.max_error[name] = max(worst, about["max_error"])
    return {
        "clip": one.clip, "count": one.count, "spans": [list(span) for span in one.spans],
        "size": size, "checksum": digest.hexdigest(),
    }  # fmt: skip
