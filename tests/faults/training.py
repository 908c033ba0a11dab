"""Faults of ``python -m stdnet_arch.train`` and ``test``."""

import copy
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import torch

import stdnet_arch.test
import stdnet_arch.train
from stdnet_arch.data.synthetic.world import draw_textures

from . import mutate
from .driver import Driver, Kinds, Trial
from .trial import Outcome, run_forked

CLIPS = {"source": "Synthetic", "source_opt": {"size": [16, 16], "num_clips": 1, "num_frame": 2}}
NETWORK = {
    "type": "ToolboxVSR",
    "scale": 4,
    "arch": "EDSR",
    "options": {"num_feat": 4, "num_block": 1},
}
OPTIONS: dict[str, Any] = {
    "name": "run",
    "model_type": "RGBDVideoModel",
    "scale": 4,
    "num_gpu": 0,
    "manual_seed": 1,
    "datasets": {
        "train": {
            "name": "rooms", "type": "RGBDVideoDataset", **CLIPS, "num_frame": 2, "gt_size": 16,
            "num_worker_per_gpu": 0, "batch_size_per_gpu": 1, "use_shuffle": True,
            "dataset_enlarge_ratio": 1, "prefetch_mode": None,
        },
        "val": {"name": "halls", "type": "RGBDVideoTestDataset", **CLIPS},
    },
    "network_g": NETWORK,
    "path": {"pretrain_network_g": None, "strict_load_g": True, "resume_state": None},
    "train": {
        "total_iter": 4,
        "optim_g": {"type": "Adam", "lr": 1e-3},
        "scheduler": {"type": "MultiStepLR", "milestones": [3], "gamma": 0.5},
        "pixel_opt": {"type": "L1Loss"},
    },
    "val": {
        "val_freq": 4, "save_img": False,
        "metrics": {"rmse_cm": {"type": "calculate_rmse", "better": "lower"}},
    },
    "logger": {"print_freq": 1, "save_checkpoint_freq": 1, "use_tb_logger": False},
}  # fmt: skip
CODE = (
    "name: !!python/object/apply:os.system ['touch {canary}']\n",
    "name: x\nscale: !!python/object/apply:pathlib.Path.touch [!!python/object/apply:pathlib.Path ['{canary}']]\n",  # noqa: E501
    "name: x\ndatasets: !!python/object/new:os.system ['touch {canary}']\n",
    "&a [*a]\n",
)  # fmt: skip
CLIMBING = ("../../inputs/x", "/tmp/stdnet-faults", "a/../../../x", "..")
LONGEST = 50
"""Iterations that a changed option may ask for: more is no fault, and takes long."""


class Training(Driver):
    """Options, states and weights, damaged or hostile; kills between and within saves."""

    name = "training"

    def make_inputs(self) -> None:
        """Options, and a finished run of them."""
        draw_textures(0)  # here: every child would draw them anew
        (self.box.inputs / "x.yml").write_text(json.dumps(OPTIONS))
        outcome = run_forked(self.train(), self.box.work)
        if outcome.code:
            raise RuntimeError(f"the whole training failed: {outcome.said[-2000:]}")
        self.finished = self.box.root / "finished"
        shutil.copytree(self.box.work, self.finished)
        self.expected = self.weights(self.finished)

    def train(self, *more: str):
        """The command, in the folder that may be written to."""

        def run() -> int:
            sys.argv = ["train", "-opt", str(self.box.inputs / "x.yml"), *more]
            return stdnet_arch.train.main()

        return run

    def weights(self, folder: Path) -> dict[str, torch.Tensor]:
        """The last weights of a run."""
        path = folder / "experiments/run/models/net_g_latest.pth"
        return torch.load(path, weights_only=True)["params"]

    def judge(self, outcome: Outcome) -> list[str]:
        """A run that ended well has the weights of a run without a fault."""
        if outcome.code:
            return []
        found = self.weights(self.box.work)
        same = found.keys() == self.expected.keys() and all(
            torch.equal(found[name], value) for name, value in self.expected.items()
        )
        return [] if same else ["other weights than without a fault"]

    def kinds(self) -> Kinds:
        """Return all kinds of faults."""
        return (
            self.odd_options,
            self.damaged_options,
            self.damaged_run,
            self.odd_options,
            self.code,
            self.damaged_test,
        )

    def odd_options(self) -> Trial:
        """An option of another kind, or none."""
        changed = mutate.change_values(copy.deepcopy(OPTIONS), self.draw)
        if isinstance(changed, dict) and _asks_for_much(changed):
            return self.odd_options()
        text = json.dumps(changed)
        path = self.box.inputs / "x.yml"
        return Trial(f"options {_difference(changed)}", lambda: _write(path, text), self.train())

    def damaged_options(self) -> Trial:
        """Bytes of the options; what they mean then may be anything but a crash."""
        path = self.box.inputs / "x.yml"
        data = mutate.change_text(path.read_bytes(), self.draw)
        try:
            much = _asks_for_much(json.loads(data))
        except (ValueError, RecursionError):
            much = b'total_iter": 4,' not in data
        if much:
            return self.damaged_options()
        return Trial("options' bytes", lambda: path.write_bytes(data), self.train())

    def damaged_run(self) -> Trial:
        """A checkpoint or a state of a run that is resumed."""
        models, states = "experiments/run/models", "experiments/run/training_states"
        name = self.draw.choice((
            f"{models}/net_g_4.pth", f"{models}/net_g_3.pth", f"{models}/net_g_latest.pth",
            f"{states}/4.state", f"{states}/4.state", f"{states}/3.state", f"{states}/odd.state",
        ))  # fmt: skip
        way = self.draw.choice(mutate.BYTES)

        def prepare() -> None:
            shutil.copytree(self.finished / "experiments", self.box.work / "experiments")
            path = self.box.work / name
            data = path.read_bytes() if path.is_file() else b"foreign"
            path.write_bytes(way(data, self.draw))
            if self.draw.random() < 0.3:  # as if stopped before the end
                (self.box.work / models / "net_g_latest.pth").unlink(missing_ok=True)

        def judge(outcome: Outcome) -> list[str]:
            return self.judge(outcome) if outcome.code == 0 else ["did not go on"]

        return Trial(
            f"resumed with {name} {way.__name__}", prepare, self.train("--auto_resume"), judge
        )

    def code(self) -> Trial:
        """Options that would run code, or lead out of the folder."""
        climbing = self.draw.random() < 0.3
        text = self.draw.choice(CODE).replace("{canary}", str(self.box.canary))
        if climbing:
            text = json.dumps({**OPTIONS, "name": self.draw.choice(CLIMBING)})
        path = self.box.inputs / "x.yml"
        return Trial("hostile options", lambda: _write(path, text), self.train(), refused=True)

    def damaged_test(self) -> Trial:
        """A test of damaged weights, or under a name that climbs."""
        way = self.draw.choice(mutate.BYTES)
        weights = self.box.inputs / "net.pth"
        options = copy.deepcopy({k: v for k, v in OPTIONS.items() if k not in {"train", "logger"}})
        options["datasets"] = {"test_1": OPTIONS["datasets"]["val"]}
        options["path"]["pretrain_network_g"] = str(weights)
        if self.draw.random() < 0.2:
            options["datasets"]["test_1"] = {**options["datasets"]["test_1"], "name": "../../x"}

        def prepare() -> None:
            _write(self.box.inputs / "x.yml", json.dumps(options))
            data = (self.finished / "experiments/run/models/net_g_4.pth").read_bytes()
            weights.write_bytes(way(data, self.draw))

        def run() -> int:
            sys.argv = ["test", "-opt", str(self.box.inputs / "x.yml")]
            return stdnet_arch.test.main()

        return Trial(f"test {way.__name__}", prepare, run)

    def kill(self) -> tuple[str, list[str]]:
        """Kill a training anywhere, resume it, and compare the last weights."""
        self.restore()
        self.box.fresh_work()
        after_s = self.draw.uniform(0, getattr(self, "longest_s", 2))
        first = run_forked(self.train("--auto_resume"), self.box.work, kill_after_s=after_s)
        if first.code == 0:
            self.longest_s = max(first.seconds, 0.1)
        second = run_forked(self.train("--auto_resume"), self.box.work)
        problems = first.problems + second.problems
        problems += ["did not go on"] if second.code else self.judge(second)
        if problems:
            problems.append(f"said {' '.join(second.said.split())[-300:]!r}")
        return f"killed after {after_s:.2f} s", problems


def _write(path: Path, text: str) -> None:
    path.write_text(text)


def _asks_for_much(options: Any) -> bool:
    """Tell whether changed options ask for more work than a trial should take."""
    if not isinstance(options, dict):
        return False
    large = []
    for place in (("train", "total_iter"), ("datasets", "train", "dataset_enlarge_ratio")):
        value: Any = options
        for key in place:
            value = value.get(key) if isinstance(value, dict) else None
        large.append(isinstance(value, int | float) and value > LONGEST)
    text = json.dumps(options)
    return any(large) or "2147483648" in text or "1e+30" in text or str(10**30) in text


def _difference(changed: Any) -> str:
    """Name the section that differs."""
    if not isinstance(changed, dict):
        return repr(changed)[:40]
    keys = changed.keys() | OPTIONS.keys()
    return ", ".join(key for key in keys if changed.get(key) != OPTIONS.get(key))
