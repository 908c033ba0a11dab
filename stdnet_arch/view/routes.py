"""Answers to the viewer in the browser: pictures, values, slices, points, files."""

import html
import logging
from collections.abc import Callable
from functools import wraps
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from fastapi import APIRouter, HTTPException
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response, StreamingResponse
from numpy.typing import NDArray

from stdnet_arch.data.codecs.rgb_codec import encode_rgb
from stdnet_arch.utils.commands import is_about_input, tell_error
from stdnet_arch.utils.names import resolve_name
from stdnet_arch.view.clip import OF_ERRORS, VIEWS, ShownClip
from stdnet_arch.view.zip_stream import zip_folder

ASSETS = {"viewer.js": "text/javascript", "points.js": "text/javascript", "viewer.css": "text/css"}
LOGGER = logging.getLogger(__name__)
PNG = "image/png"
FRESH = {"Cache-Control": "no-store"}


class Looking(NamedTuple):
    """Somebody who looks at a clip."""

    clip: ShownClip
    points: Path
    """Folder in which point clouds may be written."""


def look_routes(find: Callable[[str], Looking]) -> APIRouter:
    """Make the routes of the viewer, for any server of FastAPI; ``/look/TOKEN`` is its page.

    Args:
        find: returns what the holder of a token may see; raises KeyError if there is nothing.
    """
    viewer = _Viewer(find)
    answers: dict[str, Callable[..., Response]] = {
        "/look-assets/{name}": _asset,
        "/look/{token}": _page,
        "/look/{token}/clip.json": viewer.clip,
        "/look/{token}/picture/{i}/{view}": viewer.picture,
        "/look/{token}/values/{i}/{x}/{y}": viewer.values,
        "/look/{token}/slice/{i}/{row}/{view}": viewer.slice,
        "/look/{token}/points/{i}.ply": viewer.points,
        "/look/{token}/file/{name:path}": viewer.file,
        "/look/{token}/result.zip": viewer.everything,
    }
    router = APIRouter()
    for path, answer in answers.items():
        router.add_api_route(path, _told(answer), methods=["GET"], response_model=None)
    return router


def describe(clip: ShownClip) -> dict[str, Any]:
    """Say what there is of a clip, as plain values."""
    made, limits = clip.made(), clip.limits()
    looked_at = (0, max(made - 1, 0))
    shown = [view for view in VIEWS if any(clip.has(view, i) for i in looked_at)]
    return {
        "names": clip.names,
        "suffix": clip.output.suffix,
        "about": clip.about,
        "size": [*clip.size()],
        "made": made,
        "done": clip.done,
        "views": shown,
        "limits_m": [limits.near_m, limits.far_m],
        "error_limit_m": clip.error_limit_m() if set(shown) & set(OF_ERRORS) else None,
    }


class _Viewer:
    """Answers for the clip of whoever asks."""

    def __init__(self, find: Callable[[str], Looking]) -> None:
        self.find = find

    def clip(self, token: str) -> Response:
        """Say what there is."""
        return JSONResponse(describe(self._looking(token).clip), headers=FRESH)

    def picture(self, token: str, i: int, view: str) -> Response:
        """Draw a view of a frame."""
        return _png(self._looking(token).clip.picture(view, i))

    def values(self, token: str, i: int, x: int, y: int) -> Response:
        """Say what is under the mouse."""
        return JSONResponse(self._looking(token).clip.values(i, x, y), headers=FRESH)

    def slice(self, token: str, i: int, row: int, view: str) -> Response:
        """Draw a row over time; the header says with which frame it begins."""
        drawn, first = self._looking(token).clip.slice(view, row, i)
        return _png(drawn, {"X-First-Frame": str(first)})

    def points(self, token: str, i: int) -> Response:
        """Send a point cloud."""
        clip, folder = self._looking(token)
        return FileResponse(clip.points(i, folder), headers=FRESH)

    def file(self, token: str, name: str) -> Response:
        """Send a file of the result."""
        path = resolve_name(self._looking(token).clip.output.folder, name, "the name of a file")
        if not path.is_file():
            raise HTTPException(404, f"there is no file {name}")
        return FileResponse(path, filename=path.name, headers=FRESH)

    def everything(self, token: str) -> Response:
        """Send the whole folder of the result."""
        folder = self._looking(token).clip.output.folder
        named = {"Content-Disposition": f'attachment; filename="{folder.name}.zip"', **FRESH}
        return StreamingResponse(zip_folder(folder), media_type="application/zip", headers=named)

    def _looking(self, token: str) -> Looking:
        try:
            return self.find(token)
        except KeyError as error:
            raise HTTPException(404, str(error.args[0])) from error


def _page(token: str) -> Response:
    return HTMLResponse(_text("viewer.html").replace("TOKEN", html.escape(token)), headers=FRESH)


def _asset(name: str) -> Response:
    if name not in ASSETS:
        raise HTTPException(404, f"there is no file {name}")
    return Response(_text(name), media_type=ASSETS[name], headers=FRESH)


def _text(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _png(picture: NDArray[np.uint8], headers: dict[str, str] | None = None) -> Response:
    return Response(encode_rgb(picture), headers={**FRESH, **(headers or {})}, media_type=PNG)


def _told(answer: Callable[..., Response]) -> Callable[..., Response]:
    """Answer, or tell in one line why not."""

    @wraps(answer)  # the server reads the arguments from the signature
    def told(**asked: str | int) -> Response:
        try:
            return answer(**asked)
        except HTTPException:
            raise
        except Exception as error:
            about_input = is_about_input(error)
            if not about_input:
                LOGGER.exception("a bug")
            status = 400 if about_input else 500
            return JSONResponse({"error": tell_error(error)}, status, headers=FRESH)

    return told
