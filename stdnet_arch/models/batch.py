"""The batch that datasets give, and the same on the device of a network."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict, cast

import torch
from torch import Tensor
from torch.utils.data import default_collate


class Batch(TypedDict, total=False):
    """Clips of one size; depth in units of ``depth_range_m``, RGB in [0, 1]."""

    lq: Tensor
    """``(b, t, c, h, w)``."""
    guide: Tensor
    """``(b, t, 3, H, W)``, float or bytes."""
    gt: Tensor
    """``(b, t, c, H, W)``; a test may lack it."""
    valid: Tensor
    """Bool, shape of ``gt``; where it is missing, every pixel is valid."""
    depth_range_m: Tensor
    """``(b,)``; RGB has none."""
    clip: list[str]
    frame: Tensor
    """Number of the first frame, ``(b,)``."""
    flow_px: Tensor
    """``(b, t - 1, 2, H, W)``, (dx, dy) to the next frame."""
    confidence: Tensor
    """Confidence of ``lq``, bytes from 0 (low) to 2 (high), ``(b, t, 1, h, w)``; of devices that
    give it."""
    intrinsics_px: Tensor
    """``(b, 4)``: fx, fy, cx, cy."""
    pose: Tensor
    """``(b, t, 4, 4)``, camera to world [m]."""


@dataclass(frozen=True)
class DeviceBatch:
    """A batch on the device of a network."""

    lq: Tensor
    guide: Tensor | None
    gt: Tensor | None
    valid: Tensor | None
    range_m: Tensor | None
    """As ``depth_range_m``, where it came."""
    length: int
    """Frames of the result."""
    where: str
    """Clips and frames, for messages."""
    named_inputs: dict[str, Tensor] = field(default_factory=dict)
    """Tensors that a loss may ask for by name (``uses``)."""

    @classmethod
    def of(cls, data: Batch, device: torch.device, with_flow: bool = False) -> "DeviceBatch":
        """Move a batch.

        Args:
            data: a batch of a dataset.
            device: target device.
            with_flow: take ``flow_px`` along, too.
        """

        def move(x: Tensor | None) -> Tensor | None:
            return None if x is None else x.to(device, non_blocking=True)

        guide = move(data.get("guide"))
        if guide is not None and guide.dtype == torch.uint8:
            guide = guide.float() / 255
        named_inputs = {"guide": guide, "flow_px": move(data.get("flow_px")) if with_flow else None}
        return cls(
            lq=data["lq"].to(device, non_blocking=True),
            guide=guide,
            gt=move(data.get("gt")),
            valid=move(valid_of(data)) if "gt" in data else None,
            range_m=data.get("depth_range_m"),
            length=length_of(data),
            where=f"clips {list(data.get('clip', []))}, frames {data.get('frame')}",
            named_inputs={name: value for name, value in named_inputs.items() if value is not None},
        )

    def truth(self) -> tuple[Tensor, Tensor]:
        """Give ``gt`` and ``valid``.

        Raises:
            ValueError: the batch has none.
        """
        if self.gt is None or self.valid is None:
            raise ValueError(f"training needs gt; {self.where} have none")
        return self.gt, self.valid


def as_batch(item: Mapping[str, Any]) -> Batch:
    """Make a batch of one of an item; tensors are views, since a clip may be large.

    The toolbox's video datasets call a clip ``folder`` or ``key`` and do not number its frames.
    """
    if "clip" not in item:
        item = {**item, "clip": str(item.get("folder", item.get("key", "clip")))}
    made = {
        key: value.unsqueeze(0) if isinstance(value, Tensor) else default_collate([value])
        for key, value in {"frame": 0, **item}.items()
    }
    return cast(Batch, made)


def length_of(batch: Batch) -> int:
    """Count the frames of a clip: of its truth or its guide where it has one, else of ``lq``."""
    clips = (batch.get("gt"), batch.get("guide"), batch.get("lq"))
    return next(clip.shape[1] for clip in clips if clip is not None)


def range_of(batch: Batch) -> Tensor:
    """Give the divisor of depths [m], ``(b, 1, 1, 1, 1)``; 1 for RGB, which has no unit."""
    range_m = batch.get("depth_range_m")
    return torch.ones(1, 1, 1, 1, 1) if range_m is None else range_m.view(-1, 1, 1, 1, 1)


def valid_of(batch: Batch) -> Tensor:
    """Give the mask of a batch with ground truth; without one, every pixel is valid."""
    valid = batch.get("valid")
    return torch.ones_like(batch["gt"], dtype=torch.bool) if valid is None else valid
