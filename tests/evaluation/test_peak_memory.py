"""Memory in a process of its own."""

import subprocess

import pytest

from stdnet_arch.evaluation.peak_memory import peak_rss_mb


def test_the_arrays_of_a_clip_are_seen():
    # Depth 1 MB, RGB 12 MB and again as float32 (50 MB), the result 17 MB.
    assert 60 < peak_rss_mb({"type": "Interpolated", "scale": 4}, 4, (1024, 1024)) < 250


def test_a_failure_is_told_with_its_last_words(monkeypatch):
    died = subprocess.CompletedProcess([], 1, "", "Traceback\nMemoryError: 9 GB\n")
    monkeypatch.setattr(subprocess, "run", lambda *given, **options: died)
    with pytest.raises(RuntimeError, match="Interpolated could not be measured: MemoryError: 9 GB"):
        peak_rss_mb({"type": "Interpolated", "scale": 4}, 1, (8, 8))
