"""Stage 1 is exchangeable: what a matcher is, and how one is found by name."""

import importlib
import inspect
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
from basicsr.utils.registry import Registry
from numpy.typing import NDArray

from stdnet_arch.stereodiff.posed_video import PosedVideo
from stdnet_arch.utils.input_errors import InputError

MATCHER_REGISTRY = Registry("matcher")
"""``type: Name`` of the options; a class of your own is found by ``type: module.Class``, too."""


class Matcher(Protocol):
    """Makes globally consistent depth of what stands still; its constructor takes the options."""

    def check(self, video: PosedVideo) -> None:
        """Raise ValueError if the video lacks what the matcher needs; before anything is made."""

    def depths(self, video: PosedVideo, start: int) -> Iterator[NDArray[np.float32]]:
        """Depth of every frame from ``start`` on, ``(h, w)``, metres (or one unit for all), 0
        where it is not known. What a frame gets must not depend on ``start``.
        """


def build_matcher(options: Mapping[str, Any]) -> Matcher:
    """The matcher that options ask for: ``type`` and the arguments of its constructor.

    Raises:
        ValueError: no such matcher, or an option it does not know; the message lists those it does.
    """
    arguments = dict(options)
    name = arguments.pop("type", None)
    kind = _find(name)
    known = [key for key in inspect.signature(kind).parameters if key != "self"]
    unknown = sorted(arguments.keys() - set(known))
    if unknown:
        raise ValueError(f"{name} knows the options {', '.join(known)}; got {', '.join(unknown)}")
    return kind(**arguments)


def check_file_matcher(values: Mapping[str, Any], chosen: object, path: object) -> None:
    """Refuse options of a file that name a class: importing it would run a stranger's code.

    Args:
        values: content of the file.
        chosen: a matcher of the command line, which wins over the file's; None if there is none.
        path: the file.

    Raises:
        InputError: the file's matcher is none of the registered ones.
    """
    options = values.get("matcher")
    if chosen is not None or not isinstance(options, Mapping) or "type" not in options:
        return
    known = sorted(key for key, _ in MATCHER_REGISTRY)
    if options["type"] not in known:
        raise InputError(
            f"{path}: matcher.type must be one of {', '.join(known)} in a file; got "
            f"{options['type']!r} (a class of your own is named by --matcher module.Class)"
        )


def _find(name: object) -> Any:  # noqa: ANN401  a class
    known = sorted(key for key, _ in MATCHER_REGISTRY)
    if isinstance(name, str) and name in known:
        return MATCHER_REGISTRY.get(name)
    module, _, kind = str(name).rpartition(".")
    if not module:
        raise InputError(
            f"the matcher must be one of {', '.join(known)}, or module.Class of your own; "
            f"got {name!r}"
        )
    try:
        found = getattr(importlib.import_module(module), kind)
    except (ImportError, AttributeError) as error:
        raise InputError(f"the matcher {name} cannot be imported: {error}") from error
    if not inspect.isclass(found) or not all(hasattr(found, m) for m in ("check", "depths")):
        raise InputError(f"the matcher {name} must be a class with check and depths; got {found}")
    return found
