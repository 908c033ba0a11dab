"""Parts of a training step: precision, checks for NaN, optimiser, average of weights."""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn

AMP_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}
OPTIMIZERS = {"Adam": torch.optim.Adam, "AdamW": torch.optim.AdamW}


class MixedPrecision:
    """Autocast, and for fp16 the scaling of gradients.

    Args:
        kind: ``bf16``, ``fp16`` or None for float32.
        device: device of the network.
        on_cpu: also on a CPU, where it seldom pays and is therefore off.

    Raises:
        ValueError: unknown ``kind``.
    """

    def __init__(self, kind: str | None, device: torch.device, on_cpu: bool = False) -> None:
        """Decide the type, and make the scaler."""
        if kind is not None and kind not in AMP_DTYPES:
            raise ValueError(f"amp must be one of {', '.join(AMP_DTYPES)} or ~, got {kind!r}")
        self.enabled = kind is not None and (device.type != "cpu" or on_cpu)
        self.device_type = device.type
        self.dtype = AMP_DTYPES[kind] if kind is not None and self.enabled else None
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.dtype is torch.float16)

    def autocast(self) -> AbstractContextManager[None]:
        """The context in which to run the network."""
        return torch.autocast(self.device_type, dtype=self.dtype, enabled=self.enabled)


def as_float32(out: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Outputs in float32, so that losses are computed in full precision."""
    return {key: value.float() for key, value in out.items()}


def check_finite(named: Mapping[str, Tensor], iteration: int, where: str) -> None:
    """Raise if one of these scalars is not a finite number.

    Args:
        named: tensors to check, by their names for the message.
        iteration: iteration of the training.
        where: names of the clips, for the message.
    """
    values = torch.stack([value.detach().float() for value in named.values()]).tolist()
    if not torch.tensor(values).isfinite().all():
        shown = ", ".join(f"{name} {v:g}" for name, v in zip(named, values, strict=True))
        raise FloatingPointError(
            f"iteration {iteration}: expected finite numbers, got {shown} on {where}. Weights were "
            "not changed by this step. Lower optim_g.lr, set grad_clip, or switch amp off."
        )


@torch.no_grad()
def update_average(average: nn.Module, net: nn.Module, decay: float) -> None:
    """Move ``average`` towards ``net``: parameters by ``1 - decay``, buffers all the way.

    Args:
        average: the exponential moving average, changed in place.
        net: a network of the same structure.
        decay: share of ``average`` that stays; 0 copies ``net``.
    """
    for kept, new in zip(average.parameters(), net.parameters(), strict=True):
        kept.lerp_(new.to(kept.dtype), 1 - decay)
    for buffer, newest in zip(average.buffers(), net.buffers(), strict=True):
        buffer.copy_(newest)


def build_optimizer(
    kind: str, params: Iterable[nn.Parameter], options: Mapping[str, Any]
) -> torch.optim.Optimizer:
    """Adam or AdamW.

    Args:
        kind: ``Adam`` or ``AdamW``.
        params: parameters to train.
        options: keyword arguments of the optimiser.
    """
    if kind not in OPTIMIZERS:
        raise ValueError(f"optim_g.type must be one of {', '.join(OPTIMIZERS)}, got {kind!r}")
    return OPTIMIZERS[kind](params, **options)


def has_gradient(optimizer: torch.optim.Optimizer) -> bool:
    """Tell whether a step of this optimiser would change anything (fp16's scaler demands that)."""
    return any(p.grad is not None for group in optimizer.param_groups for p in group["params"])
