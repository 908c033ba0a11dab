"""The server of the page: nobody outside is asked for anything, or answered by mistake."""

import logging
import re
import threading
from collections.abc import Sequence
from typing import NamedTuple

import gradio as gr
import uvicorn
from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stdnet_arch.view.address import listen
from stdnet_arch.view.page import STYLE
from stdnet_arch.view.routes import Looking, look_routes
from stdnet_arch.view.sessions import POINTS, Sessions

POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self' blob: data:; worker-src 'self' blob:; frame-ancestors 'self'"
)
"""Permission for a browser to load from this server, and nowhere else."""
SYSTEM_FONT = ("system-ui", "sans-serif")
MONO_FONT = ("ui-monospace", "monospace")
FOREIGN = re.compile(rb"<(?:meta|link)\b[^>]*[\"'](?:https?:)?//[^>]*>")
"""Tags of Gradio's page that name other servers: previews for social networks."""
PACKABLE = (".js", ".css", ".woff2", ".svg")
START_S = 60.0


def make_app(page: gr.Blocks, sessions: Sessions, hosts: Sequence[str], most_bytes: int) -> FastAPI:
    """Put page and viewer behind one address.

    Args:
        page: see :func:`stdnet_arch.view.page.build_page`.
        sessions: the visitors.
        hosts: names that a browser may call this server by. Others are refused, since a strange
            page could name an address of its own that leads here.
        most_bytes: size of one uploaded file.
    """

    def find(token: str) -> Looking:
        session, clip = sessions.shown(token)
        return Looking(clip, session.folder / POINTS)

    app = FastAPI(title="stdnet_arch.view", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(look_routes(find))
    app.add_middleware(HomeOnly)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)
    return gr.mount_gradio_app(
        app,
        page,
        "/",
        max_file_size=most_bytes,
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        mcp_server=False,
        enable_monitoring=False,
        show_error=True,
        theme=gr.themes.Default(font=list(SYSTEM_FONT), font_mono=list(MONO_FONT)),
        css=STYLE,
    )


class HomeOnly:
    """Keeps the browser at home: a policy on every answer, and no tag that names another server.

    Args:
        app: application that answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if not scope["path"].endswith(PACKABLE):  # tags cannot be found in packed pages
            plain = [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]
            scope = {**scope, "headers": plain}
        held: list[Message] = []
        body = bytearray()

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                headers["Content-Security-Policy"] = POLICY
                headers["Referrer-Policy"] = "no-referrer"
                headers["X-Content-Type-Options"] = "nosniff"
                if headers.get("content-type", "").startswith("text/html"):
                    held.append(message)  # until its new length is known
                    return
            elif held:
                body.extend(message.get("body", b""))
                if message.get("more_body"):
                    return
                whole = FOREIGN.sub(b"", bytes(body))
                MutableHeaders(raw=held[0]["headers"])["content-length"] = str(len(whole))
                await send(held.pop())
                message = {"type": "http.response.body", "body": whole}
            await send(message)

        await self.app(scope, receive, answer)


class Server(NamedTuple):
    """A server that runs in a thread."""

    server: uvicorn.Server
    thread: threading.Thread

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.server.servers[0].sockets[0].getsockname()[1])

    def stop(self, wait_s: float = 5.0) -> None:
        """End it; open connections are cut, which is no news to anybody."""
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL + 1)
        self.server.should_exit = self.server.force_exit = True
        self.thread.join(wait_s)


def serve(app: FastAPI, host: str, port: int) -> Server:
    """Serve in a thread, so that Ctrl-C belongs to the command.

    Args:
        app: application that answers.
        host: address to listen on.
        port: 0 takes any free one.

    Raises:
        InputError: the port is none.
        OSError: the address cannot be used; the message says why.
    """
    listening = listen(host, port)
    config = uvicorn.Config(
        app, host=host, port=port, log_level="warning", access_log=False, server_header=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(
        target=server.run, args=([listening],), name="view-server", daemon=True
    )
    thread.start()
    thread_began = threading.Event()
    for _ in range(int(START_S / 0.05)):
        if server.started or not thread.is_alive():
            break
        thread_began.wait(0.05)
    if not server.started:
        listening.close()
        raise OSError(f"the server of {host}:{port} did not start")
    return Server(server, thread)
