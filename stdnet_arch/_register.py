"""The one scan loop: imports every module whose name ends in a suffix."""

import importlib
import pkgutil
from types import ModuleType


def import_modules(package: ModuleType, suffix: str) -> None:
    """Import all modules in ``package`` and its folders whose name ends in ``suffix``.

    Importing runs the ``@..._REGISTRY.register()`` decorators: a new file is found by existing.

    Args:
        package: an imported package.
        suffix: end of the module names to import, such as ``_arch``; without its first ``_`` it is
            a name of its own (``synthetic/source.py``).
    """
    for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if f"_{info.name.rpartition('.')[2]}".endswith(suffix):
            importlib.import_module(info.name)
