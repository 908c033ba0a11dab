"""The one scan loop: imports every module whose name ends in a suffix."""

import importlib
import pkgutil
from types import ModuleType


def import_modules(package: ModuleType, suffix: str) -> None:
    """Import all direct modules of ``package`` whose name ends in ``suffix`` (such as ``_arch``).

    Importing runs the ``@..._REGISTRY.register()`` decorators: a new file is found by existing.

    Args:
        package: an imported package.
        suffix: end of the module names to import.
    """
    for info in pkgutil.iter_modules(package.__path__):
        if info.name.endswith(suffix):
            importlib.import_module(f"{package.__name__}.{info.name}")
