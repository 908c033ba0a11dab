"""Space-time super-resolution in the toolbox's runner: every second frame in, all frames out."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from basicsr.utils.registry import MODEL_REGISTRY

from stdnet_arch.models.prediction import ClipPrediction, SpaceTimePrediction, given_frames
from stdnet_arch.models.rgbd_video_model import RGBDVideoModel


@MODEL_REGISTRY.register()
class SpaceTimeModel(RGBDVideoModel):
    """Trains and judges networks that are given every second frame; RGB, or depth with a guide.

    Datasets give ``lq`` at all frames or at every second one (``lq_every: 2``); the network never
    sees more than the latter. Clips without ``guide`` and ``depth_range_m`` are RGB in [0, 1].
    Under ``val:``, ``window_frames`` and ``pad``, see
    :class:`~stdnet_arch.models.prediction.SpaceTimePrediction`; a metric with ``frames: given`` or
    ``frames: made`` counts only these.

    Args:
        opt: all options.
    """

    prediction_keys = frozenset({"window_frames", "pad"})

    def _build_prediction(self, val_opt: Mapping[str, Any]) -> ClipPrediction:
        options = {key: val_opt[key] for key in self.prediction_keys & val_opt.keys()}
        return SpaceTimePrediction(**options)

    def optimize_parameters(self, current_iter: int) -> None:
        """One training step; see :meth:`RGBDVideoModel.optimize_parameters`."""
        fed = self.fed
        self.fed = replace(fed, lq=given_frames(fed.lq, fed.length))
        super().optimize_parameters(current_iter)
