"""Faults of ``python -m stdnet_arch.live``: replays of broken recordings, kept and stopped."""

import os
import signal
from pathlib import Path

import numpy as np
from recording_parts import write_weights

from stdnet_arch.data.codecs.depth_file import read_depth
from stdnet_arch.inference.jobs.command import main as infer
from stdnet_arch.live.command import main

from . import mutate
from .driver import Driver, Kinds, Trial
from .recording_files import LAYOUTS, write_layouts
from .recordings import put_foreign
from .sandbox import tree
from .trial import Outcome, run_forked

FPS = 50
LISTS = ("done.json", "written.json", "infer.json", ".stdnet-lock")
ENDINGS = (signal.SIGKILL, signal.SIGINT)


class Live(Driver):
    """Recordings and checkpoints that are damaged, targets that are not to be written to."""

    name = "live"

    def make_inputs(self) -> None:
        """A recording in every layout, a checkpoint, a report of somebody else."""
        folder = self.box.inputs
        write_weights(folder / "quick.pth")
        (folder / "mine.json").write_text("{}")
        self.layouts = write_layouts(folder)

    def command(self, layout: str, *more: object, weights: str = "quick.pth", keep: bool = True):
        """A replay, kept in the folder that may be written to."""
        root = self.box.inputs / layout
        places = [root / place for place in LAYOUTS[layout][2].split()]
        words = ["--camera", "replay", *places, "--weights", self.box.inputs / weights]
        words += ["--screen", "none", "--device", "cpu", "--quiet"]
        words += ["--record", self.box.work / "out"] if keep else []
        words += [] if "--fps" in more else ["--fps", FPS]
        return lambda: main([str(word) for word in (*words, *more)])

    def kinds(self) -> Kinds:
        """Return all kinds of faults."""
        return (self.damaged, self.damaged_weights, self.foreign, self.hostile)

    def judge(self, outcome: Outcome) -> list[str]:
        """What was kept can be read, and ``infer`` makes the same of it."""
        out = self.box.work / "out"
        if not (out / "recording/depth").is_dir() or not list((out / "result").glob("*.png")):
            return [] if outcome.code else ["exit 0 and nothing kept"]
        return [*whole(out), *self.made_again(out)]

    def made_again(self, out: Path) -> list[str]:
        """Compare what was kept with what ``infer`` makes of the kept recording."""
        again = self.box.work / "again"
        words = ["--depth", out / "recording", "-o", again, "--quiet", "--device", "cpu"]
        words += ["--weights", self.box.inputs / "quick.pth"]
        outcome = run_forked(lambda: infer([str(word) for word in words]), self.box.work)
        if outcome.code:
            return [f"what was kept cannot be read: {outcome.said[-300:]}"]
        kept, made = tree(out / "result", LISTS), tree(again, LISTS)
        differ = [name for name in kept if kept[name] != made.get(name)]
        return [f"infer makes another {differ[0]} of what was kept"] if differ else []

    def damaged(self) -> Trial:
        """A file of a recording."""
        layout = self.draw.choice(self.layouts)
        files = [p for p in sorted((self.box.inputs / layout).rglob("*")) if p.is_file()]
        path, way = self.draw.choice(files), self.draw.choice(mutate.BYTES)
        return Trial(
            f"{layout} {path.name} {way.__name__}",
            lambda: path.write_bytes(way(path.read_bytes(), self.draw)),
            self.command(layout), self.judge,
        )  # fmt: skip

    def damaged_weights(self) -> Trial:
        """The checkpoint."""
        path, way = self.box.inputs / "quick.pth", self.draw.choice(mutate.BYTES)
        return Trial(
            f"weights {way.__name__}", lambda: path.write_bytes(way(path.read_bytes(), self.draw)),
            self.command("tum", keep=self.draw.random() < 0.5),
        )  # fmt: skip

    def foreign(self) -> Trial:
        """A pipe, a socket, a folder, a loop or a link to nothing in the place of a file."""
        layout = self.draw.choice(self.layouts)
        files = [p for p in sorted((self.box.inputs / layout).rglob("*")) if p.is_file()]
        path = self.draw.choice(files)
        kind = self.draw.choice(("pipe", "socket", "folder", "loop", "nowhere", "device"))

        def prepare() -> None:
            path.unlink()
            put_foreign(path, kind)

        return Trial(f"{layout} {path.name} is a {kind}", prepare, self.command(layout))

    def hostile(self) -> Trial:
        """Options that mean nothing, and places that must not be written to."""
        inputs, work = self.box.inputs, self.box.work
        kept = {"--record": inputs / "tum"}
        more = self.draw.choice((
            ("--fps", "nan"), ("--fps", "inf"), ("--fps", "0"), ("--fps", "-5"),
            ("--seconds", "nan"), ("--seconds", "0"), ("--seconds", "-1"), ("--max-depth", "nan"),
            ("--max-depth", "-1"), ("--device", "mps"), ("--depth-range", "nan"),
            ("--report", inputs / "mine.txt"), ("--report", inputs / "tum/x.json"),
            ("--report", "/dev/null"), ("--report", work / "link.json"), ("--report", work),
            ("--record", kept["--record"]), ("--record", inputs / "tum/depth/new"),
            ("--record", inputs), ("--record", "/dev/null"), ("--record", work / "nowhere"),
            ("--record", work / "loop"), ("--record", inputs / "mine.json"),
            ("--screen", "page", "--port", "-1"), ("--screen", "page", "--port", "70000"),
            ("--screen", "window"), ("--chunk", "x"), ("--scale", "0"), ("--depth-unit", "nan"),
            ("--fps", "1e-320"), ("--camera", "replay"), ("--camera", "nothing"),
            ("--camera", "realsense", inputs / "mine.json"), ("--camera", "replay", "", ""),
        ))  # fmt: skip

        def prepare() -> None:
            os.environ.pop("DISPLAY", None)
            (work / "nowhere").symlink_to("not there")
            (work / "loop").symlink_to("loop")
            (work / "link.json").symlink_to(inputs / "mine.json")

        said = " ".join(map(str, more)).replace(str(self.box.root), "")
        return Trial(f"option {said}", prepare, self.command("tum", *more), refused=True)

    def kill(self) -> tuple[str, list[str]]:
        """End a session anywhere: what is kept is whole, and ``infer`` makes the same of it."""
        self.restore()
        out = self.box.fresh_work() / "out"
        ending, after_s = self.draw.choice(ENDINGS), self.draw.uniform(0, 0.5)
        run = self.command("associated", "--fps", 8)
        first = run_forked(run, self.box.work, 120, after_s, ending)
        problems = list(first.problems)
        if not problems and (out / "recording/depth").is_dir():
            problems += self.judge_ended(out, ending)
        return f"{ending.name} after {after_s:.2f} s", problems

    def judge_ended(self, out: Path, ending: signal.Signals) -> list[str]:
        """A session that was stopped is finished; one that was killed has whole frames."""
        parts = [path.name for path in out.rglob("*.stdnet-part")]
        if ending is signal.SIGINT and parts:
            return [f"left {parts}"]
        problems = whole(out)
        return problems + (self.made_again(out) if list((out / "result").glob("*.png")) else [])


def whole(out: Path) -> list[str]:
    """Tell which file that was kept cannot be read, or has no partner."""
    problems = []
    for path in (*out.glob("recording/depth/*.npy"), *out.glob("result/*.png")):
        if not np.isfinite(read_depth(path)).any():
            problems.append(f"{path.name} holds nothing")
    depth = {path.stem for path in out.glob("recording/depth/*.npy")}
    rgb = {path.stem for path in out.glob("recording/rgb/*.png")}
    result = {path.stem for path in out.glob("result/*.png")}
    missing = sorted(result - depth) + sorted(result - rgb)
    return problems + [f"{name} has a result, and is not in the recording" for name in missing]
