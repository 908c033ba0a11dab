"""Parts of distillation: a frozen teacher, losses, and what they learn."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import torch
from basicsr.losses import build_loss
from torch import Tensor, nn

from stdnet_arch.archs.checkpoints.loading import load_described
from stdnet_arch.archs.contract import contract_of
from stdnet_arch.losses.distill_loss import memory_distance
from stdnet_arch.models.calling import call_network
from stdnet_arch.models.feature_tap import FeatureTap
from stdnet_arch.models.memory_distillation import (
    CollapseGuard,
    MemoryReader,
    forget_gradients,
    spread_of,
)
from stdnet_arch.models.option_checks import refuse_unknown, require
from stdnet_arch.utils.input_errors import check_positive


@dataclass(frozen=True, kw_only=True)
class DistillOptions:
    """The section ``distill:``; an ``*_opt`` that is ``~`` switches its term off."""

    teacher: str
    """Checkpoint of the teacher."""
    teacher_network: Mapping[str, Any] | None = None
    """Its ``type`` and arguments, for a checkpoint that does not say what it is."""
    teacher_layer: str
    """Module of the teacher whose output is distilled, as ``named_modules`` lists it: in the paper
    the features at full size before the last convolution."""
    student_layer: str
    """Module of the student."""
    spatial_opt: Mapping[str, Any] | None = field(
        default_factory=lambda: {"type": "SpatialAttentionDistillLoss"}
    )
    memory_opt: Mapping[str, Any] | None = field(
        default_factory=lambda: {"type": "TemporalMemoryDistillLoss"}
    )
    memory: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of :class:`MemoryReader`: ``num_feat``, ``kernel``, ``radius``, ``pool``."""
    min_spread: float = 0.1
    """See :class:`CollapseGuard`."""
    optim: Mapping[str, Any] = field(default_factory=lambda: {"type": "Adam", "lr": 1e-4})
    """Optimiser of the ConvLSTM and the adapter."""

    @classmethod
    def read(cls, section: Mapping[str, Any] | None) -> "DistillOptions":
        """Check the keys of a section of the YAML."""
        given = dict(section or {})
        required = ("teacher", "teacher_layer", "student_layer")
        missing = [key for key in required if not given.get(key)]
        if missing:
            raise ValueError(
                f"a distillation needs the section distill: with {', '.join(required)}; got no "
                f"{', '.join(missing)}"
            )
        refuse_unknown("distill", given, frozenset(f.name for f in fields(cls)))
        options = cls(**given)
        require(
            bool(options.spatial_opt or options.memory_opt),
            "distill.spatial_opt or distill.memory_opt", "a loss", None,
        )  # fmt: skip
        known = {"num_feat", "kernel", "radius", "pool"}
        refuse_unknown("distill.memory", options.memory, frozenset(known))
        return options


@dataclass(frozen=True)
class Teacher:
    """A network that is only ever run."""

    net: nn.Module
    depth_range_m: float | None
    """Divisor of its depths in training [m]; None: RGB, or its checkpoint does not say."""

    @classmethod
    def load(cls, options: DistillOptions, device: torch.device) -> "Teacher":
        """Read the checkpoint; in evaluation mode, without gradients.

        Raises:
            FileNotFoundError, ValueError: see
                :func:`stdnet_arch.archs.checkpoints.loading.load_described`.
        """
        try:
            net, about = load_described(options.teacher, options.teacher_network)
        except ValueError as error:
            raise ValueError(
                f"distill.teacher: {error}; or write distill.teacher_network: {{type: ...}}"
            ) from error
        said = about.get("depth_range_m")
        range_m = None if said is None else check_positive(said, "depth_range_m of the teacher")
        return cls(net.to(device).eval().requires_grad_(False), range_m)

    def check_range(self, range_m: Tensor | None) -> None:
        """Raise if a batch is divided by something else than the teacher's training was.

        Args:
            range_m: range of a batch, ``(b,)``, or None for RGB.
        """
        if self.depth_range_m is None or range_m is None:
            return
        if not torch.allclose(range_m.float(), torch.tensor(self.depth_range_m)):
            raise ValueError(
                f"the teacher was trained on depth divided by {self.depth_range_m:g} m; the batch "
                f"is divided by {sorted(set(range_m.tolist()))} m: set depth_range_m of the "
                "training data to the teacher's"
            )


class Distillation(nn.Module):
    """The distillation losses with what they learn: ConvLSTM, adapter, guard.

    Args:
        options: options of the run.
        student: features of the student, ``(b, t, c, h, w)``, for sizes and widths.
        teacher: features of the teacher, ``(b, t, c', h', w')``.
    """

    def __init__(self, options: DistillOptions, student: Tensor, teacher: Tensor) -> None:
        super().__init__()
        self.spatial = build_loss(options.spatial_opt) if options.spatial_opt else None
        self.temporal = build_loss(options.memory_opt) if options.memory_opt else None
        self.reader = None
        if self.temporal is not None:
            self.reader = MemoryReader(student.shape[2], teacher.shape[2], **options.memory)
        self.guard = CollapseGuard(min_spread=options.min_spread)

    def forward(
        self, student: Tensor, teacher: Tensor, valid: Tensor
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Compare the features of a batch.

        Args:
            student: ``(b, t, c, h, w)``.
            teacher: ``(b, t, c', h', w')``.
            valid: bool, ``(b, t, c, H, W)``, of the truth: a pixel of RGB counts if all its
                channels do.

        Returns:
            The losses, and for the guard distance of the memories and spread of the teacher's,
            ``(2,)``. NaN where there is no memory or nothing is valid.
        """
        student, teacher = student.float(), teacher.float()
        valid = valid.all(dim=2, keepdim=True)
        losses = {}
        watched = student.new_full((2,), torch.nan)
        if self.spatial is not None:
            losses["l_spatial"] = self.spatial(student, teacher, valid)
        if self.reader is not None and self.temporal is not None:
            mine, theirs, share = self.reader(student, teacher, valid)
            losses["l_memory"] = self.temporal(mine, theirs, share)
            if valid.any():
                distance = memory_distance(mine, theirs, share).mean()
                watched = torch.stack((distance, spread_of(theirs, share))).detach()
        return losses, watched

    def hold_back(self) -> None:
        """Call before a step: a frozen ConvLSTM learns nothing from it."""
        if self.reader is not None and bool(self.guard.frozen):
            forget_gradients(self.reader.recurrence.parameters())


def probe_features(
    nets: Mapping[str, tuple[nn.Module, FeatureTap]], t: int, size: int, scale: int
) -> dict[str, Tensor]:
    """Features of an empty clip of the training's size, so that widths are known and errors early.

    Args:
        nets: name to network and the tap on it.
        t: frames of a window.
        size: side of a crop, H and W.
        scale: H / h.

    Returns:
        Name to features, ``(1, t, c, h, w)``.

    Raises:
        ValueError: a tap sees no clip of maps; see :meth:`FeatureTap.clip`.
    """
    found = {}
    for name, (net, tap) in nets.items():
        place = next(net.parameters()).device
        contract = contract_of(net)
        n = (t + 1) // 2 if contract.time_scale == 2 else t
        channels = contract.lq_channels
        lq = torch.zeros(1, n, channels, size // scale, size // scale, device=place)
        guide = None if channels == 3 else torch.zeros(1, t, 3, size, size, device=place)
        mode = net.training
        # With gradients: without, STDNet joins layers, and a hook on one would see nothing.
        with torch.enable_grad(), tap:
            call_network(net.eval(), lq, guide)
        net.train(mode)
        found[name] = tap.clip(1, t).detach()
    return found
