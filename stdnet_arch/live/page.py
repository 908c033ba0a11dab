"""The page of a live session, for machines without a display; needs the extra ``view``."""

import logging
import os

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.codecs.rgb_codec import encode_jpeg
from stdnet_arch.view.command import LOOPBACK, SILENT, allowed_hosts

LOGGER = logging.getLogger("stdnet_arch")
TITLE = "RGB | LR depth | prediction | expected error"


class Page:
    """Shows pictures in any browser of this machine.

    Args:
        port: port of the page; 0 takes any free one.

    Raises:
        ImportError: Gradio, which brings the server, is not installed.
        OSError: the port is taken.
    """

    name = "page"

    def __init__(self, port: int) -> None:
        os.environ.update(SILENT)
        try:
            from stdnet_arch.view.feed import Feed, make_feed_app
            from stdnet_arch.view.server import serve
        except ImportError as error:
            raise ImportError(
                f"{error}; the page needs Gradio: pip install 'stdnet_arch[view]' (--screen none "
                "shows nothing)"
            ) from error
        self.feed = Feed()
        self.server = serve(
            make_feed_app(self.feed, TITLE, allowed_hosts(LOOPBACK)), LOOPBACK, port
        )
        LOGGER.info("http://%s:%d shows the frames", LOOPBACK, self.server.port)

    def show(self, picture: NDArray[np.uint8]) -> bool:
        """Hand a picture to the open pages; see :class:`stdnet_arch.live.screens.Screen`."""
        self.feed.push(encode_jpeg(picture))
        return True

    def close(self) -> None:
        """End the page."""
        self.feed.end()
        self.server.stop(0.2)
