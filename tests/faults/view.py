"""Faults of ``python -m stdnet_arch.view``: all that the page does, without a browser."""

import importlib.util
import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from recording_parts import depth_clip, write_depth_folder, write_recording, write_weights

from stdnet_arch.data.codecs.depth_file import read_depth
from stdnet_arch.inference.jobs.command import main as infer
from stdnet_arch.utils.commands import BUG, FAILED, run_command
from stdnet_arch.view.clip import PREDICTION, VIEWS
from stdnet_arch.view.command import main
from stdnet_arch.view.desk import Desk, JobForm
from stdnet_arch.view.places import Places
from stdnet_arch.view.sessions import Session, Sessions
from stdnet_arch.view.zip_stream import zip_folder

from . import mutate
from .driver import Driver, Kinds, Trial
from .trial import run_forked

FRAMES = 3
WRONG = 9
MB = 1_000_000
LISTS = ("infer.json", "done.json", "written.json", "errors/errors.json")


class View(Driver):
    """Results and recordings that are opened, uploads, fields and output folders."""

    name = "view"

    def make_inputs(self) -> None:
        """A recording, what ``infer`` made of it, a zip of it, a checkpoint."""
        folder = self.box.inputs
        write_recording(folder / "clip", frames=FRAMES, height=6, width=8)
        write_depth_folder(folder / "gt", depth_clip(FRAMES, 24, 32))
        write_weights(folder / "net.pth")
        places = ["--depth", folder / "clip", "--gt", folder / "gt", "-o", folder / "result"]
        words = [*places, "--weights", folder / "net.pth", "--quiet"]
        if infer([str(word) for word in words]):
            raise RuntimeError("the whole recording could not be read")
        self.expected = [read_depth(path) for path in sorted((folder / "result").glob("*.png"))]
        shutil.make_archive(str(folder / "clip"), "zip", folder / "clip")
        (folder / "many").mkdir()
        for i in range(FRAMES):
            (folder / f"many/{i}.npy").write_bytes(b"")

    def form(self, depth: str = "", **more: Any) -> JobForm:
        """Fields of the page, with a network that is quick."""
        return JobForm(**{"depth": depth, "weights": str(self.box.inputs / "net.pth"), **more})

    def visit(
        self,
        form: JobForm,
        run: bool = False,
        sent: Callable[[Session], object] = lambda _: None,
        keep: Path | None = None,
    ) -> Callable[[], int]:
        """A visitor who uploads, opens or runs, and looks at everything."""

        def visit() -> int:
            sessions = Sessions(5 * MB, self.box.work / "visitors")
            desk = Desk(Places([self.box.inputs]), keep, "cpu")
            session = sessions.of("tab")
            sent(session)
            told = list(desk.run(session, form)) if run else [desk.open(session, form)]
            print("\n".join(filter(None, (told[-1].lines, told[-1].error))))  # noqa: T201
            code = _code(told[-1].error)
            if session.shown is not None:
                code = max(code, look_at_all(sessions, session), key=_badness)
            sessions.close_all()
            left = list((self.box.work / "visitors").glob("*"))
            return WRONG if left else code

        return lambda: run_command(visit)

    def kinds(self) -> Kinds:
        """Return all kinds of faults."""
        return (
            self.damaged_result,
            self.damaged_recording,
            self.damaged_upload,
            self.hostile_zip,
            self.odd_form,
            self.hostile,
        )

    def change(self, path: Path, way: mutate.Mutation) -> None:
        """Damage a file."""
        path.write_bytes(way(path.read_bytes(), self.draw))

    def damaged_result(self) -> Trial:
        """A file of a finished result; a frame that can be read is the true one."""
        root = self.box.inputs / "result"
        files = [path for path in sorted(root.rglob("*")) if path.is_file()]
        lists = [root / name for name in LISTS if (root / name).is_file()]
        path = self.draw.choice(lists if self.draw.random() < 0.6 else files)
        way = mutate.change_json if path.suffix == ".json" else self.draw.choice(mutate.BYTES)

        def visit() -> int:
            sessions = Sessions(5 * MB, self.box.work / "visitors")
            session = sessions.of("tab")
            told = Desk(Places([self.box.inputs]), None, "cpu").open(session, JobForm(str(root)))
            print(told.lines, told.error)  # noqa: T201
            if session.shown is None:
                return _code(told.error)
            code = look_at_all(sessions, session)
            return code if path.suffix == ".json" else max(code, self.compare(session))

        return Trial(
            f"result {path.name} {way.__name__}", lambda: self.change(path, way),
            lambda: run_command(visit),
        )  # fmt: skip

    def compare(self, session: Session) -> int:
        """``WRONG`` if a predicted frame that can be read is not the true one."""
        for i, expected in enumerate(self.expected):
            try:
                found = session.shown.read(PREDICTION, i)
            except (ValueError, OSError):
                continue
            if not np.array_equal(found, expected):
                return WRONG
        return 0

    def damaged_recording(self) -> Trial:
        """A file of a recording or the checkpoint, which is run."""
        names = ("clip/depth/d_0001.png", "clip/rgb/c_0000.png", "net.pth", "gt/d_0002.png")
        path, way = self.box.inputs / self.draw.choice(names), self.draw.choice(mutate.BYTES)
        keep = self.draw.choice((None, self.box.work / "kept"))
        form = self.form("clip", truth="gt", ply=self.draw.random() < 0.3)
        run = self.visit(form, self.draw.random() < 0.7, keep=keep)
        return Trial(f"{path.name} {way.__name__}", lambda: self.change(path, way), run)

    def damaged_upload(self) -> Trial:
        """A broken zip, checkpoint or frame; more files of an odd kind."""
        what, names = self.draw.choice((
            ("depth", ["clip.zip"]), ("depth", ["clip.zip"]), ("weights", ["net.pth"]),
            ("rgb", [f"clip/rgb/c_{i:04d}.png" for i in range(FRAMES)]),
            ("depth", [f"clip/depth/d_{i:04d}.png" for i in range(FRAMES)]),
            ("truth", [f"gt/d_{i:04d}.png" for i in range(FRAMES)]),
            ("depth", ["many/0.npy", "many/1.npy"]), ("depth", ["clip.zip", "net.pth"]),
        ))  # fmt: skip
        way = self.draw.choice(mutate.BYTES)
        first = self.box.inputs / names[0]

        def send(session: Session) -> None:
            session.take(what, self.copied([self.box.inputs / name for name in names]))

        form = self.form(
            "" if what == "depth" else "clip", rgb="clip/rgb" if len(names) > 1 else ""
        )
        return Trial(
            f"upload {what} {names[0]} {way.__name__}",
            lambda: first.write_bytes(way(first.read_bytes() or b"x", self.draw)),
            self.visit(form, self.draw.random() < 0.5, send),
        )  # fmt: skip

    def copied(self, paths: list[Path]) -> list[Path]:
        """The files where a server puts what comes in."""
        folder = Path(tempfile.mkdtemp(dir=self.box.work))
        return [Path(shutil.copy(path, folder / path.name)) for path in paths]

    def hostile_zip(self) -> Trial:
        """A zip that climbs, links out, is a bomb, or holds a name twice."""
        kind = self.draw.choice(list(ENTRIES))

        def send(session: Session) -> None:
            (path,) = self.copied([self.box.inputs / "clip.zip"])
            with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
                for name, content, mode in ENTRIES[kind]:
                    item = zipfile.ZipInfo(name.replace("ROOT", str(self.box.root)))
                    item.external_attr, item.compress_type = mode << 16, zipfile.ZIP_DEFLATED
                    archive.writestr(item, content)
            session.take("depth", [path])

        refused = kind in {"climbs", "absolute", "windows", "bomb", "up in the middle"}
        run = self.visit(self.form(), self.draw.random() < 0.5, send)
        return Trial(f"zip {kind}", lambda: None, run, refused=refused)

    def odd_form(self) -> Trial:
        """What somebody may type into the fields."""
        odd = self.draw.choice((
            {"depth": "../"}, {"depth": "/etc"}, {"depth": "a\0b"}, {"depth": "x" * 5000},
            {"depth": "~"}, {"depth": "net.pth"}, {"depth": "clip.zip", "rgb": "net.pth"},
            {"weights": "/etc/passwd"}, {"weights": "../x.pth"}, {"weights": "clip/rgb"},
            {"weights": "no such"}, {"weights": "ü\ud800"}, {"truth": "net.pth"},
            {"rgb": "clip.zip"},
            {"options": "--overwrite"}, {"options": "--weights x"}, {"options": "'"},
            {"options": "--help"}, {"options": "-h"}, {"options": "--depth /etc"},
            {"options": "--mp4 /tmp/x.mp4"}, {"options": "--fps nan"}, {"options": "--tile 0"},
            {"options": "--max-depth -1"}, {"options": "--intrinsics 0 0 0 0"},
            {"options": "--rotate-rgb 45"}, {"options": "--format exe"}, {"options": "\0"},
            {"options": "--depth-unit nan"}, {"options": "--holes mark --refine"},
        ))  # fmt: skip
        form = self.form(**{"depth": "clip", **odd})
        return Trial(f"form {odd!r:.60}", lambda: None, self.visit(form, True), refused=True)

    def hostile(self) -> Trial:
        """Places that results must not be kept in, and options that mean nothing."""
        inputs, work = self.box.inputs, self.box.work
        (nowhere, loop), clip = (work / "nowhere", work / "loop"), inputs / "clip"
        words = self.draw.choice((
            [clip, "-o", clip], [clip, "-o", clip / "depth/kept"], [clip, "-o", inputs / "net.pth"],
            [clip, "-o", inputs / "net.pth/x"], [clip, "-o", "/dev/null"], [clip, "-o", nowhere],
            [clip, "-o", loop], [inputs / "none"], ["--folder", inputs / "none"], ["--port", "-1"],
            ["--port", "70000"], ["--max-upload", "0"], ["--rgb", inputs / "none", clip],
            [clip, "--rgb", inputs / "gt", "-o", inputs / "gt/new"], ["--port", "x"],
        ))  # fmt: skip

        def prepare() -> None:
            nowhere.symlink_to("not there")
            loop.symlink_to("loop")

        said = " ".join(map(str, words)).replace(str(self.box.root), "")
        run = lambda: main(["--port", "0", *map(str, words)])  # noqa: E731
        return Trial(f"command {said}", prepare, run, refused=True)

    def kill(self) -> tuple[str, list[str]]:
        """Kill a page while it runs; the next one deletes its visitors, and shows what is kept."""
        self.restore()
        work = self.box.fresh_work()
        keep, temporary = work / "kept", work / "tmp"
        temporary.mkdir()

        def page() -> int:
            tempfile.tempdir = str(temporary)
            sessions = Sessions(5 * MB)
            session = sessions.of("tab")
            desk = Desk(Places([self.box.inputs, keep]), keep, "cpu")
            session.take("depth", self.copied([self.box.inputs / "clip.zip"]))
            for told in desk.run(session, self.form()):
                code = _code(told.error)
            return code

        def next_page() -> int:
            tempfile.tempdir = str(temporary)
            sessions = Sessions(5 * MB)
            left = [path for path in temporary.glob("stdnet-view-*") if path != sessions.root]
            if left:
                print("left", [str(path) for one in left for path in (one, *one.rglob("*"))])  # noqa: T201
                return WRONG
            codes = [0]
            for result in sorted(keep.glob("*")):
                session = sessions.of(result.name)
                told = Desk(Places([keep]), None, "cpu").open(session, JobForm(str(result)))
                print(told.lines, told.error)  # noqa: T201
                codes.append(BUG if _code(told.error) == BUG else 0)
                if session.shown is not None:
                    codes += [look_at_all(sessions, session), self.compare(session)]
            return max(codes, key=_badness)

        after_s = self.draw.uniform(0, getattr(self, "longest_s", 0.5))
        first = run_forked(lambda: run_command(page), work, kill_after_s=after_s)
        if first.code == 0:
            self.longest_s = max(first.seconds, 0.02)
        second = run_forked(lambda: run_command(next_page), work)
        problems = first.problems + second.problems
        if problems:
            problems.append(second.said[-300:])
        return f"killed after {after_s:.2f} s", problems


ENTRIES: dict[str, list[tuple[str, bytes, int]]] = {
    "climbs": [("../../climbed.png", b"x", 0o644)],
    "up in the middle": [("depth/../../climbed.png", b"x", 0o644)],
    "absolute": [("ROOT/climbed.png", b"x", 0o644)],
    "windows": [("..\\..\\climbed.png", b"x", 0o644)],
    "links": [("depth/z", b"/etc", 0o120777), ("depth/z/x.png", b"x", 0o644)],
    "link to a file": [("rgb/z.png", b"/etc/passwd", 0o120777)],
    "bomb": [("depth/z.npy", bytes(50 * MB), 0o644)],
    "pipe": [("depth/z.png", b"", 0o010644)],
    "device": [("depth/CON", b"x", 0o644)],
    "twice": [("depth/d_0001.png", b"x", 0o644)],
    "file and folder": [("depth/d_0001.png/x", b"x", 0o644)],
    "long": [("depth/" + "z" * 300 + ".png", b"x", 0o644)],
    "deep": [("z/" * 200 + "x.png", b"x", 0o644)],
    "result": [("infer.json", json.dumps({"depth": "/etc", "rgb": None}).encode(), 0o644)],
}
"""Names, contents and modes of what is added to a zip."""


def look_at_all(sessions: Sessions, session: Session) -> int:
    """Ask for all that the viewer can ask for; 70 if any answer is a bug's.

    Answers about input are fine: a damaged file is told as such.
    """
    if importlib.util.find_spec("fastapi") is None:  # it comes with the extra [view]
        return 0
    from stdnet_arch.view.routes import Looking, look_routes

    def find(token: str) -> Looking:
        holder, clip = sessions.shown(token)
        return Looking(clip, holder.folder / "points")

    answers = {route.path: route.endpoint for route in look_routes(find).routes}
    token, worst = session.token, 0
    for path, asked in _questions(len(session.shown)):
        answer: Any = answers[f"/look/{{token}}/{path}"](token=token, **asked)
        if answer.status_code >= 500:
            print(path, asked, bytes(answer.body)[:300])  # noqa: T201
            worst = BUG
    for block in zip_folder(session.shown.output.folder):
        assert isinstance(block, bytes)
    return worst


def _questions(frames: int) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "clip.json", {}
    for i in (*range(min(frames, FRAMES)), -1, frames):
        for view in (*VIEWS, "none"):
            yield "picture/{i}/{view}", {"i": i, "view": view}
            yield "slice/{i}/{row}/{view}", {"i": i, "row": 2, "view": view}
        yield "values/{i}/{x}/{y}", {"i": i, "x": 3, "y": 3}
        yield "points/{i}.ply", {"i": i}
    for name in ("infer.json", "../infer.json", "/etc/passwd", "none", "a\0b", "x" * 500):
        yield "file/{name:path}", {"name": name}


def _code(error: str) -> int:
    """The exit code that fits what a visitor is told."""
    return 0 if not error else BUG if error.startswith("bug") else FAILED


def _badness(code: int) -> int:
    return (0, FAILED, WRONG, BUG).index(code)
