"""Running a network of this plugin or of the toolbox by one call."""

from typing import cast

from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from stdnet_arch.archs.contract import is_plain


def call_network(net: nn.Module, lq: Tensor, guide: Tensor | None) -> dict[str, Tensor]:
    """Run a network once.

    Args:
        net: network of this plugin, ``net(lq, guide) -> dict``; or a video network of the
            toolbox, which takes only RGB clips and gives a tensor. It may be wrapped
            for several processes.
        lq: ``(b, t, c, h, w)``.
        guide: ``(b, t, 3, H, W)`` or None.

    Returns:
        The outputs by name; ``pred``, ``(b, t, c, H, W)``, is always there.

    Raises:
        TypeError: a guide came for a network that takes none.
    """
    bare = net.module if isinstance(net, DistributedDataParallel) else net
    if not is_plain(bare):
        return cast(dict[str, Tensor], net(lq, guide))
    if guide is not None:
        raise TypeError(f"{type(bare).__name__} takes only RGB clips, got a guide; leave it out")
    return {"pred": net(lq)}
