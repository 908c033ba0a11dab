"""Faults of ``python -m stdnet_arch.infer``."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from recording_parts import depth_clip, write_recording, write_weights

from stdnet_arch.archs.checkpoints.adapters import save_checkpoint
from stdnet_arch.data.codecs.depth_file import read_depth, write_depth
from stdnet_arch.inference.jobs.command import main

from . import mutate
from .driver import Driver, Kinds, Trial
from .sandbox import tree
from .trial import Outcome, run_forked

FRAMES = 4
NETWORK = {"type": "STDNet", "num_feat": 16, "head_feat": 8}
PLANE = {"type": "PlaneBlend", "num_feat": 8, "num_block": [1, 1, 1]}
CHECKPOINTS = ("net.pth", "net.safetensors", "plane.pth", "plane.safetensors")
KINDS = {"png": "png16", "npz": "npz", "tiff": "tiff", "exr": "exr", "npy": "npy"}
CHECKED = {"png", "npz"}
"""Depth formats with a checksum: a damaged frame must never be read as another one."""
LISTS = ("done.json", "written.json")
"""Files of a result that hold times of the inputs."""


class Inference(Driver):
    """Recordings, checkpoints, lists, options and output folders, damaged or hostile."""

    name = "inference"

    def make_inputs(self) -> None:
        """A recording in every format of depth, two checkpoints, a manifest."""
        folder = self.box.inputs
        depth_m, _ = write_recording(folder, frames=FRAMES, height=6, width=8)
        for ending, kind in KINDS.items():
            for i, frame in enumerate(depth_m):
                write_depth(folder / f"depth_{ending}/d_{i:04d}.{ending}", frame, kind)
        np.save(folder / "stack.npy", depth_m)
        np.savez_compressed(folder / "stack.npz", depth=depth_m)
        self.write_apps(folder)
        write_weights(folder / "quick.pth")
        for ending in ("pth", "safetensors"):
            torch.manual_seed(0)
            write_weights(folder / f"net.{ending}", **NETWORK)
            torch.manual_seed(0)
            write_weights(folder / f"plane.{ending}", **PLANE)
        line = {"depth": "depth", "rgb": "rgb", "output": "clip", "depth_unit": "mm", "fps": 5}
        (folder / "list.jsonl").write_text(json.dumps(line) + "\n")
        self.reference = self.box.root / "reference"
        out = self.box.work / "out"
        if main([*self.arguments(), "-o", str(out)]):
            raise RuntimeError("the whole recording could not be read")
        self.expected = {"quick.pth": self.frames(out)}
        self.tree = tree(out, LISTS)
        for name in CHECKPOINTS:
            other = self.box.work / name
            if main([*self.arguments(weights=name), "-o", str(other)]):
                raise RuntimeError("the whole recording could not be read")
            self.expected[name] = self.frames(other)

    def write_apps(self, folder: Path) -> None:
        """A folder as Stray Scanner writes it."""
        scan = folder / "scan"
        (scan / "depth").mkdir(parents=True)
        (scan / "confidence").mkdir()
        rows = ["timestamp, frame, x, y, z, qx, qy, qz, qw"]
        for i, frame in enumerate(depth_clip(FRAMES, 6, 8)):
            write_depth(scan / f"depth/{i:06d}.png", frame, "png16")
            rows.append(f"{i / 30}, {i:06d}, 0, 0, 0, 0, 0, 0, 1")
        (scan / "odometry.csv").write_text("\n".join(rows) + "\n")
        (scan / "camera_matrix.csv").write_text("100,0,16\n0,100,12\n0,0,1\n")

    def arguments(self, **changes: str | None) -> list[str]:
        """Options of a run; None leaves one out."""
        given = {"depth": "depth", "rgb": "rgb", "weights": "quick.pth"}
        words = ["--quiet"]
        for name, value in {**given, **changes}.items():
            if value is not None:
                place = self.box.inputs / value if name in {*given, "gt", "manifest"} else value
                words += [f"--{name.replace('_', '-')}", str(place)]
        return words

    def command(self, *more: object, **changes: str | None) -> list[str]:
        """Options of a run into the folder that may be written to."""
        return [*self.arguments(**changes), "-o", str(self.box.work / "out"), *map(str, more)]

    def frames(self, out: Path) -> np.ndarray:
        """The frames of a result [m]."""
        return np.stack([read_depth(path) for path in sorted(out.glob("*.png"))])

    def judge(self, exact: bool, weights: str = "quick.pth") -> Callable[[Outcome], list[str]]:
        """A judge of the frames: equal to those of whole inputs, or at least all there."""

        def judge(outcome: Outcome) -> list[str]:
            if outcome.code:
                return []
            frames = self.frames(self.box.work / "out")
            if len(frames) != FRAMES:
                return [f"exit 0 with {len(frames)} of {FRAMES} frames"]
            if exact and not np.array_equal(frames, self.expected[weights]):
                return ["wrong values"]
            return [] if (frames > 0).any() else ["only zeros"]

        return judge

    def kinds(self) -> Kinds:
        """Return all kinds of faults."""
        return (
            self.damaged_depth,
            self.damaged_rgb,
            self.damaged_weights,
            self.odd_about,
            self.damaged_list,
            self.damaged_result,
            self.damaged_scan,
            self.odd_option,
            self.hostile,
        )

    def change(self, path: Path, way: mutate.Mutation) -> None:
        """Damage a file."""
        path.write_bytes(way(path.read_bytes(), self.draw))

    def damaged_depth(self) -> Trial:
        """One frame, or the stack."""
        ending, way = self.draw.choice([*KINDS, "stack.npy", "stack.npz"]), self.draw.choice(
            mutate.BYTES
        )  # fmt: skip
        stack = ending.startswith("stack")
        name = ending if stack else f"depth_{ending}"
        number = self.draw.randrange(FRAMES)
        path = self.box.inputs / (name if stack else f"{name}/d_{number:04d}.{ending}")
        exact = ending in CHECKED or ending == "stack.npz"

        def prepare() -> None:
            if ending == "png" and self.draw.random() < 0.1:
                mutate.declare_size(path, self.draw)
            else:
                self.change(path, way)

        return Trial(
            f"depth {ending} {way.__name__}", prepare,
            lambda: main(self.command(depth=name)), self.judge(exact),
        )  # fmt: skip

    def damaged_rgb(self) -> Trial:
        """One colour frame."""
        way, number = self.draw.choice(mutate.BYTES), self.draw.randrange(FRAMES)
        path = self.box.inputs / f"rgb/c_{number:04d}.png"

        def prepare() -> None:
            if self.draw.random() < 0.15:
                mutate.declare_size(path, self.draw)
            else:
                self.change(path, way)

        run = lambda: main(self.command())  # noqa: E731
        return Trial(f"rgb {way.__name__}", prepare, run, self.judge(True))

    def damaged_weights(self) -> Trial:
        """Bytes of a checkpoint."""
        name, way = self.draw.choice(CHECKPOINTS), self.draw.choice(mutate.BYTES)
        return Trial(
            f"weights {name} {way.__name__}",
            lambda: self.change(self.box.inputs / name, way),
            lambda: main(self.command(weights=name)), self.judge(True, name),
        )  # fmt: skip

    def odd_about(self) -> Trial:
        """A whole checkpoint that says odd things, or holds numbers that are none."""
        value = self.draw.choice((float("nan"), float("inf"), 1e30, -1e30))
        about = {"network_g": {"scale": 4, **NETWORK}, "depth_range_m": 10.0}
        broken = self.draw.random() < 0.5

        def prepare() -> None:
            from basicsr.archs import build_network

            net = build_network({"scale": 4, **NETWORK})
            said = (
                about if broken else mutate.change_values(json.loads(json.dumps(about)), self.draw)
            )
            if broken:
                parameter = self.draw.choice(list(net.parameters()))
                parameter.data.view(-1)[self.draw.randrange(parameter.numel())] = value
            save_checkpoint(net, self.box.inputs / "net.pth", about=said)

        def run() -> int:
            return main(self.command(weights="net.pth"))

        refused = broken and not np.isfinite(value)
        return Trial(f"weights say {about} {broken}", prepare, run, self.judge(False), refused)

    def damaged_list(self) -> Trial:
        """A manifest."""
        path = self.box.inputs / "list.jsonl"

        def run() -> int:
            changes = dict.fromkeys(("depth", "rgb"))
            return main(self.command(manifest="list.jsonl", **changes))

        return Trial("manifest", lambda: self.change(path, mutate.change_json), run)

    def damaged_result(self) -> Trial:
        """An output folder of an earlier run, damaged by others."""
        name = self.draw.choice(("infer.json", "done.json", "written.json", "d_0001.png"))
        more = self.draw.choice(((), ("--overwrite",)))
        out = self.box.work / "out"

        def prepare() -> None:
            if run_forked(lambda: main(self.command()), self.box.work).code:
                raise RuntimeError("the run to be damaged failed")
            if name.endswith(".png"):
                (out / name).write_bytes(b"")
            else:
                self.change(out / name, mutate.change_json)

        def judge(outcome: Outcome) -> list[str]:
            return self.judge(True)(outcome)

        return Trial(f"result {name} {more}", prepare, lambda: main(self.command(*more)), judge)

    def damaged_scan(self) -> Trial:
        """A phone's recording."""
        name = self.draw.choice(("odometry.csv", "camera_matrix.csv", "depth/000001.png"))
        path = self.box.inputs / "scan" / name

        def run() -> int:
            return main(self.command("--ply", depth="scan", rgb="rgb"))

        return Trial(f"scan {name}", lambda: self.change(path, mutate.change_text), run)

    def odd_option(self) -> Trial:
        """An option of the command line that means nothing."""
        more = self.draw.choice(ODD_OPTIONS)
        return Trial(
            f"option {' '.join(more)}", lambda: None, lambda: main(self.command(*more)),
            refused=True,
        )  # fmt: skip

    def hostile(self) -> Trial:
        """Places that must not be written to, and files that are none."""
        way = self.draw.choice(list(HOSTILE))
        box, out = self.box, self.box.work / "out"
        more = HOSTILE[way](box.inputs, out)
        changes = more.pop("changes", {})
        words = [str(word) for word in more.get("words", ())]

        def run() -> int:
            target = more.get("output", out)
            return main([*self.arguments(**changes), "-o", str(target), *words])

        return Trial(f"hostile {way}", more.get("prepare", lambda: None), run, refused=True)

    def kill(self) -> tuple[str, list[str]]:
        """Kill a run anywhere, start it again, and compare every file."""
        self.restore()
        out = self.box.fresh_work() / "out"
        run = lambda: main(self.command())  # noqa: E731
        after_s = self.draw.uniform(0, getattr(self, "longest_s", 0.5))
        first = run_forked(run, self.box.work, kill_after_s=after_s)
        if first.code == 0:
            self.longest_s = max(first.seconds, 0.02)
        second = run_forked(run, self.box.work)
        problems = first.problems + second.problems
        if second.code or tree(out, LISTS) != self.tree:
            problems.append("another result than without a kill")
        return f"killed after {after_s:.2f} s", problems


ODD_OPTIONS = [
    ("--intrinsics", "0", "0", "0", "0"), ("--depth-range", "0"), ("--max-depth", "nan"),
    ("--max-depth", "-1"), ("--depth-range", "nan"), ("--fps", "0"), ("--device", "mps"),
    ("--device", "meta"), ("--depth-unit", "nan"), ("--depth-unit", "-1"), ("--invalid", "nan"),
    ("--chunk", "0"), ("--tile", "0"), ("--tile", "-4"), ("--scale", "-4"), ("--shard", "1/0"),
    ("--device", "cpu:7"), ("--mp4", "/dev/null"), ("--intrinsics", "nan", "1", "1", "1"),
]  # fmt: skip


def _photo_in_the_output(inputs: Path, out: Path) -> dict:
    def prepare() -> None:
        out.mkdir()
        (out / "photo.png").write_bytes(b"mine")

    return {"prepare": prepare, "words": ["--overwrite"]}


def _errors_is_a_link(inputs: Path, out: Path) -> dict:
    def prepare() -> None:
        out.mkdir()
        (out / "errors").symlink_to(inputs / "rgb")

    return {"prepare": prepare, "words": ["--overwrite", "--gt", inputs / "depth"]}


def _manifest_of(line: dict):
    def make(inputs: Path, out: Path) -> dict:
        text = json.dumps({"depth": "depth", "rgb": "rgb", **line}) + "\n"

        def prepare() -> None:
            (inputs / "list.jsonl").write_text(text)

        changes = {"depth": None, "rgb": None, "manifest": "list.jsonl"}
        return {"prepare": prepare, "changes": changes}

    return make


HOSTILE = {
    "output is the depth": lambda i, o: {"output": i / "depth", "words": ["--overwrite"]},
    "output in the depth": lambda i, o: {"output": i / "depth/new", "words": ["--overwrite"]},
    "output is the rgb": lambda i, o: {"output": i / "rgb", "words": ["--overwrite"]},
    "output is the truth": lambda i, o: {
        "output": i / "depth_exr", "words": ["--overwrite", "--gt", i / "depth_exr"],
    },
    "photo in the output": _photo_in_the_output,
    "errors is a link": _errors_is_a_link,
    "mp4 is an input": lambda i, o: {"words": ["--mp4", i / "rgb/c_0000.png"]},
    "mp4 is the checkpoint": lambda i, o: {"words": ["--mp4", i / "net.pth"]},
    "mp4 in the rgb": lambda i, o: {"words": ["--mp4", i / "rgb/x.mp4"]},
    "manifest climbs": _manifest_of({"output": "../../x"}),
    "manifest is absolute": _manifest_of({"output": "/tmp/stdnet-faults-x"}),
    "manifest's mp4 climbs": _manifest_of({"output": "clip", "mp4": "../../inputs/net.mp4"}),
    "a frame is a pipe": lambda i, o: {
        "prepare": lambda: ((i / "rgb/c_0001.png").unlink(), os.mkfifo(i / "rgb/c_0001.png")),
    },
    "a frame is a loop": lambda i, o: {
        "prepare": lambda: (
            (i / "rgb/c_0001.png").unlink(), (i / "rgb/c_0001.png").symlink_to("c_0001.png"),
        ),
    },
    "the weights are a pipe": lambda i, o: {
        "prepare": lambda: ((i / "quick.pth").unlink(), os.mkfifo(i / "quick.pth")),
    },
}  # fmt: skip
