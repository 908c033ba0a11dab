"""Competitors with weights: every registered arch."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from stdnet_arch.archs.checkpoints.adapters import read_about, read_checkpoint
from stdnet_arch.archs.checkpoints.loading import build_arch, load_network
from stdnet_arch.archs.contract import contract_of
from stdnet_arch.archs.standardized_arch import load_weights
from stdnet_arch.evaluation.benchmark.competitor import COMPETITOR_REGISTRY, read_clip
from stdnet_arch.inference.precision import Precision, check_precision, in_precision, lay_out
from stdnet_arch.models.prediction import ClipPrediction, FramePrediction, SpaceTimePrediction
from stdnet_arch.utils.depth_step import depth_step, step_to_tell_m, takes_step
from stdnet_arch.utils.device import choose_device


@COMPETITOR_REGISTRY.register()
class Network:
    """An arch of this package, with weights or, for its speed, without.

    Args:
        network: ``type`` and arguments, as ``network_g:`` in a YAML; may be left out for a
            checkpoint that says it, as those that training writes do.
        weights: a checkpoint; the moving average in it is preferred. None: random weights.
        scale: H / h; completes ``network``.
        depth_range_m: divisor of depths [m]; wins over the checkpoint's, which holds it if
            the options of its training did.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``.
        dtype: see :data:`~stdnet_arch.inference.precision.Precision`.
        chunk_frames: frames that go through at once, with the halo of the arch around them: the
            same result in bounded memory. None: the whole clip.

    Raises:
        ValueError: a ``dtype`` that the device lacks, or neither ``network`` nor ``weights``.
    """

    net: nn.Module
    """On its device, in evaluation mode, once loaded."""

    def __init__(
        self,
        network: Mapping[str, Any] | None = None,
        weights: str | Path | None = None,
        scale: int | None = None,
        depth_range_m: float | None = None,
        device: str = "auto",
        dtype: Precision = "float32",
        chunk_frames: int | None = None,
    ) -> None:
        if network is None and weights is None:
            raise ValueError("a network needs its section (network), or weights that say it")
        self.network = None if network is None else dict(network)
        self.weights, self.depth_range_m, self.dtype = weights, depth_range_m, dtype
        self.device = choose_device(device)
        check_precision(dtype, self.device)
        self.chunk_frames = chunk_frames
        if self.network is not None and scale is not None:
            self.network.setdefault("scale", scale)
        self.scale = scale or (self.network or {}).get("scale", 0)

    def load(self) -> None:
        """Build the network and load its weights, strictly.

        Raises:
            FileNotFoundError: no such checkpoint.
            ValueError, TypeError: it does not fit, or the range of depth is not known.
        """
        if self.network is None:
            loaded = load_network(str(self.weights), depth_range_m=self.depth_range_m)
            net, self.range_m = loaded.net, loaded.depth_range_m
            self.network = dict(loaded.about["network_g"])
        else:
            net = build_arch(self.network)
            self.range_m = self._range_m()
            if self.weights is not None:
                self._load_weights(net)
        if self.scale not in (0, net.scale):
            raise ValueError(f"a network of x{self.scale} was asked for, got one of x{net.scale}")
        net = lay_out(net.to(self.device), self.device, self.dtype)
        self.net, self.scale = net.eval(), cast(int, net.scale)
        self.prediction = self._prediction()

    def _load_weights(self, net: nn.Module) -> None:
        try:
            load_weights(net, read_checkpoint(str(self.weights)))
        except (RuntimeError, TypeError, ValueError) as error:
            raise ValueError(f"{self.weights} does not fit {self.network}: {error}") from error

    def _range_m(self) -> float:
        about = {} if self.weights is None else read_about(self.weights)
        range_m = self.depth_range_m or about.get("depth_range_m")
        if not range_m or not range_m > 0:
            raise ValueError(
                f"depth_range_m must be given, > 0 metres: {self.weights or 'a network without '}"
                f"{'' if self.weights else 'weights'} does not say it; got {range_m!r}"
            )
        return float(range_m)

    def _prediction(self) -> ClipPrediction:
        if contract_of(self.net).time_scale == 2:
            return SpaceTimePrediction()
        return FramePrediction(self.chunk_frames)

    def context(self) -> AbstractContextManager:
        """The precision to run in."""
        return in_precision(self.dtype, self.device)

    def infer(self, lq_m: ArrayLike, guide: ArrayLike) -> NDArray[np.float32]:
        """See :class:`~stdnet_arch.evaluation.benchmark.competitor.Competitor`.

        Raises:
            RuntimeError: not loaded.
        """
        if not hasattr(self, "net"):
            raise RuntimeError("load() must be called before infer()")
        depth, rgb = (x.to(self.device) for x in read_clip(lq_m, guide, self.scale))
        return self.predict(depth, rgb)[:, 0].cpu().numpy()

    def predict(self, depth: Tensor, rgb: Tensor) -> Tensor:
        """Predict on the device, for :meth:`infer`.

        Args:
            depth: [m], ``(t, 1, h, w)``.
            rgb: in [0, 1], ``(t, 3, H, W)``.

        Returns:
            Depth [m], ``(t, 1, H, W)``, float32.
        """
        with torch.no_grad(), self.context(), depth_step(self.net, self._step(depth)):
            pred = self.prediction(self.net, depth[None] / self.range_m, rgb[None], len(depth))
        return pred[0].float() * self.range_m

    def _step(self, depth: Tensor) -> float | None:
        """Find the step of the first frame in units of ``lq``, for networks that want to know."""
        first = depth[0][depth[0] > 0].cpu().numpy()
        step_m = step_to_tell_m(first) if takes_step(self.net) else None
        return None if step_m is None else step_m / self.range_m
