"""Faults of the scripts and of training on the device: packs, checkpoints, tables, options."""

import json
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from recording_parts import depth_clip, rgb_clip, write_recording, write_weights

from stdnet_arch.data.codecs.array_file import write_arrays
from stdnet_arch.data.synthetic.clip_pool import Window, write_shard
from stdnet_arch.data.synthetic.worlds.pack import join_images
from stdnet_arch.utils.commands import run_script

from . import mutate
from .driver import Driver, Trial
from .sandbox import tree
from .trial import run_forked

SCRIPTS = Path(__file__).parents[2] / "scripts"
PLANE = {"type": "PlaneBlend", "num_feat": 8, "num_block": [1, 1, 1]}
DEVICE = {
    "name": "run",
    "network_g": {"scale": 4, **PLANE},
    "data": {
        "presets": {"clean_area": 1.0}, "layers": 0.5, "batch": 1, "frames": 2, "echoes": 1,
        "size": 32, "seed": 1,
    },
    "recipe": {"lr": 1e-3, "warmup": 1},
}  # fmt: skip
SECONDS = "0.05"
CSV = "iter,clip,method,rmse_cm\n1,mean,x,5\n2,mean,x,4\n"


def script(name: str, *words: object):
    """A script, as its command line calls it."""

    def run() -> int:
        torch.manual_seed(0)
        main = runpy.run_path(str(SCRIPTS / name))["main"]
        sys.argv = [name, *map(str, words)]
        return run_script(main)

    return run


class Tools(Driver):
    """Inputs of the scripts, damaged or hostile; kills of training on the device."""

    name = "tools"

    def make_inputs(self) -> None:
        """A pack of windows, photos, options, checkpoints, a table, a recording."""
        folder = self.box.inputs
        (folder / "assets").mkdir()
        rgb, depth_m = rgb_clip(2, 32, 32), 1 + depth_clip(2, 32, 32)
        window = Window(rgb, depth_m, np.zeros((1, 2, 32, 32)), np.ones((1, 32, 32), bool))
        write_shard(folder / "assets/worlds_000.npz", [window, window])
        photo = (folder / "assets/photo_textures.npz", np.full((64, 64, 3), 90, np.uint8))
        self.write_photo(*photo)
        (folder / "x.yml").write_text(json.dumps(DEVICE))
        (folder / "metrics.csv").write_text(CSV)
        write_weights(folder / "net.pth", **PLANE)
        write_weights(folder / "net.safetensors", **PLANE)
        write_recording(folder / "clip", frames=2, height=24, width=32, scale=1)
        (folder / "start/run").mkdir(parents=True)
        outcome = run_forked(self.train(), self.box.work)
        if outcome.code:
            raise RuntimeError(f"the whole training failed: {outcome.said[-2000:]}")
        made = self.box.work / "out/run/net.pth"
        (folder / "start/run/net.pth").write_bytes(made.read_bytes())

    def write_photo(self, path: Path, pixels: np.ndarray) -> None:
        """Photo textures of one picture."""
        import cv2

        jpegs, sizes = join_images([cv2.imencode(".jpg", pixels)[1].tobytes()])
        names = np.array(["a/b.jpg"])
        write_arrays(path, {"jpegs": jpegs, "sizes": sizes, "names": names}, compressed=False)

    def train(self, *more: object):
        """Training on the device, for the shortest time."""
        words = ["-opt", self.box.inputs / "x.yml", "-o", self.box.work / "out", "--device", "cpu"]
        words += ["--seconds", SECONDS, "--assets", self.box.inputs / "assets"]
        return script("train_on_device.py", *words, *more)

    def trials(self) -> Iterator[Trial]:
        """Return all kinds of faults in turn."""
        inputs, out = self.box.inputs, self.box.work
        convert = ["--scale", "4", "--output", out / "x.pth", "--input"]
        options = ["--options", inputs / "x.yml", "--lq", "area", "--command", "x"]
        ship = ["x", "--commit", "0", *options, "--out", out]
        while True:
            yield self.odd_options()
            yield self.damaged("assets/worlds_000.npz", self.train())
            yield self.damaged("assets/photo_textures.npz", self.train())
            yield self.damaged("start/run/net.pth", self.train("--start", inputs / "start"))
            plot = script("plot_metrics.py", inputs / "metrics.csv", "-o", out / "x.png")
            yield self.damaged("metrics.csv", plot, mutate.change_text)
            yield self.damaged(
                "net.pth", script("convert_weights.py", *convert, inputs / "net.pth")
            )
            name = self.draw.choice(("net.pth", "net.safetensors"))
            yield self.damaged(name, script("ship_weights.py", *ship, "--input", inputs / name))
            name = self.draw.choice(("depth/d_0001.png", "rgb/c_0001.png"))
            sheet = f'x=Folder@{inputs / "clip/.."}:{{"unit": "mm"}}'
            yield self.damaged(
                f"clip/{name}", script("data_sheet.py", "--set", sheet, "-o", out / "sheet")
            )
            yield self.hostile()

    def odd_options(self) -> Trial:
        """An option of another kind, or none."""
        changed = mutate.change_values(json.loads(json.dumps(DEVICE)), self.draw)
        text = json.dumps(changed)
        if any(much in text for much in ("2147483648", "1e+30", str(10**30))):
            return self.odd_options()
        path = self.box.inputs / "x.yml"
        return Trial(f"options {text[:90]}", lambda: path.write_text(text) and None, self.train())

    def damaged(self, name: str, run, way: mutate.Mutation | None = None) -> Trial:
        """A file of a script."""
        path, way = self.box.inputs / name, way or self.draw.choice(mutate.BYTES)
        return Trial(
            f"{name} {way.__name__}", lambda: path.write_bytes(way(path.read_bytes(), self.draw)),
            run,
        )  # fmt: skip

    def hostile(self) -> Trial:
        """Places that must not be written to."""
        inputs = self.box.inputs
        table, weights = inputs / "metrics.csv", inputs / "net.pth"
        runs = {
            "plot replaces its table": script("plot_metrics.py", table, "-o", table),
            "plot into a device": script("plot_metrics.py", table, "-o", "/dev/null"),
            "convert replaces its input": script(
                "convert_weights.py", "--scale", "4", "--input", weights, "--output", weights
            ),
            "export replaces its input": script(
                "export.py", "--weights", weights, "--size", "32x32", "-o", weights
            ),
            "a clip over a recording": script(
                "write_synthetic.py", "-o", inputs / "clip", "--frames", "1", "--size", "16", "16"
            ),
            "training over another name": self.train("--device", "mps"),
        }
        way = self.draw.choice(list(runs))
        return Trial(f"hostile {way}", lambda: None, runs[way], refused=True)

    def kill(self) -> tuple[str, list[str]]:
        """Kill a training on the device; what it saved is whole, and it can be started again."""
        self.restore()
        self.box.fresh_work()
        run_forked(self.train(), self.box.work)
        after_s = self.draw.uniform(0, 1)
        first = run_forked(self.train(), self.box.work, kill_after_s=after_s)
        problems = list(first.problems)
        kept = tree(self.box.work / "out/run", (".jsonl", ".stdnet-lock"))
        if [name for name in kept if "part" not in name] != ["net.pth"]:
            problems.append(f"left {sorted(kept)}")
        second = run_forked(self.train("--start", self.box.work / "out"), self.box.work)
        problems += second.problems + (["did not go on"] if second.code else [])
        return f"killed after {after_s:.2f} s", problems
