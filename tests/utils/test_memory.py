"""The peak of memory is what the system counts."""

from pathlib import Path

import pytest

from stdnet_arch.utils.limits import peak_memory_mb

STATUS = Path("/proc/self/status")


@pytest.mark.skipif(not STATUS.exists(), reason="needs Linux's /proc")
def test_it_is_the_high_water_mark_of_the_kernel():
    (line,) = [line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM")]
    assert peak_memory_mb() == pytest.approx(int(line.split()[1]) / 1000, rel=0.05)
