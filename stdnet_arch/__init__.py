"""Video depth super-resolution as a plugin of the restoration toolbox BasicSR."""

__version__ = "0.1.0"

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stdnet_arch.inference.predictor import DepthSRPredictor

__all__ = ["DepthSRPredictor"]

# isort: off
from stdnet_arch import _toolbox  # noqa: F401  must run before anything imports basicsr
from stdnet_arch import archs, data, losses, metrics, models  # noqa: F401  fills the registries
# isort: on


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """``stdnet_arch.DepthSRPredictor``, imported when it is first used."""
    if name == "DepthSRPredictor":
        from stdnet_arch.inference.predictor import DepthSRPredictor

        return DepthSRPredictor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
