"""A device's memory that is not enough: how it shows, and what helps."""

import torch

from stdnet_arch.inference.precision import Precision, advise_precision
from stdnet_arch.inference.streams.openvino_stream import Runtime


def is_memory_error(error: RuntimeError) -> bool:
    """Tell if an error of PyTorch means that memory is not enough."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def memory_advice(
    device: torch.device,
    size: tuple[int, int],
    chunk: int,
    tile: int | None,
    precision: Precision,
    runtime: Runtime,
) -> str:
    """Say how to need less memory.

    Args:
        device: device of the network.
        size: H and W of the frames that the network sees.
        chunk: frames that go through at once.
        tile: side of tiles in pixels of depth; None: whole frames.
        precision: type that the network multiplies in.
        runtime: library that runs it.
    """
    if runtime != "pytorch":
        return f"{device} has not enough memory; try runtime pytorch, which takes tiles"
    tips = ["a smaller chunk"] if chunk > 1 else []
    lower = advise_precision(device) if precision == "float32" else None
    tips += [f"precision {lower}"] if lower else []
    tips += [f"a tile below {tile}"] if tile else ["tiles"]
    tips += ["smaller frames"] + (["device cpu"] if device.type != "cpu" else [])
    height, width = size
    return (
        f"{device} has not enough memory for chunks of {chunk} frames of {width}x{height}; "
        f"try {', '.join(tips)}"
    )
