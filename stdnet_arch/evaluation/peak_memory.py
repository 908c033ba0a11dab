"""Peak memory of a competitor in a process of its own, so that nothing else counts.

``python -m stdnet_arch.evaluation.peak_memory`` reads a request as JSON and answers in megabytes.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import torch

from stdnet_arch.evaluation.benchmark.competitor import build_competitor
from stdnet_arch.evaluation.measuring import resident_mb
from stdnet_arch.evaluation.random_clips import make_clip


def peak_rss_mb(competitor: Mapping[str, Any], frames: int, size: tuple[int, int]) -> float:
    """Memory [MB] that loading a competitor and a clip need, beyond the imported package.

    Args:
        competitor: see :func:`~stdnet_arch.evaluation.benchmark.competitor.build_competitor`.
        frames: number of frames of the clip.
        size: H and W of the result.

    Raises:
        RuntimeError: the process failed; the message holds its last words.
    """
    threads = torch.get_num_threads()
    request = json.dumps([dict(competitor), frames, size, threads], default=str)
    command = [sys.executable, "-m", __name__]
    done = subprocess.run(command, input=request, capture_output=True, text=True, check=False)
    if done.returncode:
        words = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise RuntimeError(f"memory of {competitor.get('type')} could not be measured: {words[-1]}")
    return float(done.stdout.splitlines()[-1])


def _answer(request: str) -> str:
    options, frames, size, threads = json.loads(request)
    torch.set_num_threads(threads)
    competitor = build_competitor(options)
    before = resident_mb(peak=False)
    competitor.load()
    competitor.infer(*make_clip(frames, size, competitor.scale))
    return json.dumps(resident_mb(peak=True) - before)


if __name__ == "__main__":
    sys.stdout.write(_answer(sys.stdin.read()) + "\n")
