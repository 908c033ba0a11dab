"""A page that shows pictures as they come, such as those of a live camera."""

import html
import threading
from collections.abc import Iterator, Sequence

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, StreamingResponse
from starlette.middleware.trustedhost import TrustedHostMiddleware

from stdnet_arch.view.server import HomeOnly

BOUNDARY = "picture"
ALIVE_S = 1.0
"""Time after which a page without news gets the last picture again, so that a closed one is
noticed."""
MOST_PAGES = 8
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<body style="margin:0;background:#111;color:#ddd;font:14px system-ui">
<img src="/live.mjpg" alt="{title}" style="width:100%">
<p style="margin:8px">{title}</p></body></html>
"""


class Feed:
    """The newest picture, for any number of pages; nobody waits for a slow one."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._number, self._jpeg, self._ended = 0, b"", False
        self._pages = threading.BoundedSemaphore(MOST_PAGES)

    def push(self, jpeg: bytes) -> None:
        """Show a picture; one that a page has not taken yet is passed over."""
        with self._changed:
            self._number, self._jpeg = self._number + 1, jpeg
            self._changed.notify_all()

    def end(self) -> None:
        """Let all pages go."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def parts(self) -> Iterator[bytes]:
        """Yield the pictures for one page, as parts of an endless answer."""
        if not self._pages.acquire(blocking=False):
            return
        try:
            seen = 0
            while not self._ended:
                seen, jpeg = self._next(seen)
                if jpeg:
                    head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\n"
                    yield f"{head}Content-Length: {len(jpeg)}\r\n\r\n".encode() + jpeg + b"\r\n"
        finally:
            self._pages.release()

    def _next(self, seen: int) -> tuple[int, bytes]:
        """Wait for a picture after number ``seen``; return the newest one and its number."""
        with self._changed:
            self._changed.wait_for(lambda: self._number != seen or self._ended, ALIVE_S)
            return self._number, self._jpeg


def make_feed_app(feed: Feed, title: str, hosts: Sequence[str]) -> FastAPI:
    """Put a feed on a page.

    Args:
        feed: the pictures.
        title: name of the frames.
        hosts: names that a browser may call this server by.
    """
    app = FastAPI(title=title, docs_url=None, redoc_url=None, openapi_url=None)

    def page() -> HTMLResponse:
        return HTMLResponse(PAGE.format(title=html.escape(title)))

    def pictures() -> StreamingResponse:
        kind = f"multipart/x-mixed-replace; boundary={BOUNDARY}"
        return StreamingResponse(
            feed.parts(), media_type=kind, headers={"Cache-Control": "no-store"}
        )

    app.add_api_route("/", page, methods=["GET"], response_model=None)
    app.add_api_route("/live.mjpg", pictures, methods=["GET"], response_model=None)
    app.add_middleware(HomeOnly)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)
    return app
