"""One step of a stream, its memory in the open, for programs without this package."""

import statistics
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stdnet_arch.archs.checkpoints.loading import LoadedNetwork
from stdnet_arch.archs.streaming.step import open_step
from stdnet_arch.inference.export import (
    Agreement,
    check_export,
    example,
    open_session,
    write_export,
)
from stdnet_arch.inference.streams.streaming import open_stream
from stdnet_arch.utils.depth_step import takes_step

KEPT, NEXT = "state_", "next_"
"""Start of the names of inputs and outputs that a stream keeps."""


def export_step(loaded: LoadedNetwork, path: str | Path, size: tuple[int, int]) -> None:
    """Write one step of a stream of frames of one size; the file is there whole or not at all.

    Inputs are ``lq (1, 1, h, w)``, ``guide (1, 3, H, W)``, ``here (1,)`` where the file says a
    ``delay`` (:class:`~stdnet_arch.archs.streaming.step.StreamStep`), and ``state_*``, zeros before
    the first frame. Outputs are ``pred (1, 1, H, W)``, of some networks ``error``, and ``next_*``,
    the ``state_*`` of the next frame in the same order. Depth is divided by ``depth_range_m``,
    which stands in the file beside ``scale`` and ``delay``. So does ``depth_step``, where the
    network is told one: the quantisation step of ``lq``, a constant of the file.

    Args:
        loaded: see :func:`stdnet_arch.archs.checkpoints.loading.load_network`; it is put on the
            CPU.
        path: ``.onnx``, or ``.pt2`` for ``torch.export.load``.
        size: H and W of the result, multiples of the scale (and of what the network takes).

    Raises:
        ImportError: ONNX is not installed.
        ValueError: another suffix, a network without steps, or a size that it cannot take.
    """
    path = check_export(path)
    lq, guide = example(loaded, 1, size)
    step = open_step(loaded.net.cpu().eval())
    kept = step.start(*lq.shape[-2:])
    here = {"here": torch.ones(1)} if step.delay else {}
    inputs = {"lq": lq[0], "guide": guide[0], **here}
    inputs |= {KEPT + name: value for name, value in kept.items()}
    outputs = [*step.gives, *(NEXT + name for name in kept)]
    about = {
        "arch": type(loaded.net).__name__,
        "scale": loaded.scale,
        "depth_range_m": loaded.depth_range_m,
        "delay": step.delay,
    }
    if takes_step(loaded.net):
        about["depth_step"] = loaded.net.step
    write_export(step, tuple(inputs.values()), path, (list(inputs), outputs), about)


class OnnxStream:
    """A file of :func:`export_step` in onnxruntime, frame by frame.

    Args:
        path: the ``.onnx``.
        threads: number of threads of onnxruntime.

    Raises:
        ImportError: onnxruntime is not installed.
    """

    def __init__(self, path: str | Path, threads: int = 1) -> None:
        self.session = open_session(path, threads)
        self.delay = int(self.session.get_modelmeta().custom_metadata_map["delay"])
        names = [each.name for each in self.session.get_outputs()]
        self.maps = sum(not name.startswith(NEXT) for name in names)
        self.state = {
            each.name: np.zeros(each.shape, np.float32)
            for each in self.session.get_inputs()
            if each.name.startswith(KEPT)
        }

    def push(
        self, lq: NDArray[np.float32], guide: NDArray[np.float32], here: bool = True
    ) -> list[NDArray[np.float32]]:
        """Take a frame; give the maps of the frame ``delay`` steps before.

        Args:
            lq: ``(1, 1, h, w)``.
            guide: ``(1, 3, H, W)``.
            here: False: a step after the last frame.

        Returns:
            ``(1, 1, H, W)`` each, ``pred`` first.
        """
        frame = {"lq": lq, "guide": guide}
        if self.delay:
            frame["here"] = np.full(1, here, np.float32)
        outputs = self.session.run(None, frame | self.state)
        self.state = dict(zip(self.state, outputs[self.maps :], strict=True))
        return outputs[: self.maps]


def compare_step(
    loaded: LoadedNetwork, path: str | Path, size: tuple[int, int], frames: int = 8
) -> Agreement:
    """Stream random frames through a file of :func:`export_step` and through PyTorch, in turn.

    Args:
        loaded: the exported network, on the CPU.
        path: the ``.onnx``.
        size: H and W of it.
        frames: number of frames; the first quarter is not timed.

    Raises:
        ImportError: onnxruntime is not installed.
    """
    lq, guide = (x[0] for x in example(loaded, frames, size, seed=1))
    ours, theirs = open_stream(loaded.net.eval()), OnnxStream(path, torch.get_num_threads())
    expected: list[Tensor] = []
    got: list[NDArray[np.float32]] = []
    seconds: dict[str, list[float]] = {"torch": [], "onnx": []}
    for i in range(frames + theirs.delay):
        k = min(i, frames - 1)
        frame = lq[k : k + 1].numpy(), guide[k : k + 1].numpy()
        began = time.process_time()
        expected += ours.push(lq[k], guide[k]) if i < frames else ours.flush()
        between = time.process_time()
        got.append(theirs.push(*frame, here=i < frames)[0])
        if frames // 4 <= i < frames:
            seconds["torch"].append(between - began)
            seconds["onnx"].append(time.process_time() - between)
    ms = {name: 1e3 * statistics.median(times) for name, times in seconds.items()}
    difference = np.abs(np.concatenate(got[theirs.delay :]) - torch.stack(expected).numpy()).max()
    return Agreement(float(difference), ms["torch"], ms["onnx"])
