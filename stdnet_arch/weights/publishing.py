"""Write weights in the shipped form: half precision, safetensors, and metadata that tell all."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import nn

from stdnet_arch.archs.checkpoints.adapters import read_checkpoint, read_mean, save_checkpoint
from stdnet_arch.archs.checkpoints.loading import build_arch
from stdnet_arch.archs.plane_blend_arch import PlaneBlend
from stdnet_arch.utils.input_errors import InputError, check_positive
from stdnet_arch.weights.choice import SENSORS
from stdnet_arch.weights.shipped import Shipped, digest_parameters

MOST_BYTES = 4_000_000
"""Size of a shipped file at most."""
CARDS = ("<!-- cards: written by scripts/ship_weights.py -->", "<!-- end of cards -->")


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Metadata of a shipped file beside its network."""

    depth_range_m: float
    """Depth [m] that the network knows as 1."""
    lq: Sequence[str]
    """Rules of low-resolution depth that it was trained for."""
    sensors: Sequence[str]
    """Kinds of sensors that it was trained for; see :data:`~stdnet_arch.weights.choice.SENSORS`."""
    step_m: float
    """Coarsest quantisation step [m] that it was trained with; 0: none."""
    command: str
    """Command that trained it."""
    commit: str
    """Commit of this package that trained it."""
    zero_shot: Sequence[Mapping[str, Any]] = ()
    """Scores: ``rule``, ``ratio_mean``, ``ratio_worst`` and ``scenes`` (RMSE and MAE [cm])."""
    fast: bool = False
    """True if it is for live pictures on a CPU, and chosen for nothing else."""
    note: str = ""
    """Data and time of the training, in one sentence."""

    def __post_init__(self) -> None:
        """Refuse sensors that nobody could ask for."""
        unknown = sorted(set(self.sensors) - set(SENSORS))
        if unknown:
            raise ValueError(f"sensors must be of {', '.join(SENSORS)}; got {', '.join(unknown)}")


def write_weights(
    path: str | Path, network_g: Mapping[str, Any], net: nn.Module, facts: Facts
) -> Shipped:
    """Write one shipped file and read it again.

    Args:
        path: the file, ending in ``.safetensors``.
        network_g: ``type`` and arguments of the arch.
        net: the network with its parameters.
        facts: further entries of its metadata.

    Raises:
        ValueError: another suffix, parameters that half precision cannot hold, arch options that do
            not make such a network, or a file larger than :data:`MOST_BYTES`.
    """
    path = Path(path)
    if path.suffix != ".safetensors":
        raise ValueError(f"shipped weights end in .safetensors; got {path.name}")
    broken = [
        name
        for name, value in net.state_dict().items()
        if value.is_floating_point() and not value.half().isfinite().all()
    ]
    if broken:
        raise ValueError(f"half precision cannot hold the values of {', '.join(broken)}")
    expected = {name: value.shape for name, value in build_arch(network_g).state_dict().items()}
    if expected != {name: value.shape for name, value in net.state_dict().items()}:
        raise ValueError(f"{dict(network_g)} does not make a network with these parameters")
    about = {"network_g": dict(network_g), **asdict(facts)}
    save_checkpoint(net, path, half=True, about=about)
    about["sha256"] = digest_parameters(read_checkpoint(path))
    save_checkpoint(net, path, half=True, about=about)
    if path.stat().st_size > MOST_BYTES:
        size = path.stat().st_size
        path.unlink()
        raise ValueError(f"shipped weights have at most {MOST_BYTES} bytes; {path.name} had {size}")
    written = Shipped(path)
    written.check()
    return written


def load_trained(path: str | Path, network_g: Mapping[str, Any], *more: str | Path) -> nn.Module:
    """Build a network and load a checkpoint of its training, the moving average if there is one.

    Args:
        path: the checkpoint.
        network_g: options of the network.
        more: checkpoints of further trainings that began with the same weights; the network gets
            the mean of all ("model soups", Wortsman et al. 2022).

    Raises:
        FileNotFoundError, TypeError, ValueError: a checkpoint cannot be read or does not fit.
    """
    net = build_arch(network_g, path)
    try:
        net.load_state_dict(read_mean(path, *more))
    except RuntimeError as error:
        raise ValueError(f"{path} does not fit {dict(network_g)}: {error}") from error
    return net.eval()


def scale_expected_errors(net: nn.Module, factor: float) -> None:
    """Make a network expect other errors, all by a factor; what it predicts stays.

    For weights whose expected errors are too large or too small on scenes by about one factor.

    Args:
        net: a PlaneBlend of single frames; changed in place.
        factor: expected errors from now on over those before, above 0.

    Raises:
        InputError: another network, or the factor is not above 0.
    """
    check_positive(factor, "the factor of expected errors")
    if not isinstance(net, PlaneBlend):
        raise InputError(
            f"expected errors are scaled in a PlaneBlend; got {type(net).__name__}: leave it out"
        )
    if net.temporal:
        raise InputError(
            "expected errors can be scaled without changing predictions in a PlaneBlend of single "
            "frames; got one whose memory reads them: leave the factor out"
        )
    net.scale_expected_errors(factor)


def card(shipped: Shipped) -> str:
    """Write the markdown card of one file from its metadata."""
    about = shipped.about
    parameters = sum(value.numel() for value in read_checkpoint(shipped.path).values())
    options = {name: value for name, value in about["network_g"].items() if name != "type"}
    lines = [
        f"### {shipped.name}",
        f"`{shipped.path.name}`, {shipped.megabytes} MB, "
        f"{parameters:,} parameters in half precision.",
        "",
        f"- Network: `{shipped.arch}`, {', '.join(f'{k}: {v}' for k, v in options.items())}; "
        f"depth in units of {about['depth_range_m']:g} m.",
        f"- For: {', '.join(shipped.sensors) or 'no sensor by default'}; low-resolution depth by "
        f"{', '.join(shipped.rules) or 'a rule that was not noted'}"
        f"{'; chosen for live pictures on a CPU' if shipped.fast else ''}.",
    ]
    lines += [f"- Training: {about['note']}"] if about.get("note") else []
    if about.get("command"):
        lines.append(f"- Made by `{about['command']}` at commit `{about['commit'][:12]}`.")
    lines += ["", *_score_lines(shipped.zero_shot)] if shipped.zero_shot else []
    return "\n".join(lines) + "\n"


def _score_lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = ["| LR depth | RMSE over bilinear, mean | worst | scenes: RMSE / MAE, cm |"]
    lines.append("|---|---:|---:|---|")
    for row in rows:
        scenes = "; ".join(
            f"{name} {rmse:.2f} / {mae:.2f}" for name, (rmse, mae) in row["scenes"].items()
        )
        lines.append(
            f"| {row['rule']} | {row['ratio_mean']:.3f} | {row['ratio_worst']:.3f} | {scenes} |"
        )
    return lines


def replace_cards(page: str, every: Sequence[Shipped]) -> str:
    """Put new cards between the two marks of a page.

    Raises:
        ValueError: the page has no such marks.
    """
    start, stop = CARDS
    if page.count(start) != 1 or page.count(stop) != 1:
        raise ValueError(f"the page must hold {start} and {stop} once each")
    before, after = page.split(start)[0], page.split(stop)[1]
    return f"{before}{start}\n\n{chr(10).join(card(one) for one in every)}\n{stop}{after}"
