"""Faults of programs that make a file or start others: flow, exports, the launcher, the shipped."""

import sys
from collections.abc import Callable
from pathlib import Path

import torch
from recording_parts import write_weights

from stdnet_arch import launch
from stdnet_arch.archs.checkpoints.adapters import read_checkpoint
from stdnet_arch.utils.commands import run_command
from stdnet_arch.weights.__main__ import weights_table
from stdnet_arch.weights.shipped import find, list_shipped

from . import mutate
from .driver import Driver, Kinds, Trial
from .tools import PLANE, script
from .trial import EXPECTED, Outcome, run_forked

WORKERS = {
    "quiet": "import sys; sys.exit(0)",
    "fails": "import sys; sys.stderr.write('error: no\\n'); sys.exit(1)",
    "usage": "import sys; sys.stderr.write('usage\\n'); sys.exit(2)",
    "left out": "import sys; sys.stderr.write('one clip\\n'); sys.exit(3)",
}
"""Programs that the launcher starts."""


class Programs(Driver):
    """Arguments that mean nothing, places that are no targets, damaged files, kills."""

    name = "programs"

    def make_inputs(self) -> None:
        """Checkpoints, a folder of shipped weights, programs to launch."""
        folder = self.box.inputs
        write_weights(folder / "net.pth")
        (folder / "shipped").mkdir()
        write_weights(folder / "shipped/plane.safetensors", **PLANE)
        write_weights(folder / "shipped/net.pth")
        for name, text in WORKERS.items():
            (folder / f"{name}.py").write_text(text)
        (folder / "torn.py").write_text("import (")

    def kinds(self) -> Kinds:
        """Return all kinds of faults."""
        return (
            self.odd_flow,
            self.odd_export,
            self.damaged_export,
            self.damaged_shipped,
            self.launched,
            self.odd_launch,
        )

    def flow(self, *more: object, output: object = None) -> Callable[[], int]:
        """The shortest training of a flow network."""
        words = ["--seconds", "0.01", "--batch", "1", "--size", "64"]
        return script("train_flow.py", *words, "-o", output or self.box.work / "x.pth", *more)

    def odd_flow(self) -> Trial:
        """Numbers that cannot be trained with, and targets that must not be written to."""
        inputs, work = self.box.inputs, self.box.work
        more, output = self.draw.choice((
            (("--seconds", "nan"), None), (("--seconds", "-1"), None), (("--seconds", "inf"), None),
            (("--lr", "nan"), None), (("--lr", "inf"), None), (("--lr", "1e30"), None),
            (("--batch", "0"), None), (("--batch", 10**9), None), (("--size", "65"), None),
            (("--size", "-64"), None), (("--size", 2**40), None), (("--size", 64000), None),
            (("--seed", 10**30), None), (("--seed", "x"), None),
            ((), inputs / "x.txt"), ((), inputs), ((), "/dev/null"), ((), work / "link.pth"),
            ((), inputs / "quiet.py/x.pth"), ((), work / "pipe.pth"),
        ))  # fmt: skip

        def prepare() -> None:
            (work / "link.pth").symlink_to(inputs / "net.pth")
            (work / "pipe.pth").symlink_to("/dev/zero")

        def judge(_: Outcome) -> list[str]:
            return ["left a file"] if (work / "x.pth").exists() else []

        said = f"flow {more} {output}".replace(str(self.box.root), "")
        return Trial(said, prepare, self.flow(*more, output=output), judge, refused=True)

    def export(self, *more: object, output: object = None) -> Callable[[], int]:
        """An export of a small network."""
        words = ["--weights", self.box.inputs / "net.pth", "--size", "32x32", "--frames", "1"]
        return script("export.py", *words, "-o", output or self.box.work / "x.pt2", *more)

    def odd_export(self) -> Trial:
        """Options that mean nothing, and targets that must not be written to."""
        inputs, work = self.box.inputs, self.box.work
        step = ("--step", "--weights", inputs / "shipped/plane.safetensors")
        more, output = self.draw.choice((
            (("--size", "0x0"), None), (("--size", "-32x32"), None), (("--size", "x"), None),
            (("--size", "33x32"), None), (("--size", "1000000x1000000"), None),
            (("--frames", "0"), None), (("--frames", "-1"), None), (("--frames", 10**9), None),
            (("--threads", "0"), None), (("--threads", "-2"), None),
            (("--depth_step", "nan"), None), (("--depth_step", "-1"), None),
            (("--depth_range", "0"), None), (("--depth_range", "nan"), None),
            (("--scale", "0"), None), (("--weights", "no such"), None),
            (("--weights", inputs), None), (("--weights", inputs / "quiet.py"), None),
            ((*step, "--depth_step", "nan"), None),
            ((*step, "--size", "0x0"), None), ((*step, "--size", "31x32"), None),
            ((), inputs / "net.pth"), ((), inputs / "x.txt"), ((), "/dev/null"), ((), inputs),
            ((), work / "link.pt2"), ((), inputs / "quiet.py/x.pt2"),
        ))  # fmt: skip

        def prepare() -> None:
            (work / "link.pt2").symlink_to(inputs / "net.pth")

        said = f"export {more} {output}".replace(str(self.box.root), "")
        return Trial(said, prepare, self.export(*more, output=output), refused=True)

    def damaged_export(self) -> Trial:
        """A damaged checkpoint; what is exported can be opened."""
        path, way = self.box.inputs / "net.pth", self.draw.choice(mutate.BYTES)

        def judge(outcome: Outcome) -> list[str]:
            return [] if outcome.code else self.opened(self.box.work / "x.pt2")

        return Trial(
            f"export of weights {way.__name__}",
            lambda: path.write_bytes(way(path.read_bytes(), self.draw)), self.export(), judge,
        )  # fmt: skip

    def opened(self, path: Path) -> list[str]:
        """Tell whether an export cannot be opened."""
        outcome = run_forked(lambda: torch.export.load(path) and 0, self.box.work)
        return [f"cannot be opened: {outcome.said[-200:]}"] if outcome.code else []

    def damaged_shipped(self) -> Trial:
        """A file in the folder of shipped weights."""
        folder = self.box.inputs / "shipped"
        path = folder / self.draw.choice(("plane.safetensors", "net.pth"))
        way, foreign = self.draw.choice(mutate.BYTES), self.draw.random() < 0.2

        def prepare() -> None:
            data = way(path.read_bytes(), self.draw)
            if foreign:
                path.unlink()
                path.symlink_to(self.draw.choice(("/dev/zero", path.name, "nowhere")))
            else:
                path.write_bytes(data)

        def run() -> None:
            every = list_shipped(folder)
            sys.stdout.write(weights_table(every).text())
            for one in every:
                find(one.name, folder).check()

        return Trial(f"shipped {path.name} {way.__name__}", prepare, lambda: run_command(run))

    def launched(self) -> Trial:
        """A program of two processes that ends by itself: its exit code is the launcher's."""
        name = self.draw.choice(list(WORKERS))
        wanted = list(WORKERS).index(name)

        def judge(outcome: Outcome) -> list[str]:
            return [] if outcome.code == wanted else [f"ended with {outcome.code}, not {wanted}"]

        return Trial(
            f"launched {name}", lambda: None, self.launch("2", self.box.inputs / f"{name}.py"),
            judge,
        )  # fmt: skip

    def launch(self, processes: object, *words: object) -> Callable[[], int]:
        """The launcher, as its command line calls it."""

        def run() -> int:
            sys.argv = [
                "launch",
                "--standalone",
                "--nproc_per_node",
                *map(str, (processes, *words)),
            ]
            return launch.main()

        return run

    def odd_launch(self) -> Trial:
        """Options that mean nothing, and programs that are none."""
        inputs = self.box.inputs
        words = self.draw.choice((
            ("x", inputs / "quiet.py"), ("0", inputs / "quiet.py"), ("-1", inputs / "quiet.py"),
            ("1",), ("1", inputs / "none.py"), ("1", inputs), ("1", "--nnodes", "x", "y.py"),
            ("1", "--no-python", inputs / "none"), ("1", "--no-python", inputs / "quiet.py"),
            ("1", "-m", "no.such.module"), ("gpu", inputs / "quiet.py"), ("1", "--rdzv_conf", "x"),
        ))  # fmt: skip
        said = " ".join(map(str, words)).replace(str(self.box.root), "")
        return Trial(f"launch {said}", lambda: None, self.launch(*words), refused=True)

    def kill(self) -> tuple[str, list[str]]:
        """Kill a training or an export anywhere: its file is whole, or not there."""
        self.restore()
        work = self.box.fresh_work()
        ways = {"flow": (self.flow(), "x.pth"), "export": (self.export(), "x.pt2")}
        way = self.draw.choice(list(ways))
        run, name = ways[way]
        after_s = self.draw.uniform(0, getattr(self, f"{way}_s", 3.0))
        first = run_forked(run, work, kill_after_s=after_s)
        problems = list(first.problems)
        if first.code in EXPECTED:
            setattr(self, f"{way}_s", max(first.seconds, 0.02))
        found = [path.name for path in work.iterdir() if not path.name.endswith(".stdnet-part")]
        if found not in ([], [name]):
            problems.append(f"left {found}")
        if found:
            problems += self.opened(work / name) if way == "export" else self.read(work / name)
        return f"{way} killed after {after_s:.2f} s", problems

    def read(self, path: Path) -> list[str]:
        """Tell whether weights cannot be read."""
        outcome = run_forked(lambda: not read_checkpoint(path), self.box.work)
        return [f"cannot be read: {outcome.said[-200:]}"] if outcome.code else []
