"""Faults of recordings: apps' folders, zips, bags, videos and pictures of every kind."""

import os
import socket
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from recording_parts import write_weights

from stdnet_arch.data.codecs.depth_file import read_depth
from stdnet_arch.inference.jobs.command import main

from . import mutate
from .driver import Driver, Trial
from .recording_files import FRAMES, LAYOUTS, write_layouts
from .trial import Outcome, run_forked

TEXTS = {
    **dict.fromkeys((".txt", ".csv", ".pincam", ".yaml"), mutate.change_text),
    **dict.fromkeys((".json", ""), mutate.change_json),
}
FRAME_FOLDERS = ("depth", "rgb", "images", "results", "rgbd", "wide", "lowres_depth")
EXACT = {"tum", "associated", "polycam", "transforms", "arkit", "replica"}
"""Layouts of PNG alone: every frame that is read must be the true one."""


class Recordings(Driver):
    """One file of a recording damaged, or something that is none in its place."""

    name = "recordings"

    def make_inputs(self) -> None:
        """A recording in every layout, and what becomes of it."""
        folder = self.box.inputs
        write_weights(folder / "quick.pth")
        write_weights(
            folder / "plane.safetensors", type="PlaneBlend", num_feat=8, num_block=[1, 1, 1]
        )
        self.layouts = write_layouts(folder)
        self.expected = {}
        for name in self.layouts:
            outcome = run_forked(self.command(name), self.box.work)
            if outcome.code:
                raise RuntimeError(f"the whole {name} could not be read: {outcome.said[-1000:]}")
            self.expected[name] = self.frames()
            self.box.fresh_work()

    def command(self, layout: str, *more: str):
        """The command, into the folder that may be written to."""
        root = self.box.inputs / layout
        places = [str(root / place) for place in LAYOUTS[layout][2].split()]
        words = ["--quiet", "--depth", places[0], "--weights", str(self.box.inputs / "quick.pth")]
        words += ["--rgb", places[1]] if len(places) > 1 else []
        return lambda: main([*words, "-o", str(self.box.work / "out"), *more])

    def frames(self) -> dict[str, np.ndarray]:
        """The frames of a result [m]."""
        return {
            path.stem: read_depth(path) for path in sorted((self.box.work / "out").glob("*.png"))
        }

    def same(self, layout: str) -> bool:
        """Tell whether all frames are those of whole inputs."""
        found, known = self.frames(), self.expected[layout]
        return found.keys() == known.keys() and all(
            np.array_equal(found[name], known[name]) for name in known
        )

    def judge(self, layout: str):
        """A run that ended well has frames; those of formats with checksums are the true ones."""

        def judge(outcome: Outcome) -> list[str]:
            if outcome.code:
                return []
            found, known = self.frames(), self.expected[layout]
            if not found:
                return ["exit 0 without a frame"]
            if layout not in EXACT or len(found) < FRAMES or found.keys() != known.keys():
                return []
            return [] if self.same(layout) else ["wrong values"]

        return judge

    def trials(self) -> Iterator[Trial]:
        """Return all layouts in turn, each with a damaged, a foreign or a hostile file."""
        while True:
            for layout in self.layouts:
                draw = self.draw.random()
                if draw < 0.12:
                    yield self.foreign(layout)
                elif draw < 0.2 and layout == "zip":
                    yield self.hostile_zip()
                else:
                    yield self.damaged(layout)

    def files(self, layout: str) -> list[Path]:
        """The files of a layout."""
        return [path for path in sorted((self.box.inputs / layout).rglob("*")) if path.is_file()]

    def options(self) -> tuple[str, ...]:
        """Options that read more of a recording."""
        return self.draw.choice((
            (), (), ("--min-confidence", "1"), ("--rotate-rgb", "180"), ("--pair", "time"),
            ("--pair", "order"), ("--rotate-depth", "180", "--rotate-rgb", "180", "--ply"),
            ("--ply",), ("--confidence",), ("--weights", str(self.box.inputs / "plane.safetensors"),
                                            "--error-map"),
        ))  # fmt: skip

    def damaged(self, layout: str) -> Trial:
        """Bytes of a file, values of a text."""
        path = self.draw.choice(self.files(layout))
        texts = [p for p in self.files(layout) if p.suffix in TEXTS]
        if texts and self.draw.random() < 0.5:
            path = self.draw.choice(texts)
        way = TEXTS.get(path.suffix) or self.draw.choice(mutate.BYTES)
        large = path.suffix == ".png" and self.draw.random() < 0.1
        more = self.options()

        def prepare() -> None:
            if large:
                mutate.declare_size(path, self.draw)
            else:
                path.write_bytes(way(path.read_bytes(), self.draw))

        # A camera is needed for point clouds alone, and a turn may not fit: then any frames do.
        judge = self.judge(layout) if not more and path.suffix == ".png" else lambda _: []
        name = f"{layout} {path.name} {way.__name__} {' '.join(more)}"
        return Trial(name, prepare, self.command(layout, *more), judge)

    def foreign(self, layout: str) -> Trial:
        """A pipe, a socket, a folder, a loop or a link to nothing in the place of a file."""
        path = self.draw.choice(self.files(layout))
        kind = self.draw.choice(("pipe", "socket", "folder", "loop", "nowhere", "device"))

        def prepare() -> None:
            path.unlink()
            put_foreign(path, kind)

        is_frame = path.parent.name in FRAME_FOLDERS and path.suffix not in {".conf", ""}
        return Trial(
            f"{layout} {path.name} is a {kind}", prepare, self.command(layout),
            refused=is_frame and kind != "folder",
        )  # fmt: skip

    def hostile_zip(self) -> Trial:
        """A zip whose names climb, that unpacks to much, or whose entries are links."""
        path = self.box.inputs / "zip/x.zip"
        kind = self.draw.choice(("climbs", "absolute", "link", "bomb", "device"))

        def prepare() -> None:
            with zipfile.ZipFile(path, "a") as archive:
                if kind == "bomb":
                    archive.writestr("rgbd/9.depth", bytes(1 << 20), zipfile.ZIP_DEFLATED)
                elif kind == "link":
                    item = zipfile.ZipInfo("rgbd/0.conf")
                    item.external_attr = 0o120777 << 16
                    archive.writestr(item, "/etc/passwd")
                else:
                    name = {"climbs": "../../../climbed", "absolute": f"{self.box.root}/climbed"}
                    archive.writestr(name.get(kind, "rgbd/CON"), b"x")

        return Trial(f"zip {kind}", prepare, self.command("zip"))

    def kill(self) -> tuple[str, list[str]]:
        """Kill a run on some recording, start it again, and compare every file."""
        self.restore()
        self.box.fresh_work()
        layout = self.draw.choice(self.layouts)
        run = self.command(layout)
        after_s = self.draw.uniform(0, 0.3)
        first = run_forked(run, self.box.work, kill_after_s=after_s)
        second = run_forked(run, self.box.work)
        problems = first.problems + second.problems
        if second.code or not self.same(layout):
            problems.append("another result than without a kill")
        return f"{layout} killed after {after_s:.2f} s", problems


def put_foreign(path: Path, kind: str) -> None:
    """Put something that is no file at a place."""
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        here = Path.cwd()
        os.chdir(path.parent)  # names of sockets are short
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
        os.chdir(here)
    elif kind == "folder":
        path.mkdir()
    else:
        target = {"loop": path.name, "nowhere": "not there", "device": "/dev/zero"}[kind]
        path.symlink_to(target)
