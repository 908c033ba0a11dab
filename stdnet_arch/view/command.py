"""The command line of ``python -m stdnet_arch.view``."""

import argparse
import ipaddress
import logging
import os
import signal
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

from stdnet_arch.inference.jobs.options import log_to_screen
from stdnet_arch.utils.commands import add_debug, run_command
from stdnet_arch.utils.input_errors import InputError
from stdnet_arch.utils.names import check_output_folder
from stdnet_arch.view.address import check_port
from stdnet_arch.view.desk import Desk
from stdnet_arch.view.places import Places
from stdnet_arch.view.sessions import Sessions

LOGGER = logging.getLogger("stdnet_arch")
LOOPBACK = "127.0.0.1"
EVERY = ("0.0.0.0", "::")
PORT = 7860
MB = 1_000_000
UPLOAD_MB = 2000
SILENT = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "FASTAPI_OTEL_AUTO_CONFIGURE": "false",
}
"""Settings that keep the libraries of the page from reporting to anybody."""
STOPPED = "stopped; uploads and results that were not kept are deleted"


def main(argv: Sequence[str] | None = None) -> int:
    """Serve the page until Ctrl-C; return the exit code.

    Args:
        argv: the arguments; None takes the program's.
    """
    args = build_parser().parse_args(argv)
    with log_to_screen(quiet=False), ExitStack() as last:

        def stopped() -> str:
            last.close()
            return STOPPED

        return run_command(lambda: _serve(args, last), LOGGER.error, stopped, args.debug)


def build_parser() -> argparse.ArgumentParser:
    """All options."""
    parser = argparse.ArgumentParser(
        prog="python -m stdnet_arch.view",
        description="Look at a recording or a result in the browser, and run networks on it.",
    )
    parser.add_argument(
        "place",
        nargs="?",
        type=Path,
        help="a folder that infer wrote, or a recording (docs/recordings.md)",
    )
    parser.add_argument("--rgb", type=Path, help="RGB of the recording, if it lies elsewhere")
    parser.add_argument("--port", type=int, default=PORT, help=f"default: {PORT}; 0: any free one")
    parser.add_argument(
        "--share-on",
        metavar="HOST",
        help="listen on this address of the machine, for others; default: only for this machine",
    )
    parser.add_argument(
        "--folder",
        type=Path,
        help="visitors may name files in it; default: the current folder, none with --share-on",
    )
    parser.add_argument(
        "-o", "--output", type=Path, help="keep results in it; default: deleted when a visitor goes"
    )
    parser.add_argument(
        "--max-upload", type=int, default=UPLOAD_MB, metavar="MB", help="of a visitor, unpacked"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:1")
    add_debug(parser)
    return parser


def _serve(args: argparse.Namespace, last: ExitStack) -> None:
    """Serve until the program is told to end."""
    check_port(args.port)
    if args.max_upload < 1:
        raise InputError(f"--max-upload must be at least 1 (MB); got {args.max_upload}")
    places = Places(_roots(args))
    if args.output is not None:
        check_output_folder(args.output, (args.place, args.rgb))
        args.output.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, _end)
    sessions = Sessions(args.max_upload * MB)
    last.callback(sessions.drop)
    os.environ.update({"GRADIO_TEMP_DIR": str(sessions.root / "incoming"), **SILENT})
    try:  # gradio reads the environment while it is imported
        from stdnet_arch.view.page import build_page
        from stdnet_arch.view.server import make_app, serve
    except ImportError as error:
        raise ImportError(
            f"{error}; the page needs Gradio: pip install 'stdnet_arch[view]'"
        ) from error
    desk = Desk(places, args.output and args.output.absolute(), args.device)
    start, rgb = ("" if path is None else str(path.absolute()) for path in (args.place, args.rgb))
    page = build_page(desk, sessions, start, rgb)
    host = args.share_on or LOOPBACK
    app = make_app(page, sessions, allowed_hosts(host), sessions.most_bytes)
    server = serve(app, host, args.port)
    last.callback(server.stop, 0.2)
    LOGGER.info("http://%s:%d  (Ctrl-C ends it)", _in_address(host), server.port)
    if args.share_on is not None:
        LOGGER.warning(
            "whoever reaches %s can use this page: there is no password and no encryption", host
        )
    while server.thread.is_alive():
        server.thread.join(1)


def allowed_hosts(host: str) -> list[str]:
    """Return the names that a browser may call the server by.

    A server of every address cannot know all its names; then any will do.
    """
    if host in EVERY:
        return ["*"]
    return ["localhost", LOOPBACK, "[::1]", _in_address(host)]


def _roots(args: argparse.Namespace) -> list[Path]:
    """List what visitors may read: the folder first, then what was named."""
    folder = args.folder
    if folder is None and args.share_on is None:
        folder = Path.cwd()
    for path in (folder, args.place, args.rgb):
        if path is not None and not path.exists():
            raise FileNotFoundError(f"expected a file or folder at {path}; it does not exist")
    return [path for path in (folder, args.place, args.rgb, args.output) if path is not None]


def _in_address(host: str) -> str:
    """Return a host as it stands in an address."""
    try:
        return f"[{host}]" if ipaddress.ip_address(host).version == 6 else host
    except ValueError:
        return host


def _end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    """End on SIGTERM as on Ctrl-C."""
    signal.raise_signal(signal.SIGINT)
