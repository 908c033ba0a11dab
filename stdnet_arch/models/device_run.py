"""From options to a training against the clock: network, scenes, sensors."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from basicsr.archs import build_network
from torch import nn

from stdnet_arch.archs.checkpoints.adapters import read_mean
from stdnet_arch.data.device_clips import Augmentation, DeviceClips
from stdnet_arch.data.device_scenes import SceneMaker
from stdnet_arch.data.lq.sensors import degrade
from stdnet_arch.data.synthetic.clip_pool import ClipPool
from stdnet_arch.data.synthetic.device_layers import DeviceLayers
from stdnet_arch.data.synthetic.layers.photo_textures import read_textures
from stdnet_arch.models.device_trainer import DeviceTrainer, Recipe, find_part
from stdnet_arch.utils.commands import fitting
from stdnet_arch.utils.device import choose_device
from stdnet_arch.utils.folder_lock import hold_folder
from stdnet_arch.utils.input_errors import InputError, check_number, check_positive
from stdnet_arch.utils.names import check_name, resolve_name
from stdnet_arch.weights.shipped import list_shipped

LOGGER = logging.getLogger("stdnet_arch")
LEAST = {"batch": 1, "frames": 1, "size": 4, "echoes": 1, "seed": 0, "pan_px": 0}
"""Whole numbers under ``data:`` and how small they may be."""
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
            worlds, too; ``pan_px``: see :class:`DeviceClips`; ``augmentation``: see
            :class:`Augmentation`) and ``recipe``.
        out: a folder ``name`` is made in it.
        seconds: time for training.
        device: device to run on.
        assets: folder with photo textures and rendered worlds; None: layers with only
            procedural textures.
        start: folder of an earlier ``out``; the run starts from its weights of the same name, or
            of the name under ``start_from``. Several names there: from the mean of all.
            ``parts_from`` gives the names of others that parts of the network are of (``refiner``).
            None: these are names of shipped weights.

    Returns:
        The trainer, done.

    Raises:
        TypeError, ValueError: an option is unknown or does not fit.
        OSError: another program writes to the folder.
    """
    place, folder = choose_device(device), resolve_name(out, options.get("name"), "name")
    check_positive(seconds, "the seconds of the training")
    with hold_folder(folder):
        with fitting("the options of the training (network_g, data, recipe)"):
            torch.manual_seed(options["data"]["seed"])
            net = build_network({**options["network_g"]}).to(place)
            recipe = Recipe(seconds=seconds, **options["recipe"])
            draw = make_clips(options["data"], options["network_g"]["scale"], place, assets)
            if begin := starts_of(options, start):
                LOGGER.warning("%s starts from %s", folder.name, ", ".join(map(str, begin)))
                begin_with(net, *begin)
            for part, name in options.get("parts_from", {}).items():
                path = _places([name], "parts_from", start)[0]
                LOGGER.warning("%s takes its %s from %s", folder.name, part, path)
                take_part(net, part, path)
            if place.type == "cuda":
                net = net.to(memory_format=torch.channels_last)
            trainer = DeviceTrainer(net, draw, recipe, folder)
        trainer.run()
    return trainer


def starts_of(options: Mapping[str, Any], start: Path | None) -> list[Path]:
    """List the checkpoints that a run starts from; see :func:`run_on_device`.

    Raises:
        InputError: without ``start``, a name is not one of shipped weights.
        ValueError: a name cannot be that of a folder.
    """
    earlier = options.get("start_from", options["name"] if start else [])
    return _places(earlier if isinstance(earlier, list) else [earlier], "start_from", start)


def _places(names: Sequence[str], option: str, start: Path | None) -> list[Path]:
    checked = [check_name(name, option) for name in names]
    if start is not None:
        return [start / name / "net.pth" for name in checked]
    shipped = {one.name: one.path for one in list_shipped()}
    missing = [name for name in checked if name not in shipped]
    if missing:
        raise InputError(
            f"{option}: {', '.join(missing)} must be trained before: give its folder, --start "
            f"OUT, or the name of shipped weights ({', '.join(shipped)})"
        )
    return [shipped[name] for name in checked]


def begin_with(net: nn.Module, path: Path, *more: Path) -> list[str]:
    """Take over every parameter of a checkpoint that the network has, too, in the same shape.

    A network's own ``adapt_state``, if it has one, makes those fit that it can use before.

    Args:
        net: keeps what it has where the checkpoint has nothing for it.
        path: file of :meth:`DeviceTrainer.save`.
        more: files of the same network; the parameters are the mean of all.

    Returns:
        Names of the parameters that were not in the checkpoint.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is damaged or not finite, nothing fits, or several are of two networks.
    """
    state = read_mean(path, *more)
    if adapt := getattr(net, "adapt_state", None):
        state = adapt(state)
    own = net.state_dict()
    fit = {k: v.float() for k, v in state.items() if k in own and own[k].shape == v.shape}
    if not fit:
        raise ValueError(f"{path} holds no parameter of a {type(net).__name__} of these options")
    net.load_state_dict({**own, **fit})
    return sorted(set(own) - set(fit))


def take_part(net: nn.Module, part: str, path: Path) -> None:
    """Take over one part of a network from a checkpoint that has the same part, maybe elsewhere.

    Args:
        net: the network whose part is replaced.
        part: its name (``planes_head.refiner`` is looked for as ``refiner``).
        path: file of :meth:`DeviceTrainer.save`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no such part here or there, or of another form.
    """
    own = find_part(net, part, "parts_from")
    mark = f".{part.rpartition('.')[2]}."
    marked = {f".{key}": value.float() for key, value in read_mean(path).items()}
    given = {key.partition(mark)[2]: value for key, value in marked.items() if mark in key}
    shapes = {key: value.shape for key, value in own.state_dict().items()}
    if {key: value.shape for key, value in given.items()} != shapes:
        raise InputError(f"parts_from.{part}: {path} has no such part of the same form")
    own.load_state_dict(given)


def make_clips(
    data: Mapping[str, Any], scale: int, device: torch.device, assets: Path | None
) -> DeviceClips:
    """Build what draws the batches; see :func:`run_on_device`.

    Raises:
        InputError: a number or a share that cannot be.
    """
    data = {"pan_px": 0, **data}
    _check_data(data)
    frames, seed, pan_px = data["frames"], data["seed"], data["pan_px"]
    side = data["size"] + 2 * pan_px
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
        pan_px=pan_px,
        augmentation=Augmentation(**data.get("augmentation", {})),
    )


def _check_data(data: Mapping[str, Any]) -> None:
    for name, least in LEAST.items():
        value = data[name]
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise InputError(
                f"data.{name} must be a whole number of at least {least}; got {value!r}"
            )
    if not 0 <= check_number(data["layers"], "data.layers") <= 1:
        raise InputError(f"data.layers must be a share, 0 to 1; got {data['layers']}")
    if not isinstance(data["presets"], Mapping) or not data["presets"]:
        raise InputError(f"data.presets must name sensors and shares; got {data['presets']!r}")
    for name, share in data["presets"].items():
        check_positive(share, f"data.presets.{name}")
