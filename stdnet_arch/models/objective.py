"""The losses of a training run, applied so that invalid pixels never count."""

from collections.abc import Mapping
from typing import Any

import torch
from basicsr.losses import build_loss
from torch import Tensor, nn

PIXEL = "pixel_opt"
SUFFIX = "_opt"


class Objective(nn.Module):
    """All ``*_opt`` losses of a run.

    ``pixel_opt`` has the toolbox's form ``loss(pred, target, weight)``; any other has ours,
    ``loss(out, gt, valid=valid)``. A loss with a method ``set_iteration`` is told the iteration.
    What else of a batch it ``uses`` (``flow_px``, ``guide``) is given by name, where it is there.

    Args:
        losses: key under ``train:`` (such as ``pixel_opt``) to loss.

    Raises:
        ValueError: no loss at all.
    """

    def __init__(self, losses: Mapping[str, nn.Module]) -> None:
        """Keep the losses."""
        super().__init__()
        if not losses:
            raise ValueError(
                f"training needs a loss: give {PIXEL} or another *{SUFFIX} under train:"
            )
        self.losses = nn.ModuleDict(losses)

    @classmethod
    def from_options(cls, train_opt: Mapping[str, Any]) -> "Objective":
        """Build every loss of a ``train:`` section; an empty ``*_opt:`` is no loss."""
        chosen = {key: opt for key, opt in train_opt.items() if key.endswith(SUFFIX) and opt}
        return cls({key: build_loss(opt) for key, opt in chosen.items()})

    def forward(
        self,
        out: dict[str, Tensor],
        gt: Tensor,
        valid: Tensor,
        iteration: int,
        named_inputs: Mapping[str, Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """Compute every loss.

        Args:
            out: output of the network; ``pred`` is ``(b, t, 1, H, W)``.
            gt: ground truth, ``(b, t, 1, H, W)``, normalised like ``pred``.
            valid: bool, shape of ``gt``.
            iteration: number of this training step, from 1.
            named_inputs: further tensors of the batch, by name.

        Returns:
            Scalars named as the toolbox names them: ``l_pix``, ``l_difference``, ...; each 0 with
            zero gradients if nothing is valid.
        """
        empty = not bool(valid.any())
        named = {}
        for key, loss in self.losses.items():
            set_iteration = getattr(loss, "set_iteration", None)
            if callable(set_iteration):
                set_iteration(iteration)
            if empty:
                value = connected_zero(out)
            elif key == PIXEL:
                value = masked_pixel_loss(loss, out["pred"], gt, valid)
            else:
                wanted = {k: v for k, v in (named_inputs or {}).items() if k in _uses(loss)}
                value = loss(out, gt, valid=valid, **wanted)
            if value.ndim:
                raise ValueError(
                    f"{key} must give a scalar (reduction: mean or sum), got {tuple(value.shape)}"
                )
            named[loss_name(key)] = value
        return named


def _uses(loss: nn.Module) -> tuple[str, ...]:
    return getattr(loss, "uses", ())


def loss_name(key: str) -> str:
    """Name of a loss in logs: ``pixel_opt`` is ``l_pix``, ``difference_opt`` ``l_difference``."""
    return "l_pix" if key == PIXEL else f"l_{key.removesuffix(SUFFIX)}"


def masked_pixel_loss(loss: nn.Module, pred: Tensor, gt: Tensor, valid: Tensor) -> Tensor:
    """A toolbox pixel loss over the valid pixels; at least one must be valid.

    Args:
        loss: ``loss(pred, target, weight)``, such as the toolbox's L1, MSE and Charbonnier.
        pred: ``(b, t, 1, H, W)``.
        gt: shape of ``pred``; anything, even NaN, where not valid.
        valid: bool, shape of ``pred``.
    """
    # The toolbox multiplies by the weight, and NaN * 0 is NaN: what is not valid must be a number.
    return loss(pred.where(valid, 0), gt.where(valid, 0), weight=valid.to(pred.dtype))


def connected_zero(out: Mapping[str, Tensor]) -> Tensor:
    """A zero that hangs on every output, so that each parameter behind one gets a gradient of 0."""
    parts = [value.float().sum() for value in out.values() if value.requires_grad]
    return 0.0 * torch.stack(parts).sum() if parts else out["pred"].new_zeros(())
