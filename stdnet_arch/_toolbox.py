"""Makes stock basicsr 1.4.2 import and run on a modern stack."""

import sys
import types


def _provide_functional_tensor() -> None:
    """basicsr/data/degradations.py:8 imports a module that torchvision removed in 0.17."""
    name = "torchvision.transforms.functional_tensor"
    if name not in sys.modules:
        from torchvision.transforms.functional import rgb_to_grayscale

        module = types.ModuleType(name)
        module.rgb_to_grayscale = rgb_to_grayscale  # type: ignore[attr-defined]
        sys.modules[name] = module


_provide_functional_tensor()
