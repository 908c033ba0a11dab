"""A network's steps in OpenVINO: what PyTorch gives, on a CPU, in less time."""

import functools
import importlib
import logging
import sys
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from stdnet_arch.archs.streaming.step import StreamStep, open_step
from stdnet_arch.inference.streams.push_stream import NetworkFrame, Outputs, PushStream
from stdnet_arch.utils.depth_step import takes_step
from stdnet_arch.utils.input_errors import InputError

LOGGER = logging.getLogger("stdnet_arch")
Runtime = Literal["pytorch", "openvino"]
"""Library that runs a network."""
RUNTIMES: tuple[Runtime, ...] = ("pytorch", "openvino")
Array = NDArray[np.float32]
Compiled = Callable[[list[Array]], list[Array]]
"""Inputs of a step to its outputs, in the order of :class:`StreamStep`."""
OPTIONS = {"INFERENCE_PRECISION_HINT": "f32"}
"""In bfloat16 its planes are too coarse: RMSE changes by -1 to +2.5 %."""
KEPT = 4
"""Compiled programs that are kept."""


def open_runtime(net: nn.Module, runtime: str, plain: bool) -> "OpenVinoRuntime | None":
    """Get ready what runs a network in place of PyTorch, if that is asked for.

    Args:
        net: see :class:`OpenVinoRuntime`.
        runtime: one of :data:`RUNTIMES`.
        plain: whole frames, one by one, on a CPU in float32.

    Raises:
        ValueError: another name, or not plain; see also :class:`OpenVinoRuntime`.
    """
    if runtime not in RUNTIMES:
        raise ValueError(f"runtime must be {' or '.join(RUNTIMES)}; got {runtime!r}")
    if runtime == "pytorch":
        return None
    if not plain:
        raise ValueError(
            "runtime openvino runs whole frames, one by one, on a CPU in float32: leave chunk, "
            "overlap, tile, report_difference, self_ensemble and precision out, and take device cpu"
        )
    return OpenVinoRuntime(net)


class OpenVinoRuntime:
    """Compiles the step of a network once for each size of frames and quantisation step.

    That takes some seconds; the last :data:`KEPT` programs are kept.

    Args:
        net: a network with steps, in evaluation mode, on the CPU.

    Raises:
        InputError: OpenVINO is not installed, or the network has no steps.
    """

    def __init__(self, net: nn.Module) -> None:
        self.net, self._library, self._core = net, _import_library(), _core()
        try:
            self.step: StreamStep = open_step(net)
        except ValueError as error:
            raise InputError(
                f"runtime openvino cannot run {type(net).__name__}, which has no steps of a "
                "stream; leave it out"
            ) from error
        self._compiled: dict[tuple[Any, ...], Compiled] = {}

    def open(self) -> "OpenVinoStream":
        """Begin a clip."""
        return OpenVinoStream(self)

    def compiled(self, inputs: Sequence[Array]) -> Compiled:
        """Compile the step for inputs of these shapes, or take it from before.

        Raises:
            InputError: OpenVINO cannot run the network.
        """
        # A step is found anew in each clip, and of one sensor differs in its last digits.
        step: Any = self.net.step if takes_step(self.net) else None
        told = None if step is None else float(np.float32(step))
        key = (told, *(x.shape for x in inputs))
        if key not in self._compiled:
            while len(self._compiled) >= KEPT:
                del self._compiled[next(iter(self._compiled))]
            self._compiled[key] = self._compile(inputs)
        return self._compiled[key]

    @torch.no_grad()
    def _compile(self, inputs: Sequence[Array]) -> Compiled:
        height, width = inputs[1].shape[-2:]
        LOGGER.info(
            "OpenVINO compiles the network for frames of %dx%d, some seconds", width, height
        )
        try:
            program = torch.export.export(self.step, tuple(torch.from_numpy(x) for x in inputs))
            model = self._library.convert_model(program)
            threads = {"INFERENCE_NUM_THREADS": torch.get_num_threads()}
            ready = self._core.compile_model(model, "CPU", {**OPTIONS, **threads})
        except Exception as error:  # OpenVINO's own errors have no other base
            first = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise InputError(
                f"runtime openvino cannot run {type(self.net).__name__}; leave it out ({first})"
            ) from error
        # Results lie in memory of the request, which the next call overwrites.
        return lambda given: [np.array(x) for x in ready(given).values()]


def _import_library() -> Any:  # noqa: ANN401  an optional library
    """Import OpenVINO without the package by which it reports its use to a server.

    A program that has imported that package before keeps it.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        return importlib.import_module("openvino")
    except ModuleNotFoundError as error:
        raise InputError(
            "runtime openvino needs the package openvino: pip install -e '.[openvino]'"
        ) from error


@functools.cache
def _core() -> Any:  # noqa: ANN401  an optional library
    """Give the one core of this process, which lives as long.

    Each sets a stack for signals. Of two that end in the order of their making, the second sets
    the first's again, which is gone: the next signal, of a child that ends, kills the process.
    """
    return _import_library().Core()


class OpenVinoStream(PushStream):
    """A network frame by frame in OpenVINO; made by :meth:`OpenVinoRuntime.open`.

    Args:
        runtime: the network and what is compiled of it.
    """

    def __init__(self, runtime: OpenVinoRuntime) -> None:
        super().__init__(runtime.net)
        self.runtime = runtime
        self.state: list[Array] = []
        self.steps = 0
        self.last: tuple[Array, Array] | None = None

    def push_outputs(self, frames: Sequence[NetworkFrame]) -> list[Outputs]:
        """See :class:`PushStream`."""
        self._check(frames)
        given: list[Outputs] = []
        for lq, guide in frames:
            if self.last is None:
                start = self.runtime.step.start(*lq.shape[-2:])
                self.state = [value.numpy() for value in start.values()]
            self.last = lq[None].contiguous().numpy(), guide[None].contiguous().numpy()
            given += self._advance(*self.last, here=True)
        return given

    def flush_outputs(self) -> list[Outputs]:
        """See :class:`PushStream`."""
        if self.last is None:
            return []
        given: list[Outputs] = []
        for _ in range(self.runtime.step.delay):
            given += self._advance(*self.last, here=False)
        return given

    def move(self, device: torch.device | str) -> None:
        """See :class:`PushStream`; what is kept is on the CPU."""

    def _advance(self, lq: Array, guide: Array, here: bool) -> list[Outputs]:
        """Make a step; give the frame that came ``delay`` steps before, if there was one."""
        step = self.runtime.step
        flag = [np.full(1, here, np.float32)] if step.delay else []
        inputs = [lq, guide, *flag, *self.state]
        outputs = self.runtime.compiled(inputs)(inputs)
        maps, self.state = outputs[: len(step.gives)], outputs[len(step.gives) :]
        self.steps += 1
        if self.steps <= step.delay:
            return []
        return [{name: _map(x) for name, x in zip(step.gives, maps, strict=True)}]


def _map(x: Array) -> Tensor:
    return torch.from_numpy(x)[0]
