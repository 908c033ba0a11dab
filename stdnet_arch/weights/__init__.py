"""Weights that come with the package: listed, chosen and loaded by name.

Every ``*.safetensors`` and ``*.pth`` file in this folder is listed with what its own metadata say;
``python -m stdnet_arch.weights`` prints the list.
"""

from stdnet_arch.weights.choice import Choice, choose
from stdnet_arch.weights.shipped import Shipped, find, list_shipped, load

__all__ = ["Choice", "Shipped", "choose", "find", "list_shipped", "load"]
