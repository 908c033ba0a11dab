"""Settings of a job as plain values: how it is read, and how clips and frames are run."""

from typing import Any

from stdnet_arch.data.recordings.reading import Reading
from stdnet_arch.inference.predictor import DepthSRPredictor
from stdnet_arch.inference.self_ensemble import MIRRORS, SelfEnsemble
from stdnet_arch.inference.streams.streaming import runs_exactly

CHOSEN = (
    "pair", "within_s", "rotate_rgb", "rotate_depth", "depth_topic", "rgb_topic", "register",
)  # fmt: skip
"""Fields of :class:`Reading` that are kept only if somebody chose them."""


def reading_settings(reading: Reading) -> dict[str, Any]:
    """List how a recording is read; the first five always, others if somebody chose them."""
    coding, plain = reading.coding, Reading()
    settings = {
        "unit": coding.unit,
        "invalid": coding.invalid,
        "npz_key": coding.npz_key,
        "by_name": reading.pair == "name",
        "min_confidence": reading.min_confidence,
    }
    chosen = {name: getattr(reading, name) for name in CHOSEN}
    chosen |= {"exr_channel": coding.exr_channel, "disparity": coding.disparity}
    unchosen = {**vars(plain), "exr_channel": None, "disparity": None}
    return settings | {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in chosen.items()
        if value != unchosen[name]
    }


def running_settings(predictor: DepthSRPredictor) -> dict[str, int | None]:
    """List what of running changes the result: context, tiles, mirror images; often nothing."""
    settings: dict[str, int | None] = {}
    if isinstance(predictor.net, SelfEnsemble):
        settings["mirror_images"] = len(MIRRORS)
    if not runs_exactly(predictor.net):
        settings |= {"overlap": predictor.overlap, "chunk": predictor.chunk}
    if predictor.tile is not None:
        settings |= {"tile": predictor.tile, "tile_overlap": predictor.tile_overlap}
    return settings
