"""Training a small network by a large one in the toolbox's runner, with the networks untouched."""

import math
from collections.abc import Mapping
from typing import Any, cast

import torch
from basicsr.utils import get_root_logger
from basicsr.utils.registry import MODEL_REGISTRY
from torch import Tensor, nn

from stdnet_arch.archs.contract import contract_of
from stdnet_arch.models.calling import call_network
from stdnet_arch.models.distillation import (
    Distillation,
    DistillOptions,
    Teacher,
    probe_features,
)
from stdnet_arch.models.feature_tap import FeatureTap
from stdnet_arch.models.rgbd_video_model import RGBDVideoModel
from stdnet_arch.models.space_time_model import SpaceTimeModel
from stdnet_arch.models.training_step import build_optimizer


class Distilling(RGBDVideoModel):
    """Adds a frozen teacher and the losses of space-time distillation to a model's training.

    Validation, checkpoints of the student and testing are those of the model itself.
    """

    def init_training_settings(self) -> None:
        """Load the teacher, find the layers, and build what is learnt beside the student."""
        self.distill_options = DistillOptions.read(self.opt.get("distill"))
        # Apart from the run's random numbers: with and without a teacher, a seed gives the student
        # the same data.
        with torch.random.fork_rng():
            self._meet_teacher()
        super().init_training_settings()

    def _meet_teacher(self) -> None:
        options = self.distill_options
        self.teacher = Teacher.load(options, self.device)
        nets = {"student": self.get_bare_model(self.net_g), "teacher": self.teacher.net}
        layers = {"student": options.student_layer, "teacher": options.teacher_layer}
        self.taps = {
            name: FeatureTap(net, layers[name], f"distill.{name}_layer")
            for name, net in nets.items()
        }
        section = self.opt.get("datasets", {}).get("train", {})
        t, size = section.get("num_frame") or 7, section.get("gt_size") or 64
        tapped = {name: (net, self.taps[name]) for name, net in nets.items()}
        scale = int(getattr(nets["student"], "scale", self.opt["scale"]))
        probes = probe_features(tapped, t, size, scale)
        bare = Distillation(options, **probes).to(self.device)
        with torch.no_grad():  # what does not fit is said now
            truth = 1, t, contract_of(nets["student"]).lq_channels, size, size
            valid = torch.ones(truth, dtype=torch.bool, device=self.device)
            bare(**probes, valid=valid)
        # Where there is something to learn, in step with other processes.
        self.distillation = self.model_to_device(bare) if list(bare.parameters()) else bare
        shapes = {name: tuple(probe.shape[2:]) for name, probe in probes.items()}
        get_root_logger().info(
            f"Teacher: {type(self.teacher.net).__name__} of {options.teacher}; features of the "
            f"student {shapes['student']}, of the teacher {shapes['teacher']}"
        )

    @property
    def bare_distillation(self) -> Distillation:
        """The distillation without the wrapper of distributed training."""
        return cast(Distillation, self.get_bare_model(self.distillation))

    def setup_optimizers(self) -> None:
        """The student's, and one for ConvLSTM and adapter."""
        super().setup_optimizers()
        self.learnt_beside = list(self.distillation.parameters())
        if self.learnt_beside:
            options = dict(self.distill_options.optim)
            self.optimizer_aux = build_optimizer(options.pop("type"), self.learnt_beside, options)
            for group in self.optimizer_aux.param_groups:
                group.setdefault("initial_lr", group["lr"])
            self.optimizers.append(self.optimizer_aux)

    def _learnt(self) -> dict[str, list[nn.Parameter]]:
        # On its own: what ConvLSTM and adapter do must not shorten the student's steps.
        return {**super()._learnt(), "grad_norm_distill": self.learnt_beside}

    def _run_network(self) -> dict[str, Tensor]:
        self.teacher.check_range(self.fed.range_m)
        with self.taps["student"]:
            out = super()._run_network()
        # Nothing of it wants a gradient; see probe_features for why none is switched off.
        with self.taps["teacher"]:
            call_network(self.teacher.net, self.fed.lq, self.fed.guide)
        return out

    def _losses(self, out: dict[str, Tensor], current_iter: int) -> dict[str, Tensor]:
        losses = super()._losses(out, current_iter)
        valid = self.fed.truth()[1]
        clip = valid.shape[:2]
        seen = [self.taps[name].clip(*clip) for name in ("student", "teacher")]
        distilled, self.watched = self.distillation(*seen, valid)
        return {**losses, **distilled}

    def _step(self, current_iter: int) -> Tensor:
        self.bare_distillation.hold_back()
        norm = super()._step(current_iter)
        distance, spread = self._over_ranks(self.watched).tolist()
        if not math.isnan(spread):  # there was something to compare
            reason = self.bare_distillation.guard.observe(distance, spread)
            if reason:
                get_root_logger().warning(
                    f"iteration {current_iter}: the ConvLSTM of the distillation learns no more, "
                    f"since {reason}; the student continues against it as it is"
                )
        return norm

    def _over_ranks(self, watched: Tensor) -> Tensor:
        """Mean over processes, so that all of them decide alike."""
        if self.opt["dist"] and torch.distributed.is_initialized():
            torch.distributed.all_reduce(watched)
            watched /= torch.distributed.get_world_size()
        return watched

    def further_state(self) -> dict[str, Any]:
        """Add ConvLSTM, adapter and guard."""
        return {**super().further_state(), "distillation": self.bare_distillation.state_dict()}

    def resume_training(self, resume_state: Mapping[str, Any]) -> None:
        """Go on from a saved state, with ConvLSTM, adapter and guard as they were.

        Raises:
            ValueError: the state is of a training without distillation, or of another one.
        """
        stored = resume_state.get("distillation")
        own = self.bare_distillation.state_dict()
        if stored is None or stored.keys() != own.keys():
            raise ValueError(
                "resuming a distillation needs a state that one with the same distill: section "
                f"saved ({len(own)} entries); got "
                + ("none" if stored is None else f"{len(stored)} entries")
                + "; to start from a student's weights set path.pretrain_network_g instead"
            )
        self.bare_distillation.load_state_dict(stored)
        super().resume_training(resume_state)


@MODEL_REGISTRY.register()
class SpaceTimeDistillationModel(Distilling):
    """Space-time distillation (Xiao et al., CVPR 2021) for networks of :class:`RGBDVideoModel`.

    Built from the paper's formulas; see :mod:`stdnet_arch.losses.distill_loss` for what it leaves
    open. The name is the paper's: space and time of features, not more frames.

    Args:
        opt: all options, with a section ``distill:``, see
            :class:`~stdnet_arch.models.distillation.DistillOptions`; a test needs none.
    """


@MODEL_REGISTRY.register()
class FrameMakingDistillationModel(Distilling, SpaceTimeModel):
    """The same for networks that make every second frame, RGB or depth (STDAN).

    Args:
        opt: as of :class:`SpaceTimeDistillationModel`.
    """
