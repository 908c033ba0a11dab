"""Faults of ``create_lmdb.py``, ``verify_lmdb.py``, ``make_lq.py`` and of reading an LMDB."""

import hashlib
import runpy
import shutil
import sys
from pathlib import Path

import cv2
import lmdb
import numpy as np
from create_lmdb import create
from recording_parts import depth_clip, rgb_clip
from verify_lmdb import main as verify_lmdb

from stdnet_arch.data.codecs.depth_file import write_depth
from stdnet_arch.data.database import lmdb_writer
from stdnet_arch.data.database.lmdb_store import close_environment
from stdnet_arch.data.rgbd_video_test_dataset import RGBDVideoTestDataset
from stdnet_arch.utils.commands import run_command, run_script

from . import mutate
from .driver import Driver, Kinds, Trial
from .trial import Outcome, run_forked

FRAMES = 3
WRONG = 9
SCRIPTS = Path(__file__).parents[2] / "scripts"


class Preparation(Driver):
    """Raw files, databases and their manifests, damaged or hostile."""

    name = "preparation"

    def make_inputs(self) -> None:
        """Raw clips, and the LMDB of them."""
        for clip, kind in (("one", "npy"), ("two", "png16")):
            folder = self.box.inputs / "raw" / clip
            (folder / "rgb").mkdir(parents=True)
            frames = zip(depth_clip(FRAMES, 24, 32), rgb_clip(FRAMES, 24, 32), strict=True)
            for i, (depth_m, rgb) in enumerate(frames):
                ending = "npy" if kind == "npy" else "png"
                write_depth(folder / f"depth/{i:04d}.{ending}", depth_m, kind)
                cv2.imwrite(str(folder / f"rgb/{i:04d}.png"), rgb)
        self.lmdb = self.box.inputs / "x.lmdb"
        if create(self.create(self.lmdb, "--reencode-rgb", "png")):
            raise RuntimeError("the whole clips could not be stored")
        close_environment(self.lmdb)
        self.expected = self.contents(self.lmdb)
        self.values = self.read_all()
        close_environment(self.lmdb)

    def create(self, out: Path, *more: str) -> list[str]:
        """Options of ``create_lmdb.py``."""
        places = ["--source", "Folder", "--root", str(self.box.inputs / "raw"), "--out", str(out)]
        return [*places, "--quiet", "--scale", "4", *more]

    def contents(self, path: Path) -> dict[bytes, bytes]:
        """Every key and value."""
        with lmdb.open(str(path), readonly=True, lock=False) as env, env.begin() as transaction:
            return {bytes(key): bytes(value) for key, value in transaction.cursor()}

    def read_all(self) -> str:
        """The digest of all that a dataset reads from the LMDB."""
        section = {
            "name": "x", "type": "RGBDVideoTestDataset", "phase": "test", "scale": 4,
            "source": "Folder", "dataroot": str(self.lmdb), "depth_range_m": 10.0,
            "io_backend": {"type": "lmdb", "verify": True}, "lq": "files",
        }  # fmt: skip
        total = hashlib.sha256()
        data = RGBDVideoTestDataset(section)
        for i in range(len(data)):
            item = data[i]
            for name in ("lq", "gt", "guide"):
                total.update(np.asarray(item[name]).tobytes())
        return total.hexdigest()

    def kinds(self) -> Kinds:
        """Return all kinds of faults."""
        return (
            self.damaged_raw,
            self.damaged_value,
            self.damaged_record,
            self.damaged_file,
            self.odd_lq,
        )

    def damaged_raw(self) -> Trial:
        """A raw file; what is stored in spite of it must fit its checksums."""
        files = sorted((self.box.inputs / "raw").rglob("*.*"))
        path, way = self.draw.choice(files), self.draw.choice(mutate.BYTES)
        more = self.draw.choice(((), ("--skip-bad",), ("--verify",)))
        out = self.box.work / "x.lmdb"

        def judge(outcome: Outcome) -> list[str]:
            if outcome.code in {1, 2}:
                return [] if not out.exists() else ["refused, but looks finished"]
            checked = run_forked(lambda: verify_lmdb([str(out), "--quiet"]), self.box.work)
            return [] if checked.code == 0 else ["not as written"]

        return Trial(
            f"raw {path.name} {way.__name__}",
            lambda: path.write_bytes(way(path.read_bytes(), self.draw)),
            lambda: create(self.create(out, *more)), judge,
        )  # fmt: skip

    def read_or_refuse(self) -> int:
        """Read everything; another value than was written is ``WRONG``."""

        def run() -> int:
            return 0 if self.read_all() == self.values else WRONG

        return run_command(run)

    def damaged_value(self) -> Trial:
        """A value, behind the back of its checksum."""
        keys = [key for key in self.expected if key.count(b"/") == 2]
        key, way = self.draw.choice(keys), self.draw.choice(mutate.BYTES)
        return Trial(
            f"value {key.decode()} {way.__name__}", lambda: self.put(key, way), self.read_or_refuse
        )

    def damaged_record(self) -> Trial:
        """What is said of a frame, or nothing in its place."""
        keys = [key for key in self.expected if key.count(b"/") == 1]
        key = self.draw.choice(keys)
        return Trial(
            f"record {key.decode()}", lambda: self.put(key, mutate.change_json), self.read_or_refuse
        )

    def put(self, key: bytes, way: mutate.Mutation) -> None:
        """Overwrite or delete a value."""
        with lmdb.open(str(self.lmdb), lock=False) as env, env.begin(write=True) as transaction:
            value = way(bytes(transaction.get(key)), self.draw)
            if value:
                transaction.put(key, value)
            else:
                transaction.delete(key)

    def damaged_file(self) -> Trial:
        """The manifest, the list, an empty or shorter database."""
        name = self.draw.choice(("manifest.json", "manifest.json", "meta_info.txt", "data.mdb"))
        path = self.lmdb / name
        verify = self.draw.random() < 0.4

        def prepare() -> None:
            way = mutate.change_json
            if name == "data.mdb":
                way = mutate.cut
            path.write_bytes(way(path.read_bytes(), self.draw))

        def run() -> int:
            if verify:
                return verify_lmdb([str(self.lmdb), "--quiet"])
            return self.read_or_refuse()

        return Trial(f"{name} {'verified' if verify else 'read'}", prepare, run)

    def odd_lq(self) -> Trial:
        """Options of ``make_lq.py`` that climb or mean nothing."""
        out = str(self.box.work / "{clip}/x{scale}")
        more = self.draw.choice((
            ["--out", "lq"], ["--out", out, "--range", "nan"], ["--out", out, "--scale", "0"],
            ["--out", out, "--sensor", "holes=x"], ["--out", out, "--sensor", "nothing=1"],
            ["--out", out, "--source-opt", "unit=!!python/object/apply:os.getcwd []"],
            ["--out", out, "--source-opt", "unit=parsec"], ["--out", out, "--bins", "0"],
        ))  # fmt: skip

        def run() -> int:
            main = runpy.run_path(str(SCRIPTS / "make_lq.py"))["main"]
            sys.argv = ["make_lq.py", "--root", str(self.box.inputs / "raw"), *more]
            return run_script(main)

        return Trial(f"make_lq {' '.join(more[2:])}", lambda: None, run, refused=True)

    def kill(self) -> tuple[str, list[str]]:
        """Kill the writing anywhere, start it again, and compare every value."""
        self.restore()
        out = self.box.fresh_work() / "x.lmdb"

        def run() -> int:  # in a child of its own
            lmdb_writer.COMMIT_BYTES = 0  # a commit per frame: more places to be killed in
            return create(self.create(out, "--reencode-rgb", "png"))

        after_s = self.draw.uniform(0, getattr(self, "longest_s", 0.3))
        first = run_forked(run, self.box.work, kill_after_s=after_s)
        if first.code == 0:
            self.longest_s = max(first.seconds, 0.02)
        second = run_forked(run, self.box.work)
        problems = first.problems + second.problems
        if second.code or self.contents(out) != self.expected:
            problems.append("other values than without a kill")
        shutil.rmtree(self.box.work)
        self.box.work.mkdir()
        return f"killed after {after_s:.2f} s", problems
