"""Video depth super-resolution as a plugin of the restoration toolbox BasicSR."""

__version__ = "0.1.0"

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stdnet_arch.inference.predictor import DepthSRPredictor
    from stdnet_arch.weights import load

__all__ = ["DepthSRPredictor", "load"]

# isort: off
from stdnet_arch import _loading  # noqa: F401  the rest takes seconds
from stdnet_arch import _toolbox  # noqa: F401  must run before anything imports basicsr
from stdnet_arch import _toolbox_files  # noqa: F401
from stdnet_arch import archs, data, losses, metrics, models  # noqa: F401  fills the registries
# isort: on


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """Import ``stdnet_arch.DepthSRPredictor`` and ``stdnet_arch.load`` when they are first used."""
    if name == "DepthSRPredictor":
        from stdnet_arch.inference.predictor import DepthSRPredictor

        return DepthSRPredictor
    if name == "load":
        from stdnet_arch.weights import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
