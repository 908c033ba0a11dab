"""Screens of a live session: a window where there is a display, else a page in the browser."""

import logging
import os
import sys
from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.visual.window import ScreenWindow

LOGGER = logging.getLogger("stdnet_arch")
SCREENS = ("auto", "window", "page", "none")
DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")
TITLE = "stdnet_arch.live: RGB | LR depth | prediction | expected error (q ends it)"


class Screen(Protocol):
    """Shows pictures as they come."""

    name: str

    def show(self, picture: NDArray[np.uint8]) -> bool:
        """Show ``(H, W, 3)``, RGB; False: whoever looked has closed it."""

    def close(self) -> None:
        """End it."""


class NoScreen:
    """Shows nothing: to measure, or only to record."""

    name = "none"

    def show(self, picture: NDArray[np.uint8]) -> bool:  # noqa: ARG002
        """See :class:`Screen`."""
        return True

    def close(self) -> None:
        """See :class:`Screen`."""


def open_screen(kind: str, open_page: Callable[[], Screen]) -> Screen:
    """Open what is asked for.

    Args:
        kind: one of :data:`SCREENS`; ``auto``: a window where there is a display, else a page.
        open_page: opens the page.

    Raises:
        ValueError: a window without a display.
        ImportError: the page's library is missing.
    """
    if kind == "none":
        return NoScreen()
    if kind == "page" or (kind == "auto" and not has_display()):
        return open_page()
    if not has_display():
        raise ValueError(
            f"a window needs a display ({' or '.join(DISPLAYS)} is not set); --screen page shows "
            "the frames in a browser"
        )
    return ScreenWindow(TITLE)


def has_display(environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether windows can be opened; asking OpenCV would end the program where not."""
    return sys.platform in {"darwin", "win32"} or any(environment.get(x) for x in DISPLAYS)
