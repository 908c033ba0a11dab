"""Faults and attacks: mutated inputs, kills in the middle, and files of strangers, by seed.

The default suite runs a few of each kind (``test_faults.py``);
``python -m tests.faults --minutes N`` runs as many as the time allows and prints
tried / survived / lost.
"""

import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "data/recordings/bags")]  # the helpers of the other tests
sys.path.append(str(Path(__file__).parents[2] / "scripts"))
