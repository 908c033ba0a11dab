"""Wishes of a visitor, as the options of ``python -m stdnet_arch.infer``."""

import argparse
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from stdnet_arch.inference.jobs.command import build_parser
from stdnet_arch.inference.jobs.options import add_job_options, add_predictor_options
from stdnet_arch.utils.input_errors import InputError

VIDEO = "result.mp4"
OWN_FIELDS = ("weights", "overwrite", "debug", "quiet", "device")
"""Options that the page asks for by itself, or that are no business of a visitor."""


@dataclass(frozen=True)
class Wanted:
    """A run that a visitor asks for."""

    depth: Path
    rgb: Path | None = None
    truth: Path | None = None
    weights: str | Path | None = None
    """A checkpoint, the name of shipped weights, or None: what fits."""
    error_map: bool = True
    ply: bool = False
    video: bool = False
    options: str = ""
    """Further options of ``infer``, as one would type them."""

    def arguments(self, output: Path, device: str = "auto") -> list[str]:
        """Return the command line of ``infer`` that does it.

        Raises:
            InputError: further options that are unknown, or that name files.
        """
        named = {
            "--depth": self.depth,
            "--rgb": self.rgb,
            "--gt": self.truth,
            "--weights": self.weights,
            "--mp4": output / VIDEO if self.video else None,
        }
        words = [f"{option}={value}" for option, value in named.items() if value is not None]
        words += [f"--output={output}", f"--device={device}"]
        words += ["--error-map"] * self.error_map + ["--ply"] * self.ply
        return [*words, *split_options(self.options)]

    def parsed(self, output: Path, device: str = "auto") -> argparse.Namespace:
        """Return the options as ``infer`` reads them; see :meth:`arguments`."""
        return build_parser().parse_args(self.arguments(output, device))


def split_options(text: str) -> list[str]:
    """Split what a visitor typed into words that ``infer`` understands.

    Raises:
        InputError: an unknown option, one with a value that it does not take, or one of
            :data:`OWN_FIELDS`.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise InputError(f"further options: {error}; got {text!r}") from error
    parser = _Parser(prog="further options", add_help=False, allow_abbrev=False)
    add_job_options(parser)
    add_predictor_options(parser)
    plain, chosen = parser.parse_args([]), parser.parse_args(words)
    for name in OWN_FIELDS:
        if getattr(plain, name) != getattr(chosen, name):
            raise InputError(f"further options: leave --{name} out; it is not for this field")
    return words


class _Parser(argparse.ArgumentParser):
    """Raises instead of ending the program."""

    def error(self, message: str) -> NoReturn:
        """Tell a wrong option as an error of input."""
        raise InputError(
            f"further options, as of python -m stdnet_arch.infer (such as --refine): {message}"
        )
