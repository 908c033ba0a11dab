"""Video depth super-resolution as a plugin of the restoration toolbox BasicSR."""

__version__ = "0.1.0"

# isort: off
from stdnet_arch import _toolbox  # noqa: F401  must run before anything imports basicsr
from stdnet_arch import archs, data, losses, metrics, models  # noqa: F401  fills the registries
