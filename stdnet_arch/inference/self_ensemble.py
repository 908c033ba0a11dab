"""The mean of a network's answers to a clip and its mirror images: slower, nearer to the truth."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from stdnet_arch.archs.contract import contract_of
from stdnet_arch.inference.lq_origin import Origin
from stdnet_arch.inference.streams.push_stream import maps_of_push
from stdnet_arch.models.prediction import FULL_SIZE
from stdnet_arch.utils.depth_step import takes_step

MIRRORS: tuple[tuple[int, ...], ...] = ((), (-1,), (-2,), (-2, -1))
"""Axes of the frames that are turned round; each undoes itself."""
LOPSIDED = frozenset({"phone", "realsense"})
"""Sensors of weights whose mean was worse for stereo, and no better for phones."""
Maps = dict[str, Tensor]
LOGGER = logging.getLogger(__name__)


class SelfEnsemble(nn.Module):
    """Run a network on a clip and its three mirror images, and average what it says.

    Networks learn from mirrored scenes, too, yet answer them a little differently. The mean has
    less of what is chance in each answer (geometric self-ensemble; Lim et al. 2017, "Enhanced Deep
    Residual Networks", Sec. 3.4, which also turns by 90 degrees). It takes four times as long.

    Args:
        net: a network of this plugin; what it declares holds for this one, too. It streams by
            itself where ``net`` does.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        for name, value in contract_of(net)._asdict().items():
            setattr(self, name, value)
        if hasattr(net, "open_stream"):
            self.open_stream = partial(SelfEnsembleStream, net)

    @property
    def step(self) -> float | None:
        """Quantisation step of ``lq``, in its unit; None: the network reads none."""
        return self.net.step if takes_step(self.net) else None  # type: ignore[return-value]

    @step.setter
    def step(self, value: float) -> None:
        """Tell the network inside; ``value`` is in the unit of ``lq``."""
        self.net.step = value  # type: ignore[assignment]

    def forward(self, lq: Tensor, guide: Tensor | None = None) -> Maps:
        """Run the network four times.

        Args:
            lq: ``(b, t, c, h, w)``, as the network takes it.
            guide: ``(b, t, 3, H, W)``, likewise.

        Returns:
            Of the maps of full size that the network makes, ``(b, t, 1, H, W)``, the means.
        """
        made = (
            _turned(self.net(lq.flip(axes), None if guide is None else guide.flip(axes)), axes)
            for axes in MIRRORS
        )
        return _mean(made)


class SelfEnsembleStream:
    """As many streams as mirror images, in step.

    Args:
        net: a network that opens streams.
    """

    def __init__(self, net: Any) -> None:  # noqa: ANN401  any network with its own stream
        self.streams = [net.open_stream() for _ in MIRRORS]
        self.further_maps: list[Maps] = []
        """The other maps of the frames of the last push, ``(b, 1, H, W)`` each."""

    def push(
        self, lq: Sequence[Tensor], guide: Sequence[Tensor], last: bool = False
    ) -> list[Tensor]:
        """Take the next frames; give the predictions that are complete.

        Args:
            lq: ``(b, 1, h, w)`` each; any number of frames, also none.
            guide: ``(b, 3, H, W)`` each, in [0, 1].
            last: no frame will follow.

        Returns:
            ``(b, 1, H, W)`` each, in order.
        """
        answers = [self._ask(i, lq, guide, last) for i in range(len(MIRRORS))]
        means = [_mean(iter(maps)) for maps in zip(*answers, strict=True)]
        self.further_maps = [{k: v for k, v in maps.items() if k != "pred"} for maps in means]
        return [maps["pred"] for maps in means]

    def _ask(self, i: int, lq: Sequence[Tensor], guide: Sequence[Tensor], last: bool) -> list[Maps]:
        axes, stream = MIRRORS[i], self.streams[i]
        turned = [x.flip(axes) for x in lq], [x.flip(axes) for x in guide]
        made = maps_of_push(stream, stream.push(*turned, last=last))
        return [_turned(maps, axes) for maps in made]

    def to(self, device: torch.device | str) -> None:
        """Bring what is kept to a device; a stream that cannot be moved stays."""
        for stream in self.streams:
            if hasattr(stream, "to"):
                stream.to(device)


def mirrored(net: nn.Module, about: Mapping[str, Any], lq_origin: Origin) -> SelfEnsemble:
    """Wrap a network, and warn where its mean over mirror images was found to be worse.

    Stereo cameras see shadows of near things on one side; a network that knows it is misled by
    mirror images.

    Args:
        net: see :class:`SelfEnsemble`.
        about: metadata of its checkpoint; ``sensors`` are those that it was trained for.
        lq_origin: pixel of its block of RGB pixels that a depth pixel shows.

    Raises:
        ValueError: a depth pixel shows the first pixel of its block: in a mirror image the last.
    """
    if lq_origin != "middle":
        raise ValueError(
            "self_ensemble (--self-ensemble) needs depth that looks alike in mirror images; got "
            f"lq_origin {lq_origin}, which turns into another: leave one of them out"
        )
    sensors = about.get("sensors")
    lopsided = [each for each in sorted(LOPSIDED) if isinstance(sensors, list) and each in sensors]
    if lopsided:
        LOGGER.warning(
            "these weights were trained for %s: on scenes with such sensors the mean over mirror "
            "images was worse (stereo) or no better (phones); leave self_ensemble "
            "(--self-ensemble) out",
            " and ".join(lopsided),
        )
    return SelfEnsemble(net)


def name_of(net: nn.Module) -> str:
    """Name a network for people."""
    if isinstance(net, SelfEnsemble):
        return f"{name_of(net.net)}, mean over {len(MIRRORS) - 1} mirror images and itself,"
    return type(net).__name__


def _turned(maps: Maps, axes: tuple[int, ...]) -> Maps:
    """Maps of full size, turned back."""
    return {name: maps[name].flip(axes) for name in FULL_SIZE if name in maps}


def _mean(answers: Iterator[Maps]) -> Maps:
    """Mean over mirror images; one answer is kept at a time."""
    total = next(answers)
    for maps in answers:
        total = {name: total[name] + value for name, value in maps.items()}
    return {name: value / len(MIRRORS) for name, value in total.items()}
