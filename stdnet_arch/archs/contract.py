"""The one place that says what an arch may declare of itself, and what silence means.

An arch declares by attributes of its own: ``self.halo = 8``. Whoever runs networks asks here:
``contract_of(net).halo``.
"""

import inspect
from typing import NamedTuple

from stdnet_arch.utils.windows import Context


class Contract(NamedTuple):
    """Needs of a network; the defaults hold for an arch that declares nothing."""

    halo: int | None = None
    """Frames of context on each side that a frame depends on; None: the whole clip."""
    causal: bool = False
    """The network looks at no later frame."""
    multiple_of: int = 1
    """Both sides of ``lq`` must be multiples of it."""
    time_scale: int = 1
    """2: the network also makes a frame between each two."""
    lq_channels: int = 1
    """1: depth; 3: RGB without a guide, also of the toolbox; 6: both views of stereo RGB."""
    min_frames: int = 1
    """Fewest frames that the network takes at once."""
    takes_holes: bool = False
    """A 0 in ``lq`` is a hole that the network handles; else holes are filled before it."""
    any_range: bool = False
    """Depth may have any range; else depth beyond the network's range is clipped."""
    expects_error: bool = False
    """Beside ``pred`` comes ``error``, the absolute error that the network expects."""

    @property
    def finite(self) -> bool:
        """A frame depends on finitely many others, so that a clip may be cut exactly."""
        return self.halo is not None

    @property
    def context(self) -> Context | None:
        """Frames before and after that each frame depends on; None: the whole clip."""
        if self.halo is None:
            return None
        return Context(self.halo, 0 if self.causal else self.halo)


def contract_of(net: object) -> Contract:
    """Read what a network declares.

    Args:
        net: a network of this plugin, or any object with some of the attributes.

    Example:
        >>> from types import SimpleNamespace
        >>> contract_of(SimpleNamespace(halo=3, causal=True)).context
        Context(before=3, after=0)
    """
    declared = {name: getattr(net, name) for name in Contract._fields if hasattr(net, name)}
    if is_plain(net):
        declared.setdefault("lq_channels", 3)
    return Contract(**declared)


def is_plain(net: object) -> bool:
    """Tell whether a network takes only RGB clips and gives a tensor, as the toolbox's do."""
    forward = getattr(type(net), "forward", None)
    if not inspect.isfunction(forward):
        return False
    _, *inputs = inspect.signature(forward).parameters.values()
    return len(inputs) == 1 and inputs[0].kind is not inputs[0].VAR_POSITIONAL
