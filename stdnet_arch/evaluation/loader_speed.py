"""Samples per second of the training loader from raw files, from LMDBs, and of a plain loader.

The plain loader does what published training code does: it decodes whole frames and then crops.
"""

import random
import resource
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from stdnet_arch.data.database.lmdb_frame import StoreOptions
from stdnet_arch.data.database.lmdb_job import LmdbJob
from stdnet_arch.data.database.lmdb_writer import create_lmdb
from stdnet_arch.data.rgbd_video_dataset import RGBDVideoDataset
from stdnet_arch.utils.tables import Table

FRAMES, CROP, SCALE = 7, 256, 4
LMDBS = {
    "LMDB, RGB as it was": StoreOptions(scales=(SCALE,)),
    "LMDB, RGB in raw blocks": StoreOptions(scales=(SCALE,), rgb="raw"),
    "LMDB, RGB in PNG blocks": StoreOptions(scales=(SCALE,), rgb="png"),
    "LMDB, RGB in JPEG blocks": StoreOptions(scales=(SCALE,), rgb="jpeg"),
}


class PlainWindows(Dataset):
    """Windows of DyDToF that decode whole frames, then crop and flip.

    Args:
        root: folder of the dataset, in STDNet's layout.
        samples: length; windows repeat.
    """

    def __init__(self, root: str, samples: int) -> None:
        """List the windows."""
        self.samples = samples
        clips = sorted((Path(root) / "DyDToF_HR_RGB").glob("*/*"))
        self.windows = []
        for clip in clips:
            low = Path(root) / "DyDToF_LR" / f"X{SCALE}" / clip.parent.name / clip.name / "depth"
            folders = low, clip / "depth", clip / "color"
            frames = list(zip(*(sorted(folder.iterdir()) for folder in folders), strict=True))
            self.windows += [frames[k : k + FRAMES] for k in range(len(frames) - FRAMES + 1)]

    def __len__(self) -> int:
        """Number of samples."""
        return self.samples

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        """``lq (t,1,h,w)``, ``gt (t,1,H,W)``, ``guide (t,3,H,W)``, normalised."""
        frames = [_whole_frame(*paths) for paths in self.windows[index % len(self.windows)]]
        lq, gt, guide = (np.stack(part) for part in zip(*frames, strict=True))
        side = CROP // SCALE
        top, left = (random.randrange(n - side + 1) for n in lq.shape[1:])
        y, x = top * SCALE, left * SCALE
        colour = guide[:, y : y + CROP, x : x + CROP].transpose(0, 3, 1, 2)
        item = {
            "lq": lq[:, None, top : top + side, left : left + side] / 40,
            "gt": gt[:, None, y : y + CROP, x : x + CROP] / 40,
            "guide": np.ascontiguousarray(colour).astype(np.float32) / 255,
        }
        if random.random() < 0.5:
            item = {name: array[..., ::-1] for name, array in item.items()}
        return {name: torch.from_numpy(np.ascontiguousarray(a)) for name, a in item.items()}


def _whole_frame(lq: Path, depth: Path, color: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    bgr = cv2.imdecode(np.frombuffer(color.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    if bgr is None:
        raise ValueError(f"{color}: expected a readable image")
    return np.load(lq), np.load(depth), cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


class Repeated(Dataset):
    """A dataset gone round until there are ``samples`` items."""

    def __init__(self, dataset: Dataset, samples: int) -> None:
        """Wrap."""
        self.dataset, self.samples = dataset, samples

    def __len__(self) -> int:
        """Number of samples."""
        return self.samples

    def __getitem__(self, index: int) -> Any:  # noqa: ANN401
        """The item ``index`` modulo the dataset's length."""
        return self.dataset[index % len(self.dataset)]  # type: ignore[arg-type]


def measure(root: str, samples: int, workers: int, rounds: int, seed: int = 0) -> Table:
    """All loaders in turn, several times, in one run.

    Args:
        root: DyDToF with LR files.
        samples: per loader and round.
        workers: processes of the DataLoader.
        rounds: the best of so many counts: other jobs on the machine only ever slow down.
        seed: seed of the crops.

    Returns:
        A row per loader, best of its rounds. It holds samples per second of the DataLoader and the
        processor time of a sample in all its processes. Other jobs on the machine change the latter
        less. It also holds the processor time of the dataset without a DataLoader. The difference
        of the two is the way of a batch to the training process, through shared memory.
    """
    cv2.setNumThreads(1)  # here: forked workers that change it wait for threads they do not have
    with TemporaryDirectory() as folder:
        loaders = dict(_loaders(root, Path(folder), samples))
        speeds: dict[str, list[float]] = {name: [] for name in loaders}
        work: dict[str, list[float]] = {name: [] for name in loaders}
        alone = {name: _cpu_ms(dataset, samples) for name, dataset in loaders.items()}
        for _ in range(rounds):
            for name, dataset in loaders.items():
                torch.manual_seed(seed)
                seconds, cpu_ms = _load(dataset, workers)
                speeds[name].append(samples / seconds)
                work[name].append(cpu_ms / samples)
    plain = next(iter(loaders))
    rows = [
        (
            name, max(speeds[name]), max(speeds[name]) / max(speeds[plain]),
            min(work[name]), min(work[plain]) / min(work[name]),
            alone[name], alone[plain] / alone[name],
        )
        for name in loaders
    ]  # fmt: skip
    columns = (
        "loader", "samples/s", "x plain", "CPU ms", "x less", "CPU ms of the dataset", "x less "
    )  # fmt: skip
    return Table(columns, rows)


def measure_memory_of(root: str, samples: int, epochs: int) -> Table:
    """Resident memory of one process that reads, over epochs.

    Args:
        root: DyDToF with LR files.
        samples: number of samples of an epoch.
        epochs: number of epochs.

    Returns:
        A row per loader: MB before, and after each epoch. Pages of a mapped file count as long as
        the system keeps them: "own" is without them.
    """
    with TemporaryDirectory() as folder:
        loaders = _loaders(root, Path(folder), samples)
        rows: list[list[str | float]] = [
            [name, *_memory(dataset, samples, epochs)] for name, dataset in loaders
        ]
    return Table(("own memory, MB", "before", *(f"epoch {k + 1}" for k in range(epochs))), rows)


def _memory(dataset: Dataset[Any], samples: int, epochs: int) -> list[float]:
    found = [_own_mb()]
    for _ in range(epochs):
        for index in range(samples):
            dataset[index]
        found.append(_own_mb())
    return found


def train_section(root: str, **more: Any) -> Mapping[str, Any]:  # noqa: ANN401
    """The dataset section that is measured."""
    return {
        "name": "speed", "type": "RGBDVideoDataset", "phase": "train", "scale": SCALE,
        "source": "DyDToF", "dataroot": root, "num_frame": FRAMES, "gt_size": CROP,
        "lq": "files", **more,
    }  # fmt: skip


def _loaders(root: str, folder: Path, samples: int) -> Iterator[tuple[str, Dataset]]:
    yield "plain: whole frames", PlainWindows(root, samples)
    yield "npy and JPEG files", Repeated(RGBDVideoDataset(train_section(root)), samples)
    for number, (name, store) in enumerate(LMDBS.items()):
        job = LmdbJob(source="DyDToF", root=root, store=store)
        path = create_lmdb(job, folder / f"{number}.lmdb", quiet=True).path
        section = train_section(str(path), io_backend={"type": "lmdb"})
        size = sum(file.stat().st_size for file in path.iterdir()) / 1e6
        yield f"{name} ({size:.0f} MB)", Repeated(RGBDVideoDataset(section), samples)
        if store.rgb == "raw":
            dataset = RGBDVideoDataset({**section, "guide_bytes": True})
            yield f"{name}, guide_bytes", Repeated(dataset, samples)


def _cpu_ms(dataset: Dataset[Any], samples: int) -> float:
    dataset[0]
    begun = time.process_time()
    for index in range(samples):
        dataset[index]
    return (time.process_time() - begun) / samples * 1e3


def _load(dataset: Dataset[Any], workers: int) -> tuple[float, float]:
    """Seconds and processor milliseconds of one epoch; starting the workers is not timed."""
    loader = DataLoader(dataset, batch_size=2, num_workers=workers)
    worked = _all_cpu_ms()
    batches = iter(loader)
    next(batches)
    begun, count = time.perf_counter(), 0
    for _ in batches:
        count += 1
    seconds = (time.perf_counter() - begun) * len(loader) / max(count, 1)
    del batches  # ends the workers: only then their time is known
    return seconds, _all_cpu_ms() - worked


def _all_cpu_ms() -> float:
    times = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return 1e3 * sum(spent.ru_utime + spent.ru_stime for spent in times)


def _own_mb() -> float:
    """Memory of this process that is no file: resident minus shared pages."""
    _, resident, shared, *_ = Path("/proc/self/statm").read_text().split()
    return (int(resident) - int(shared)) * resource.getpagesize() / 1e6
