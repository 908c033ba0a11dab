"""Profile of a network: processor time by part and by operator."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from stdnet_arch.utils.tables import Table

KINDS = {
    "convolutions": ("convolution", "mkldnn"),
    "matrix products": ("mm", "addmm", "bmm", "baddbmm"),
    "resizing": ("upsample", "pixel_", "repeat_interleave", "avg_pool", "grid_sampler"),
    "unfold": ("im2col", "unfold"),
    "copies, joins": ("copy", "clone", "cat", "stack", "index", "pad", "contiguous", "gather"),
    "softmax, exp": ("softmax", "exp", "sigmoid", "tanh", "log"),
}
"""Kinds of operators by what their names hold; all others are arithmetic by element."""
REST = "other arithmetic"


class OperatorTimes(TorchDispatchMode):
    """Add up the processor time of every operator inside, in :attr:`seconds`.

    Time of this thread's processor, which says the same on a busy machine as on a quiet one. So
    operators must run on one thread (``torch.set_num_threads(1)``), on a CPU.

    Args:
        net: network whose parts are told apart.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.seconds: dict[tuple[str, str], float] = defaultdict(float)
        """By part and operator."""
        self._inside: list[str] = []

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401  as PyTorch calls it
        types: Any,  # noqa: ANN401, ARG002
        args: Any = (),  # noqa: ANN401
        kwargs: Any = None,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Run an operator and look at the clock."""
        began = time.thread_time()
        made = func(*args, **(kwargs or {}))
        part = self._inside[-1] if self._inside else "itself"
        self.seconds[part, func.overloadpacket.__name__] += time.thread_time() - began
        return made

    @contextmanager
    def parts(self, depth: int = 1) -> Iterator[None]:
        """Tell modules apart, so many names deep."""
        hooks = []
        for name, module in self.net.named_modules():
            if name and name.count(".") < depth:
                hooks.append(module.register_forward_pre_hook(self._entering(name)))
                hooks.append(module.register_forward_hook(self._leaving))
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _entering(self, name: str) -> Callable[..., None]:
        return lambda *_: self._inside.append(name)

    def _leaving(self, *_: object) -> None:
        self._inside.pop()


def profile_operators(
    net: nn.Module, run: Callable[[], object], repeats: int = 3, depth: int = 1
) -> dict[tuple[str, str], float]:
    """Time a run's operators by part and operator [s], the mean of ``repeats`` after a first one.

    Args:
        net: the network that ``run`` runs, on the CPU.
        run: one frame, say.
        repeats: number of timings.
        depth: number of names of modules by which its parts are told apart.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    times = OperatorTimes(net)
    try:
        with torch.no_grad(), times.parts(depth):
            run()
            with times:
                _ = [run() for _ in range(repeats)]
    finally:
        torch.set_num_threads(threads)
    return {key: seconds / repeats for key, seconds in times.seconds.items()}


def kind_of(operator: str) -> str:
    """Find the row of :data:`KINDS` that an operator belongs to.

    Example:
        >>> kind_of("convolution"), kind_of("add_")
        ('convolutions', 'other arithmetic')
    """
    for kind, words in KINDS.items():
        exact = kind == "matrix products"
        if operator in words if exact else any(word in operator for word in words):
            return kind
    return REST


def profile_table(seconds: Mapping[tuple[str, str], float], frames: int = 1) -> Table:
    """Milliseconds a frame by part (rows) and kind of operator (columns), longest first."""
    total: dict[str, float] = defaultdict(float)
    cells: dict[tuple[str, str], float] = defaultdict(float)
    for (part, operator), value in seconds.items():
        total[part] += 1e3 * value / frames
        cells[part, kind_of(operator)] += 1e3 * value / frames
    kinds = [*KINDS, REST]
    rows: list[tuple[Any, ...]] = [
        (part, total[part], *(cells[part, kind] for kind in kinds))
        for part in sorted(total, key=lambda part: -total[part])
    ]
    sums = [sum(total.values()), *(sum(cells[part, kind] for part in total) for kind in kinds)]
    return Table(("part", "ms/frame", *kinds), [*rows, ("all", *sums)])
