"""The backends that the tests of deformable sampling run through."""

import importlib.util
import os

import pytest

NEEDS = None
if importlib.util.find_spec("triton") is None:
    NEEDS = "needs triton"
elif not os.environ.get("TRITON_INTERPRET"):
    NEEDS = "needs TRITON_INTERPRET=1; test_deform_triton.py sets it in a process of its own"

TRITON = pytest.param("triton", marks=pytest.mark.skipif(NEEDS is not None, reason=str(NEEDS)))
ANYWHERE = ["gather", "grid_sample", "rows", TRITON]  # those that sample at any position
BACKENDS = [*ANYWHERE, "torchvision"]
