"""Precision and layout of networks that predict: what is fast on which device."""

import logging
from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch
from torch import nn

from stdnet_arch.utils.channels_last import channels_last

LOGGER = logging.getLogger("stdnet_arch")
Precision = Literal["float32", "bf16", "fp16"]
"""Type that convolutions and matrix products multiply in; depth and planes stay in float32."""
DTYPES = {"float32": None, "bf16": torch.bfloat16, "fp16": torch.float16}
PRECISIONS: tuple[Precision, ...] = ("float32", "bf16", "fp16")
FAST_BF16 = ("amx_bf16", "avx512_bf16", "bf16", "sve_bf16")
"""Abilities of processors, as PyTorch names them, that multiply in bfloat16."""


def check_precision(precision: str, device: torch.device) -> None:
    """Refuse a precision that the device lacks; warn of one that it can only imitate.

    Raises:
        ValueError: unknown, or the device cannot do it.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be {', '.join(PRECISIONS)}; got {precision!r}")
    if precision == "bf16" and device.type == "cuda" and not _card_multiplies_in_bf16(device):
        raise ValueError(f"{device} has no bf16; precision fp16 or float32 is required")
    if precision == "fp16" and device.type == "cpu":
        raise ValueError("precision fp16 is for CUDA; on a CPU bf16 or float32 is required")
    if precision == "bf16" and device.type == "cpu" and multiplies_in_bf16() is False:
        LOGGER.warning(
            "this processor has no bf16 (AMX, AVX-512 BF16, ARM's) and imitates it: "
            "precision float32 is several times as fast"
        )


def advise_precision(device: torch.device) -> Precision | None:
    """Name the lower precision that makes a device need less memory; None: it has none."""
    if device.type == "cuda":
        return "bf16" if _card_multiplies_in_bf16(device) else "fp16"
    return "bf16" if multiplies_in_bf16() else None


def _card_multiplies_in_bf16(device: torch.device) -> bool:
    with torch.cuda.device(device):
        return torch.cuda.is_bf16_supported(including_emulation=False)


def multiplies_in_bf16() -> bool | None:
    """Tell if the processor has instructions for bfloat16; None: PyTorch does not say."""
    ask = getattr(torch.cpu, "get_capabilities", None)  # PyTorch 2.11 and later
    if ask is None:
        return None
    abilities = ask()
    return any(bool(abilities.get(name)) for name in FAST_BF16)


def in_precision(precision: Precision, device: torch.device) -> AbstractContextManager[None]:
    """Make the context in which to run a network."""
    dtype = DTYPES[precision]
    return nullcontext() if dtype is None else torch.autocast(device.type, dtype)


def lay_out(net: nn.Module, device: torch.device, precision: Precision) -> nn.Module:
    """Lay out weights as the device reads them fastest; same results up to rounding.

    With channels side by side a CPU needs a third less time for many networks. A card in half
    precision can use its tensor cores (docs/performance.md).
    """
    return channels_last(net) if device.type == "cpu" or precision != "float32" else net
