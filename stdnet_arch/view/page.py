"""The page: fields and buttons in Gradio around the viewer."""

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from stdnet_arch.utils.commands import is_about_input, tell_error
from stdnet_arch.view.desk import Desk, JobForm, Told
from stdnet_arch.view.sessions import MOST_VISITORS, Session, Sessions
from stdnet_arch.weights.shipped import list_shipped

PRIVATE: dict[str, Any] = {"api_visibility": "private"}
Values = dict[Any, Any]
"""Values by field, as Gradio gives them."""
FITTING = "chosen for the recording"
KINDS = {
    "depth": "Recording, or its depth (a zip, a bag, a video, a stack, or all frames)",
    "rgb": "RGB, if the recording does not hold it (a video, or all frames)",
    "truth": "True depth, if there is any",
    "weights": "A checkpoint of your own (.pth, .safetensors)",
}
NOTHING = "<p>Open a recording or a result; it is shown here.</p>"
FRAME_HEIGHT = 1500
STYLE = "footer {display: none !important} .gradio-container {max-width: 1400px !important}"
CLEAN_EVERY_S, OLDEST_S = 600, 3600
"""Uploads that no visitor took in are deleted after that time."""


def build_page(desk: Desk, sessions: Sessions, start: str = "", rgb: str = "") -> gr.Blocks:
    """Build the page.

    Args:
        desk: does what the buttons ask for.
        sessions: the visitors.
        start: a recording or a result that is opened for each visitor.
        rgb: its RGB, if that lies elsewhere.
    """
    with gr.Blocks(
        title="stdnet_arch", analytics_enabled=False, delete_cache=(CLEAN_EVERY_S, OLDEST_S)
    ) as page:
        gr.Markdown("# Depth super-resolution\nOpen a recording, look at it, run a network.")
        with gr.Row():
            fields, (opened, run, stop) = _add_controls(desk, sessions, start, rgb)
            shown = _add_sights()
        buttons = _Buttons(desk, sessions, fields)
        form: set[Any] = set(fields.values())
        opened.click(buttons.open, form, shown, **PRIVATE)
        run.click(buttons.run, form, shown, concurrency_limit=MOST_VISITORS, **PRIVATE)
        stop.click(buttons.stop, None, shown[1], concurrency_limit=None, **PRIVATE)
        if start:
            page.load(buttons.open, form, shown, **PRIVATE)
        page.unload(buttons.leave)
    page.queue(max_size=4 * MOST_VISITORS)
    return page


def _add_controls(
    desk: Desk, sessions: Sessions, start: str, rgb: str
) -> tuple[dict[str, gr.Component], tuple[gr.Button, gr.Button, gr.Button]]:
    """Add fields, uploads and buttons."""
    with gr.Column(scale=1, min_width=320):
        fields = _add_fields(desk, start, rgb)
        _add_uploads(sessions)
        with gr.Row():
            opened = gr.Button("Open", elem_id="open")
            run = gr.Button("Run", variant="primary", elem_id="run")
            stop = gr.Button("Stop", variant="stop", elem_id="stop")
    return fields, (opened, run, stop)


def _add_sights() -> list[gr.Component]:
    """Add what is told and shown: lines of ``infer``, the progress, the viewer."""
    with gr.Column(scale=3, min_width=640):
        return [
            gr.Textbox(label="infer says", lines=3, elem_id="lines", interactive=False),
            gr.Markdown(elem_id="progress"),
            gr.HTML(NOTHING, elem_id="viewer-frame"),
        ]


def _add_fields(desk: Desk, start: str, rgb: str) -> dict[str, gr.Component]:
    """Add a field for each of a :class:`JobForm`."""
    paths = bool(desk.places)
    where = f" on this machine, in {desk.places.roots[0]}" if paths else ""
    named = [FITTING, *(shipped.name for shipped in list_shipped())]
    label = "Checkpoint: a name" + (" or a path" if paths else "")
    return {
        "depth": gr.Textbox(
            start, label="Recording or result" + where, visible=paths, elem_id="depth"
        ),
        "rgb": gr.Textbox(rgb, label="Its RGB, if elsewhere", visible=paths, elem_id="rgb"),
        "truth": gr.Textbox(label="Its true depth, if any", visible=paths, elem_id="truth"),
        "weights": gr.Dropdown(
            named, value=FITTING, label=label, allow_custom_value=True, elem_id="weights"
        ),
        "error_map": gr.Checkbox(True, label="expected errors, if the network has them"),
        "ply": gr.Checkbox(False, label="point clouds of all frames", elem_id="ply"),
        "video": gr.Checkbox(False, label="a video", elem_id="video"),
        "options": gr.Textbox(
            label="Further options of infer", placeholder="--refine --any-ratio", elem_id="options"
        ),
    }


def _add_uploads(sessions: Sessions) -> None:
    """Add a place for each kind of upload."""
    with gr.Accordion("Upload (deleted when you leave)", open=False, elem_id="uploads"):
        for what, label in KINDS.items():
            field = gr.File(file_count="multiple", label=label, elem_id=f"upload-{what}", height=90)
            note = gr.Markdown(elem_id=f"note-{what}")
            field.upload(_taking(sessions, what), field, [field, note], **PRIVATE)


def _taking(sessions: Sessions, what: str) -> Callable[[list[str], gr.Request], tuple[None, str]]:
    """Make what is called with an upload of a kind."""

    def take(names: list[str], request: gr.Request) -> tuple[None, str]:
        try:
            kept = sessions.of(request.session_hash).take(what, [Path(name) for name in names])
        except Exception as error:
            if not is_about_input(error):
                raise
            return None, tell_error(error)
        return None, f"taken: {kept.name}" if len(names) == 1 else f"taken: {len(names)} files"

    return take


class _Buttons:
    """Translates between the fields of the page and the desk."""

    def __init__(self, desk: Desk, sessions: Sessions, fields: Mapping[str, gr.Component]) -> None:
        self.desk, self.sessions, self.fields = desk, sessions, fields

    def open(self, values: Values, request: gr.Request) -> tuple[str, str, Any]:
        """Open what the fields name."""
        session = self.sessions.of(request.session_hash)
        return _shown(session, self.desk.open(session, self._form(values)))

    def run(self, values: Values, request: gr.Request) -> Iterator[tuple[str, str, Any]]:
        """Run what the fields name."""
        session = self.sessions.of(request.session_hash)
        for told in self.desk.run(session, self._form(values)):
            yield _shown(session, told)

    def stop(self, request: gr.Request) -> str:
        """Ask the visitor's run to stop."""
        return self.desk.stop(self.sessions.of(request.session_hash))

    def leave(self, request: gr.Request) -> None:
        """Delete what belongs to a visitor who closes the page."""
        self.sessions.close(request.session_hash)

    def _form(self, values: Values) -> JobForm:
        """Fill in a form; an empty field is what a form has by itself."""
        given = {name: values[field] for name, field in self.fields.items()}
        if given["weights"] == FITTING:
            given["weights"] = ""
        return JobForm(**{name: value for name, value in given.items() if value is not None})


def _shown(session: Session, told: Told) -> tuple[str, str, Any]:
    """Return lines, progress and viewer as Gradio takes them."""
    lines = "\n".join(filter(None, (told.lines, told.error)))
    if session.shown is None:
        return lines, told.progress, NOTHING
    if not told.news:
        return lines, told.progress, gr.skip()
    news = time.monotonic_ns()  # the same address would not be loaded again
    frame = (
        f'<iframe src="/look/{session.token}?news={news}" title="viewer" id="look" '
        f'style="width:100%;height:{FRAME_HEIGHT}px;border:0"></iframe>'
    )
    return lines, told.progress, frame
