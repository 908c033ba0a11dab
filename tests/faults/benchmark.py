"""Faults of ``scripts/benchmark.py``."""

import copy
import json
import os
import runpy
import shutil
import sys
from pathlib import Path
from typing import IO, Any

import stdnet_arch.train
from stdnet_arch.data.synthetic.world import draw_textures
from stdnet_arch.evaluation.benchmark import benchmark as module
from stdnet_arch.utils.commands import run_script
from stdnet_arch.visual.figure import new_figure, to_image

from . import mutate
from .driver import Driver, Kinds, Trial
from .training import CLIPS, NETWORK, OPTIONS
from .trial import Outcome, run_forked

SCRIPT = Path(__file__).parents[2] / "scripts" / "benchmark.py"
PLAN: dict[str, Any] = {
    "name": "tried",
    "scale": 4,
    "title": "Tried",
    "train": {
        **{key: OPTIONS[key] for key in ("model_type", "num_gpu", "manual_seed", "logger")},
        "datasets": {"train": OPTIONS["datasets"]["train"]},
        "train": {**OPTIONS["train"], "total_iter": 2},
    },
    "test": {"halls": {"type": "RGBDVideoTestDataset", **CLIPS}},
    "metrics": {"rmse_cm": {"type": "calculate_rmse"}},
    "models": {
        "bilinear": {"competitor": {"type": "Interpolated", "mode": "bilinear"}},
        "EDSR": {"network_g": {key: value for key, value in NETWORK.items() if key != "scale"}},
    },
}


def fork_child(command: list[str], log: IO[str], folder: Path) -> int:
    """As ``run_child``, in a forked child: starting Python and torch anew takes seconds."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
            os.chdir(folder)
            sys.argv = ["train", *command[3:]]
            code = stdnet_arch.train.main()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


class Benchmark(Driver):
    """Plans, scores and checkpoints, damaged; kills in training and judging."""

    name = "benchmark"

    def make_inputs(self) -> None:
        """A plan and what comes of it."""
        draw_textures(0)  # here: every child would draw them and import Matplotlib anew
        to_image(new_figure(1, 1, ""))
        self.write(PLAN)
        outcome = run_forked(self.command(), self.box.work)
        if outcome.code:
            raise RuntimeError(f"the whole benchmark failed: {outcome.said[-2000:]}")
        self.finished = self.box.root / "finished"
        shutil.copytree(self.box.work, self.finished)
        self.expected = self.scores(self.finished)

    def write(self, plan: Any) -> None:
        """Write the plan."""
        (self.box.inputs / "x.yml").write_text(json.dumps(plan))

    def command(self, *more: str):
        """The script, in the folder that may be written to."""

        def run() -> int:
            module.run_child = fork_child
            main = runpy.run_path(str(SCRIPT))["main"]
            sys.argv = ["benchmark.py", "--config", str(self.box.inputs / "x.yml")]
            sys.argv += ["--out", str(self.box.work / "out"), *more]
            return run_script(main)

        return run

    def scores(self, folder: Path) -> dict[str, Any]:
        """The metrics of every method and clip."""
        found = {}
        for path in sorted((folder / "out/tried/scores").glob("*.json")):
            result = json.loads(path.read_text())
            found[path.name] = [clip["metrics"] for clip in result.get("clips", [])]
        return found

    def judge(self, outcome: Outcome) -> list[str]:
        """A run that ended well has the scores of a run without a fault."""
        if outcome.code or self.scores(self.box.work) == self.expected:
            return []
        return ["other scores than without a fault"]

    def kinds(self) -> Kinds:
        """Return all kinds of faults."""
        return (self.odd_plan, self.damaged_result)

    def odd_plan(self) -> Trial:
        """A value of another kind, or none; a list in the place of the plan."""
        plan = mutate.change_values(copy.deepcopy(PLAN), self.draw)
        text = json.dumps(plan)
        if any(much in text for much in ("2147483648", "1e+30", str(10**30))):
            return self.odd_plan()
        way = self.draw.random()
        if way < 0.05:
            plan = [1, 2]
        elif way < 0.2:  # text where a section belongs
            section = self.draw.choice(("train", "test", "metrics", "models"))
            inner = self.draw.choice(list(PLAN[section]))
            plan = {**PLAN, section: self.draw.choice(("text", {**PLAN[section], inner: "text"}))}
        return Trial(f"plan {text[:100]}", lambda: self.write(plan), self.command())

    def damaged_result(self) -> Trial:
        """Scores or a checkpoint of a run that goes on."""
        model = next((self.finished / "experiments").glob("*/models/net_g_latest.pth"))
        names = [model.relative_to(self.finished), "out/tried/scores/EDSR@halls.json"]
        name = self.draw.choice(names)

        def prepare() -> None:
            shutil.copytree(self.finished, self.box.work, dirs_exist_ok=True)
            path = self.box.work / name
            way = mutate.change_json if path.suffix == ".json" else self.draw.choice(mutate.BYTES)
            path.write_bytes(way(path.read_bytes(), self.draw))
            if path.suffix == ".pth":
                (self.box.work / "out/tried/scores/EDSR@halls.json").unlink()

        def judge(outcome: Outcome) -> list[str]:
            return self.judge(outcome) if outcome.code == 0 else ["did not go on"]

        return Trial(f"resumed with {name}", prepare, self.command("--resume"), judge)

    def kill(self) -> tuple[str, list[str]]:
        """Kill a benchmark anywhere, resume it, and compare the scores."""
        self.restore()
        self.box.fresh_work()
        after_s = self.draw.uniform(0, getattr(self, "longest_s", 3))
        first = run_forked(self.command(), self.box.work, kill_after_s=after_s)
        if first.code == 0:
            self.longest_s = max(first.seconds, 0.1)
        second = run_forked(self.command("--resume"), self.box.work)
        problems = first.problems + second.problems
        problems += ["did not go on"] if second.code else self.judge(second)
        if problems:
            problems.append(f"said {' '.join(second.said.split())[-300:]!r}")
        return f"killed after {after_s:.2f} s", problems
