"""Looking at what a named part of a network computes, without touching the network."""

import difflib
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle


class FeatureTap:
    """Keeps the output of one module while ``with tap:`` is open.

    The hook is there only as long as the context is. So copies and checkpoints of the network never
    contain it, and validation is not watched.

    Args:
        net: the network.
        layer: dotted name of a module in it, as ``named_modules`` lists it.
        key: the option that says so, for error messages.

    Raises:
        ValueError: no such module; names that come near are listed.
    """

    def __init__(self, net: nn.Module, layer: str, key: str) -> None:
        """Find the module."""
        self.what = f"{key} {layer!r} of {type(net).__name__}"
        names = [name for name, _ in net.named_modules() if name]
        if layer not in names:
            near = difflib.get_close_matches(str(layer), names, n=5, cutoff=0.4) or names[:12]
            raise ValueError(
                f"{key}: {type(net).__name__} has no module {layer!r}; there are {', '.join(near)}"
                f"{', ...' if len(near) < len(names) else ''}"
            )
        self.module = net.get_submodule(layer)
        self.outputs: list[Any] = []
        self._handle: RemovableHandle | None = None

    def __enter__(self) -> "FeatureTap":
        """Start to watch."""
        self.outputs = []
        self._handle = self.module.register_forward_hook(self._keep)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop watching, whatever happened."""
        if self._handle is not None:
            self._handle.remove()

    def _keep(self, module: nn.Module, inputs: object, output: object) -> None:  # noqa: ARG002
        self.outputs.append(output)

    def clip(self, b: int, t: int) -> Tensor:
        """Take the features that were seen, as a clip; afterwards they are forgotten.

        Args:
            b: clips in the batch.
            t: frames of each.

        Returns:
            ``(b, t, c, h, w)``, from an output of that shape, from ``(b * t, c, h, w)``, or from
            ``t`` outputs ``(b, c, h, w)``, taken to come in the order of frames.

        Raises:
            ValueError: it is none of these.
        """
        seen, self.outputs = self.outputs, []
        needed = f"(b, t, c, h, w), (b * t, c, h, w) or {t} times (b, c, h, w)"
        if not seen or not all(isinstance(x, Tensor) for x in seen):
            got = sorted({type(x).__name__ for x in seen}) or "no call at all"
            raise ValueError(f"{self.what} must give maps, {needed}; got {got}: name a part of it")
        first = seen[0]
        if len(seen) == 1 and first.ndim == 5 and first.shape[:2] == (b, t):
            return first
        if len(seen) == 1 and first.ndim == 4 and len(first) == b * t:
            return first.unflatten(0, (b, t))
        frames = all(x.ndim == 4 and len(x) == b and x.shape == first.shape for x in seen)
        if len(seen) == t and frames:
            return torch.stack(seen, dim=1)
        shapes = [tuple(x.shape) for x in seen[:3]]
        raise ValueError(
            f"{self.what} must give {needed} with b = {b}, t = {t}; got {len(seen)} outputs of "
            f"{shapes}"
        )
