"""A network on windows of a fixed size, for programs without this package: ONNX, torch.export."""

import importlib
import statistics
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from stdnet_arch.archs.checkpoints.loading import LoadedNetwork
from stdnet_arch.archs.contract import contract_of
from stdnet_arch.utils.limits import check_declared
from stdnet_arch.utils.whole_file import whole_file

OPSET = 20
"""Operator set of ONNX: the first one whose ``GridSample`` is spelled as PyTorch's."""
SUFFIXES = (".onnx", ".pt2")


class WindowFunction(nn.Module):
    """A network as a function of two tensors that gives one."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, lq: Tensor, guide: Tensor) -> Tensor:
        """``lq (1, t, 1, h, w)``, ``guide (1, t, 3, H, W)`` -> ``pred (1, t, 1, H, W)``."""
        return self.net(lq, guide)["pred"]


@dataclass(frozen=True)
class Agreement:
    """An ONNX file beside PyTorch, on the same frames and threads."""

    largest_difference: float
    """Largest difference of predictions, in units of the depth range."""
    torch_ms: float
    onnx_ms: float
    """Processor time of a frame [ms], of all threads together; medians."""

    def in_words(self) -> str:
        """A sentence for the user."""
        return (
            f"largest difference from PyTorch {self.largest_difference:.1e} of the depth range; "
            f"processor time {self.onnx_ms:.1f} ms/frame, PyTorch {self.torch_ms:.1f} ms/frame"
        )


def export_window(
    loaded: LoadedNetwork, path: str | Path, frames: int, size: tuple[int, int]
) -> None:
    """Write a network for windows of one size; the file is there whole or not at all.

    Deformable sampling becomes ``grid_sample``; the batch is one clip. Depth goes in and comes out
    divided by ``depth_range_m``, which stands in the file beside ``scale`` and ``frames``. So do
    ``frames_before`` and ``frames_after``, the context after which predictions are those of the
    whole clip.

    Args:
        loaded: see :func:`stdnet_arch.archs.checkpoints.loading.load_network`; it is put on the
            CPU.
        path: ``.onnx``, or ``.pt2`` for ``torch.export.load``.
        frames: frames of a window.
        size: H and W of the result, multiples of the scale (and of what the network takes).

    Raises:
        ImportError: ONNX is not installed.
        ValueError: another suffix, or a window that the network cannot take.
    """
    path = check_export(path)
    inputs = example(loaded, frames, size)
    names = (["lq", "guide"], ["pred"])
    write_export(
        WindowFunction(loaded.net.cpu().eval()), inputs, path, names, _about(loaded, frames)
    )


def check_export(path: str | Path) -> Path:
    """Refuse a file that cannot be written here.

    Raises:
        ImportError: ONNX is not installed.
        ValueError: the suffix is not one of :data:`SUFFIXES`.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise ValueError(f"an export must be named {' or '.join(SUFFIXES)}, got {path.name!r}")
    if path.suffix == ".onnx":
        optional("onnx")
        optional("onnxscript")  # torch.onnx asks for it late, in words of its own
    return path


def write_export(
    module: nn.Module,
    inputs: tuple[Tensor, ...],
    path: Path,
    names: tuple[Sequence[str], Sequence[str]],
    about: Mapping[str, object],
) -> None:
    """Trace a function of tensors and write it; the file is there whole or not at all.

    Args:
        module: module to trace, on the CPU.
        inputs: an example.
        path: path of :func:`check_export`.
        names: names of inputs and of outputs.
        about: text in the file for its users.
    """
    words = {name: str(value) for name, value in about.items()}
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter's own code
        program = torch.export.export(module, inputs)
    with whole_file(path) as part:
        if path.suffix == ".onnx":
            model = _to_onnx(program, *names)
            optional("onnx").helper.set_model_props(model, words)
            part.write_bytes(model.SerializeToString())
        else:
            with part.open("wb") as file:
                torch.export.save(program, file, extra_files=words)


def example(
    loaded: LoadedNetwork, frames: int, size: tuple[int, int], seed: int = 0
) -> tuple[Tensor, Tensor]:
    """A random window, ``lq (1, t, 1, h, w)`` and ``guide (1, t, 3, H, W)`` in [0, 1].

    Raises:
        ValueError: the network cannot take such windows, or the memory cannot hold them.
    """
    net, (H, W) = loaded.net, size
    contract = contract_of(net)
    multiple, fewest = loaded.scale * contract.multiple_of, contract.min_frames
    if H % multiple or W % multiple or min(H, W) < 1 or frames < fewest:
        raise ValueError(
            f"{type(net).__name__} takes windows of at least {fewest} frames whose sides are "
            f"multiples of {multiple}; got {frames} frames of {H}x{W}"
        )
    if contract.lq_channels != 1 or contract.time_scale != 1:
        raise ValueError(f"{type(net).__name__} does not make a frame of depth for each of depth")
    wanted = 4 * frames * 4 * H * W  # bytes of float32: RGB, and depth that is smaller
    check_declared(wanted, wanted, f"a window of {frames} frames of {H}x{W}")
    random = torch.Generator().manual_seed(seed)
    lq = torch.rand(1, frames, 1, H // loaded.scale, W // loaded.scale, generator=random)
    return lq, torch.rand(1, frames, 3, H, W, generator=random)


def _about(loaded: LoadedNetwork, frames: int) -> dict[str, Any]:
    """Describe the file for its users."""
    context = contract_of(loaded.net).context or ("all", "all")
    return {
        "arch": type(loaded.net).__name__,
        "scale": loaded.scale,
        "depth_range_m": loaded.depth_range_m,
        "frames": frames,
        "frames_before": context[0],
        "frames_after": context[1],
    }


def _to_onnx(
    program: torch.export.ExportedProgram, inputs: Sequence[str], outputs: Sequence[str]
) -> Any:  # noqa: ANN401  an optional library's
    """The program as ONNX's ModelProto, weights inside."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = torch.onnx.export(
            program,
            input_names=list(inputs),
            output_names=list(outputs),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    if made is None:
        raise RuntimeError("torch.onnx.export gave nothing; ONNX needs PyTorch's dynamo exporter")
    model = made.model_proto  # made anew by each call
    _bound_by_two(model.graph)
    return model


def _bound_by_two(graph: Any) -> None:  # noqa: ANN401  an optional library's
    """Turn each ``Clip`` with one bound into ``Max`` or ``Min``: OpenVINO crashes on such a one."""
    for node in graph.node:
        if node.op_type != "Clip":
            continue
        value, low, high = (*node.input, "", "")[:3]
        if bool(low) != bool(high):
            node.op_type = "Max" if low else "Min"
            del node.input[:]
            node.input.extend((value, low or high))


def run_onnx(path: str | Path, threads: int = 1) -> Callable[[Tensor, Tensor], NDArray[np.float32]]:
    """A function that runs a file of :func:`export_window` on the CPU with onnxruntime.

    Raises:
        ImportError: onnxruntime is not installed.
    """
    session = open_session(path, threads)
    return lambda lq, guide: session.run(None, {"lq": lq.numpy(), "guide": guide.numpy()})[0]


def open_session(path: str | Path, threads: int = 1) -> Any:  # noqa: ANN401  onnxruntime's
    """A file of ONNX in onnxruntime, on the CPU.

    Raises:
        ImportError: onnxruntime is not installed.
    """
    runtime = optional("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def compare_onnx(
    loaded: LoadedNetwork, path: str | Path, frames: int, size: tuple[int, int], repeats: int = 3
) -> Agreement:
    """Run a file of :func:`export_window` and its network on the same random window.

    Args:
        loaded: the exported network, on the CPU.
        path: the ``.onnx``.
        frames: frames of its window.
        size: H and W of it.
        repeats: runs of each that are timed, in turn, after a first one.

    Raises:
        ImportError: onnxruntime is not installed.
    """
    inputs = example(loaded, frames, size, seed=1)
    run, window = run_onnx(path, torch.get_num_threads()), WindowFunction(loaded.net.eval())
    seconds: dict[str, list[float]] = {"torch": [], "onnx": []}
    with torch.no_grad():
        for _ in range(repeats + 1):
            began = time.process_time()
            expected = window(*inputs)
            between = time.process_time()
            got = run(*inputs)
            seconds["torch"].append(between - began)
            seconds["onnx"].append(time.process_time() - between)
    ms = {name: 1e3 * statistics.median(times[1:]) / frames for name, times in seconds.items()}
    difference = float(np.abs(got - expected.numpy()).max())
    return Agreement(difference, ms["torch"], ms["onnx"])


def optional(name: str) -> Any:  # noqa: ANN401  an optional library
    """Import a library of the extra ``onnx``, or say how to install it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"ONNX files need: pip install 'stdnet_arch[onnx]'; got no module {name}"
        ) from error
