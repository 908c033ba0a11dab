"""Faults of ``python -m stdnet_arch.stereodiff``."""

import json
from collections.abc import Iterator

from recording_parts import write_recording, write_weights

from stdnet_arch.stereodiff.command import main

from . import mutate
from .driver import Driver, Trial
from .sandbox import tree
from .trial import Outcome, run_forked

FRAMES = 3
LEFT_OUT = ("done.json", "written.json")


class StereoDiff(Driver):
    """Options, poses and frames, damaged or hostile; kills in every stage."""

    name = "stereodiff"

    def make_inputs(self) -> None:
        """RGB, depth, poses, options; and the result of them."""
        folder = self.box.inputs
        write_recording(folder, frames=FRAMES, height=8, width=8)
        (folder / "poses.txt").write_text("1 0 0 0 0 1 0 0 0 0 1 0\n" * FRAMES)
        write_weights(folder / "net.pth")
        self.options = {
            "rgb": str(folder / "rgb"), "depth": str(folder / "depth"),
            "poses": str(folder / "poses.txt"), "intrinsics": [30, 30, 16, 16],
            "matcher": {"type": "SensorDepth"}, "format": "png16",
            "super_resolution": {"weights": str(folder / "net.pth"), "chunk": 1},
        }  # fmt: skip
        (folder / "x.yml").write_text(json.dumps(self.options))
        outcome = run_forked(self.command(), self.box.work)
        if outcome.code:
            raise RuntimeError(f"the whole video failed: {outcome.said[-2000:]}")
        self.expected = tree(self.box.work / "out", LEFT_OUT)

    def command(self, *more: str, output: str = ""):
        """The command, into the folder that may be written to."""
        words = ["-opt", str(self.box.inputs / "x.yml"), "--quiet"]
        return lambda: main([*words, "-o", output or str(self.box.work / "out"), *more])

    def same(self, outcome: Outcome) -> list[str]:
        """A run that ended well has the files of a run without a fault."""
        if outcome.code or tree(self.box.work / "out", LEFT_OUT) == self.expected:
            return []
        return ["other files than without a fault"]

    def trials(self) -> Iterator[Trial]:
        """Return all kinds of faults in turn."""
        while True:
            yield self.odd_options()
            yield self.damaged("poses.txt", mutate.change_text)
            number = self.draw.randrange(FRAMES)
            yield self.damaged(f"depth/d_{number:04d}.png", self.draw.choice(mutate.BYTES))
            yield self.damaged(f"rgb/c_{number:04d}.png", self.draw.choice(mutate.BYTES))
            yield self.hostile()

    def odd_options(self) -> Trial:
        """An option of another kind, or none."""
        changed = mutate.change_values(json.loads(json.dumps(self.options)), self.draw)
        path, text = self.box.inputs / "x.yml", json.dumps(changed)
        return Trial(f"options {text[:80]}", lambda: path.write_text(text) and None, self.command())

    def damaged(self, name: str, way: mutate.Mutation) -> Trial:
        """A file of the recording."""
        path = self.box.inputs / name
        return Trial(
            f"{name} {way.__name__}", lambda: path.write_bytes(way(path.read_bytes(), self.draw)),
            self.command(), self.same if name.endswith("png") else lambda _: [],
        )  # fmt: skip

    def hostile(self) -> Trial:
        """Options that would run code, and places that must not be written to."""
        inputs = self.box.inputs
        ways = {
            "code": ({"matcher": {"type": "os.system", "command": f"touch {self.box.canary}"}}, {}),
            "a call": ({"matcher": {"type": "subprocess.check_output", "args": "ls"}}, {}),
            "output is the rgb": ({}, {"output": str(inputs / "rgb")}),
            "output in the depth": ({}, {"output": str(inputs / "depth/x")}),
            "mp4 is the checkpoint": (
                {"super_resolution": {"weights": str(inputs / "net.pth"),
                                      "mp4": str(inputs / "net.pth")}}, {},
            ),
        }  # fmt: skip
        way = self.draw.choice(list(ways))
        options, more = ways[way]
        text = json.dumps({**self.options, **options})
        run = self.command("--overwrite", **more)
        path = inputs / "x.yml"
        return Trial(f"hostile {way}", lambda: path.write_text(text) and None, run, refused=True)

    def kill(self) -> tuple[str, list[str]]:
        """Kill a run in any stage, start it again, and compare every file."""
        self.restore()
        self.box.fresh_work()
        after_s = self.draw.uniform(0, getattr(self, "longest_s", 1))
        first = run_forked(self.command(), self.box.work, kill_after_s=after_s)
        if first.code == 0:
            self.longest_s = max(first.seconds, 0.05)
        second = run_forked(self.command(), self.box.work)
        problems = first.problems + second.problems
        problems += ["did not go on"] if second.code else self.same(second)
        return f"killed after {after_s:.2f} s", problems
