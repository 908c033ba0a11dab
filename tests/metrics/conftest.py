"""A clip for metrics that look at neighbours: all sizes differ, some pixels are invalid."""

import numpy as np
import pytest


@pytest.fixture
def noisy_clip():
    """Depths [m] and ``valid`` ``(3, 1, 7, 10)``, flow ``(2, 2, 7, 10)``, RGB ``(3, 3, 7, 10)``."""
    rng = np.random.default_rng(5)
    gt = rng.uniform(1, 6, (3, 1, 7, 10))
    return {
        "pred": gt + rng.normal(0, 0.2, gt.shape),
        "gt": gt,
        "valid": rng.random(gt.shape) > 0.15,
        # Eighths of a pixel: nothing lands so near to a pixel that rounding decides.
        "flow": np.round(8 * rng.normal(0, 1.5, (2, 2, 7, 10))) / 8,
        "guide": rng.random((3, 3, 7, 10)),
    }
