"""From options to a training against the clock: network, scenes, sensors."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from basicsr.archs import build_network
from torch import nn

from stdnet_arch.data.device_clips import Augmentation, DeviceClips, SceneMaker
from stdnet_arch.data.lq.sensors import degrade
from stdnet_arch.data.synthetic.clip_pool import ClipPool
from stdnet_arch.data.synthetic.device_layers import DeviceLayers
from stdnet_arch.data.synthetic.layers.photo_textures import read_textures
from stdnet_arch.models.device_trainer import DeviceTrainer, Recipe

PHOTOS = "photo_textures.npz"
POOL = "worlds_*.npz"


def run_on_device(
    options: Mapping[str, Any],
    out: Path,
    seconds: float,
    device: str = "cuda",
    assets: Path | None = None,
    start: Path | None = None,
) -> DeviceTrainer:
    """Train a network on clips made on the device.

    Args:
        options: ``name``, ``network_g``, ``data`` (``presets``, ``batch``, ``frames``, ``size``,
            ``seed``, ``echoes``, ``layers``: share of the batch that is layers where there are
            worlds, too; ``augmentation``: see :class:`Augmentation`) and ``recipe``.
        out: a folder ``name`` is made in it.
        seconds: time for training.
        device: device to run on.
        assets: folder with photo textures and rendered worlds; None: layers with only
            procedural textures.
        start: folder of an earlier ``out``; the run starts from its weights of the same name, or
            of the name under ``start_from``.

    Returns:
        The trainer, done.

    Raises:
        TypeError, ValueError: an option is unknown or does not fit.
    """
    torch.manual_seed(options["data"]["seed"])
    place = torch.device(device)
    net = build_network({**options["network_g"]}).to(place)
    if start is not None:
        begin_with(net, start / options.get("start_from", options["name"]) / "net.pth")
    if place.type == "cuda":
        net = net.to(memory_format=torch.channels_last)
    recipe = Recipe(seconds=seconds, **options["recipe"])
    draw = make_clips(options["data"], options["network_g"]["scale"], place, assets)
    trainer = DeviceTrainer(net, draw, recipe, out / options["name"])
    trainer.run()
    return trainer


def begin_with(net: nn.Module, path: Path) -> list[str]:
    """Take over every parameter of a checkpoint that the network has, too, in the same shape.

    Args:
        net: keeps what it has where the checkpoint has nothing for it.
        path: file of :meth:`DeviceTrainer.save`.

    Returns:
        Names of the parameters that were not in the checkpoint.

    Raises:
        ValueError: nothing fits.
    """
    state = torch.load(path, weights_only=True, map_location="cpu")["params"]
    own = net.state_dict()
    fit = {k: v.float() for k, v in state.items() if k in own and own[k].shape == v.shape}
    if not fit:
        raise ValueError(f"{path} holds no parameter of a {type(net).__name__} of these options")
    net.load_state_dict({**own, **fit})
    return sorted(set(own) - set(fit))


def make_clips(
    data: Mapping[str, Any], scale: int, device: torch.device, assets: Path | None
) -> DeviceClips:
    """Build what draws the batches; see :func:`run_on_device`."""
    frames, side, seed = data["frames"], data["size"], data["seed"]
    photos = read_textures(assets / PHOTOS).to(device) if assets else None
    makers: list[tuple[SceneMaker, float]] = [
        (DeviceLayers(device, seed, photos, frames, side), data["layers"])
    ]
    shards = sorted(assets.glob(POOL)) if assets else []
    if shards:
        pool = ClipPool(shards, device, seed + 1, frames, side)
        makers.append((pool, 1 - data["layers"]))
    return DeviceClips(
        makers,
        degrade,
        data["presets"],
        scale=scale,
        batch=data["batch"],
        device=device,
        seed=seed,
        echoes=data["echoes"],
        augmentation=Augmentation(**data.get("augmentation", {})),
    )
