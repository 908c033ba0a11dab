"""Memory that this program has taken."""

import sys


def peak_memory_mb() -> float:
    """The most RAM that the program had so far [MB]; NaN where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)
