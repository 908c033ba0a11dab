"""The model of the toolbox's runner that trains, validates and tests every arch of this plugin."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, cast

import torch
from basicsr.archs import build_network
from basicsr.models.base_model import BaseModel
from basicsr.utils import get_root_logger
from basicsr.utils.registry import MODEL_REGISTRY
from torch import Tensor, nn
from torch.utils.data import DataLoader

from stdnet_arch.archs.checkpoints.adapters import ABOUT, SAFETENSORS, read_checkpoint
from stdnet_arch.models.batch import Batch, DeviceBatch
from stdnet_arch.models.calling import call_network
from stdnet_arch.models.objective import SUFFIX, Objective, connected_zero
from stdnet_arch.models.option_checks import refuse_equal_names, refuse_unknown, require
from stdnet_arch.models.prediction import ClipPrediction, FramePrediction
from stdnet_arch.models.saving import describe_network
from stdnet_arch.models.training_step import (
    MixedPrecision,
    as_float32,
    build_optimizer,
    check_finite,
    has_gradient,
    update_average,
)
from stdnet_arch.models.validation import ClipDataset
from stdnet_arch.models.validator import Validator
from stdnet_arch.models.weights_files import check_start

TRAIN_KEYS = frozenset({
    "total_iter", "warmup_iter", "optim_g", "scheduler",
    "ema_decay", "grad_clip", "amp", "amp_on_cpu",
})  # fmt: skip
"""Keys under ``train:`` beside the ``*_opt`` losses."""
VAL_KEYS = frozenset({
    "val_freq", "save_img", "save_format", "suffix", "pbar", "metrics", "baselines",
})  # fmt: skip


@MODEL_REGISTRY.register()
class RGBDVideoModel(BaseModel):
    """Trains and judges a network on RGB-D video.

    Batches are normalised by ``depth_range_m``; metrics and files are in metres. Validation runs
    the moving average of the weights when there is one, on every rank, in float32.

    Args:
        opt: all options; see docs/training.md for the keys under ``train:`` and ``val:``.
    """

    prediction_keys: frozenset[str] = frozenset({"chunk_frames"})
    """Further keys under ``val:``."""

    def __init__(self, opt: dict[str, Any]) -> None:
        """Build the network and, for training, all that surrounds it."""
        super().__init__(opt)
        val_opt = opt.get("val") or {}
        refuse_unknown("val", val_opt, VAL_KEYS | self.prediction_keys)
        self.prediction: ClipPrediction = self._build_prediction(val_opt)
        refuse_equal_names(opt.get("datasets", {}))
        self.net_g = self.model_to_device(build_network(opt["network_g"]))
        self.validator = Validator(opt, self.prediction, self.device)
        self.print_network(self.net_g)
        self._load(self.net_g, opt["path"].get("param_key_g", "params"))
        self.trained_range_m: float | None = None
        if self.is_train:
            self.init_training_settings()

    def _build_prediction(self, val_opt: Mapping[str, Any]) -> ClipPrediction:
        return FramePrediction(val_opt.get("chunk_frames"))

    def _load(self, net: nn.Module, param_key: str) -> None:
        path = self.opt["path"].get("pretrain_network_g")
        if path is not None:
            path = check_start(path)
            strict = self.opt["path"].get("strict_load_g", True)
            if path.suffix == SAFETENSORS:  # the toolbox cannot read it
                self.get_bare_model(net).load_state_dict(read_checkpoint(path), strict=strict)
                return
            try:
                self.load_network(net, str(path), strict, param_key)
            except KeyError as error:
                raise ValueError(
                    f"path.pretrain_network_g: expected a checkpoint of the toolbox with "
                    f"{param_key!r}, got {path} without; scripts/convert_weights.py makes one"
                ) from error

    def print_network(self, net: nn.Module) -> None:
        """Log what is trained in one line (the toolbox logs every layer)."""
        bare = self.get_bare_model(net)
        count = sum(parameter.numel() for parameter in bare.parameters())
        get_root_logger().info(f"Network: {type(bare).__name__}, {count:,d} parameters")

    # ------------------------------------------------------------------------------- training

    def init_training_settings(self) -> None:
        """Build losses, optimiser, scheduler, precision and moving average."""
        train_opt = self.opt["train"]
        losses = {key for key in train_opt if key.endswith(SUFFIX)}
        refuse_unknown("train", train_opt, TRAIN_KEYS | losses)
        self.net_g.train()
        self.objective = Objective.from_options(train_opt).to(self.device)
        self.grad_clip = float(train_opt.get("grad_clip") or "inf")
        require(self.grad_clip > 0, "train.grad_clip", "a norm > 0 or ~", self.grad_clip)
        on_cpu = train_opt.get("amp_on_cpu", False)
        self.precision = MixedPrecision(train_opt.get("amp"), self.device, on_cpu)
        if train_opt.get("amp") and not self.precision.enabled:
            get_root_logger().warning("amp is off on a CPU; amp_on_cpu: true switches it on.")
        self.ema_decay = train_opt.get("ema_decay") or 0
        require(0 <= self.ema_decay < 1, "train.ema_decay", "in [0, 1)", self.ema_decay)
        if self.ema_decay:
            get_root_logger().info(f"Use Exponential Moving Average with decay: {self.ema_decay}")
            self.net_g_ema = deepcopy(self.get_bare_model(self.net_g)).requires_grad_(False)
            self._load(self.net_g_ema, "params_ema")
            self.net_g_ema.eval()
        self.setup_optimizers()
        if train_opt.get("scheduler"):
            self.setup_schedulers()

    def setup_optimizers(self) -> None:
        """Build the optimiser over all parameters that want a gradient."""
        options = dict(self.opt["train"]["optim_g"])
        self.trained = [p for p in self.net_g.parameters() if p.requires_grad]
        self.optimizer_g = build_optimizer(options.pop("type"), self.trained, options)
        for group in self.optimizer_g.param_groups:
            group.setdefault("initial_lr", group["lr"])  # read by warm-up, also without scheduler
        self.optimizers.append(self.optimizer_g)

    def feed_data(self, data: Batch) -> None:
        """Take a batch of the datasets' contract; ``gt`` may be absent in a test."""
        self.fed = DeviceBatch.of(data, self.device, with_flow=self.is_train)

    def optimize_parameters(self, current_iter: int) -> None:
        """One training step.

        Raises:
            FloatingPointError: a loss or the gradient is not finite; weights are left as they were.
        """
        range_m = self.fed.range_m
        self.trained_range_m = None if range_m is None else float(range_m[0])
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        with self.precision.autocast():
            out = self._run_network()
        out = as_float32(out)
        losses = self._losses(out, current_iter)
        check_finite(losses, current_iter, self.fed.where)
        total = torch.stack(list(losses.values())).sum()
        if self.opt["dist"]:
            # DDP waits for a gradient of every parameter, also of those behind outputs unused here.
            total = total + connected_zero(out)
        self.precision.scaler.scale(total).backward()
        norm = self._step(current_iter)
        self.output = out["pred"].detach()
        self.log_dict = self.reduce_loss_dict({**losses, "grad_norm": norm})
        if self.ema_decay:
            self.model_ema(self.ema_decay)

    def _run_network(self) -> dict[str, Tensor]:
        """Output of the network on the batch of :meth:`feed_data`."""
        return call_network(self.net_g, self.fed.lq, self.fed.guide)

    def _losses(self, out: dict[str, Tensor], current_iter: int) -> dict[str, Tensor]:
        """Every term that is summed and minimised, scalars by name."""
        return self.objective(out, *self.fed.truth(), current_iter, self.fed.named_inputs)

    def _step(self, current_iter: int) -> Tensor:
        """Clip and apply the gradients; returns the network's norm before clipping."""
        scaler = self.precision.scaler
        used = [optimizer for optimizer in self.optimizers if has_gradient(optimizer)]
        for optimizer in used:
            scaler.unscale_(optimizer)
        norms = {
            name: nn.utils.clip_grad_norm_(parameters, self.grad_clip)
            for name, parameters in self._learnt().items()
        }
        if not scaler.is_enabled():  # the scaler of fp16 leaves out such a step and scales down
            check_finite(norms, current_iter, self.fed.where)
        for optimizer in used:
            scaler.step(optimizer)
        scaler.update()
        return norms["grad_norm"]

    def _learnt(self) -> dict[str, list[nn.Parameter]]:
        """Every set of parameters whose gradient is clipped as a whole, by the norm's name."""
        return {"grad_norm": self.trained}

    def model_ema(self, decay: float = 0.999) -> None:
        """Update the moving average, buffers included (the toolbox leaves them at their start)."""
        update_average(self.net_g_ema, self.get_bare_model(self.net_g), decay)

    # -------------------------------------------------------------------- checkpoints, resuming

    def save(self, epoch: int, current_iter: int) -> None:
        """Save weights and, unless this is the last save (-1), all that resuming needs."""
        nets, keys = [self.net_g], ["params"]
        if hasattr(self, "net_g_ema"):
            nets, keys = [self.net_g, self.net_g_ema], ["params", "params_ema"]
        said = {ABOUT: describe_network(self.opt, self.trained_range_m)}
        self.save_network(nets, "net_g", current_iter, param_key=keys, said=said)
        self.save_training_state(epoch, current_iter)

    def further_state(self) -> dict[str, Any]:
        """Give what a training state holds beyond the toolbox's; ``resume_training`` reads it."""
        return {"scaler": self.precision.scaler.state_dict()}

    def resume_training(self, resume_state: Mapping[str, Any]) -> None:
        """Go on from a saved state; states of stock models lack our entries and load too."""
        super().resume_training(resume_state)
        self.validator.resumed_iter = resume_state["iter"]
        if resume_state.get("scaler"):
            self.precision.scaler.load_state_dict(resume_state["scaler"])

    # ------------------------------------------------------------------------------ validation

    @property
    def eval_net(self) -> nn.Module:
        """The network to judge and to ship: the moving average when there is one."""
        return self.net_g_ema if hasattr(self, "net_g_ema") else self.get_bare_model(self.net_g)

    def test(self) -> None:
        """Predict the batch of :meth:`feed_data` into ``output``, normalised."""
        fed = self.fed
        self.output = self.prediction(self.eval_net, fed.lq, fed.guide, fed.length)

    def get_current_visuals(self) -> dict[str, Tensor]:
        """The last batch, normalised, on the CPU: ``lq``, ``result`` and, if known, ``gt``."""
        shown = {"lq": self.fed.lq, "result": self.output}
        if self.fed.gt is not None:
            shown["gt"] = self.fed.gt
        return {name: value.detach().cpu() for name, value in shown.items()}

    def dist_validation(
        self,
        dataloader: DataLoader,
        current_iter: int | str,
        tb_logger: Any,  # noqa: ANN401  a SummaryWriter, if tensorboard is there
        save_img: bool,
    ) -> None:
        """Judge every clip once and report; a collective call; see :class:`Validator`."""
        dataset = cast(ClipDataset, dataloader.dataset)
        self.validator.validate(dataset, self.eval_net, current_iter, tb_logger, save_img)

    nondist_validation = dist_validation

    @property
    def best_metric_results(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Best means so far, by data set and metric; the toolbox's name for them."""
        return self.validator.best

    @property
    def metric_results(self) -> dict[str, float]:
        """Means of the last validation, by metric; the toolbox's name for them."""
        return self.validator.values
