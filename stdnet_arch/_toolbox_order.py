"""Patches of the order and the random numbers of training data, so that a resumed run is the same.

Each sample's random numbers follow from the seed, the epoch and its number in it: neither
workers, prefetching nor a stop changes them, and the trainer's own numbers are left to the network.
Runs behind ``_toolbox``.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from basicsr.data.data_sampler import EnlargedSampler
from torch.utils.data import Dataset

from stdnet_arch._toolbox import Untyped, _replaces
from stdnet_arch.utils.commands import fitting
from stdnet_arch.utils.random_states import seeded


class SamplePlace(NamedTuple):
    """A sample of a run."""

    epoch: int
    number: int
    """In the epoch, counted over all processes."""
    index: int  # type: ignore[assignment]  # tuple.index is not used
    """In the dataset."""


class PlacedSamples(Dataset[Untyped]):
    """A dataset that is asked for :class:`SamplePlace` and draws what follows from it.

    Args:
        dataset: may draw from ``random``, NumPy and torch.
        seed: seed of the run, >= 0.
    """

    def __init__(self, dataset: Untyped, seed: int) -> None:
        """Keep both."""
        self.dataset, self.seed = dataset, seed

    def __len__(self) -> int:
        """Give the number of samples of the dataset."""
        return len(self.dataset)

    def __getitem__(self, place: SamplePlace) -> Untyped:
        """Read the sample of a place."""
        with seeded(self.seed, place.epoch, place.number):
            return self.dataset[place.index]


@_replaces("basicsr.data.data_sampler", "EnlargedSampler")
class PlacedSampler(EnlargedSampler):
    """A resumed run starts its epoch again, so that early samples come twice and late ones never.

    basicsr/data/data_sampler.py:31-42.
    """

    rank: int
    num_replicas: int
    epoch: int
    num_samples: int
    begin = (0, 0)
    """Epoch that a run continues with, and the samples per process that are done in it."""

    def __iter__(self) -> Iterator[SamplePlace]:
        """Give the places of this process, in their order."""
        indices = super().__iter__()
        places = [
            SamplePlace(self.epoch, self.rank + k * self.num_replicas, index)
            for k, index in enumerate(indices)
        ]
        epoch, done = self.begin
        return iter(places[done:] if self.epoch == epoch else places)


@_replaces("basicsr.data", "build_dataloader")
def _build_dataloader(
    dataset: Untyped,
    dataset_opt: dict[str, Untyped],
    num_gpu: int = 1,
    dist: bool = False,
    sampler: Untyped = None,
    seed: int | None = None,
) -> Untyped:
    """Each epoch and each validation take one of the trainer's random numbers.

    basicsr/data/__init__.py:41-94 gives loaders no generator of their own. ``prefetch_mode: cpu``
    without workers draws in a thread, amid the network's own numbers: one worker loads instead.
    """
    is_placed = isinstance(sampler, PlacedSampler)
    if is_placed:
        dataset = PlacedSamples(dataset, seed or 0)
        if dataset_opt.get("prefetch_mode") == "cpu":
            workers = dataset_opt["num_worker_per_gpu"] or 1
            dataset_opt = {**dataset_opt, "num_worker_per_gpu": workers}
    with fitting("the options of the loader (batch_size_per_gpu, num_worker_per_gpu, prefetch)"):
        loader = _build_dataloader.__wrapped__(dataset, dataset_opt, num_gpu, dist, sampler, seed)
    if is_placed or dataset_opt["phase"] != "train":
        loader.generator = torch.Generator().manual_seed(seed or 0)
    return loader


@_replaces("basicsr.train", "create_train_val_dataloader")
def _create_dataloaders(opt: dict[str, Untyped], logger: Untyped) -> tuple[Untyped, ...]:
    """A run stops short of ``total_iter``, or does 0 iterations, and reports success.

    basicsr/train.py:45-48 plans epochs with the incomplete batch that basicsr/data/__init__.py:72
    drops. After a resume with another batch size or process count it counts in the new epochs from
    the old epoch number. Here the loader is asked, and only what is left to do is planned.
    """
    if "train" not in opt["datasets"]:
        raise ValueError(f"datasets: needs a train section, got {', '.join(opt['datasets'])}")
    resumed = {"epoch": 0, "iter": 0, "samples": 0, **opt.get("resumed", {})}
    opt["manual_seed"] = resumed.get("seed", opt["manual_seed"])  # may have been drawn
    loader, sampler, val_loaders, _, total_iter = _create_dataloaders.__wrapped__(opt, logger)
    if len(loader) == 0:
        raise ValueError(
            f"an epoch must fill a batch of {loader.batch_size}, but has {len(sampler)} samples "
            f"per process (dataset of {len(sampler.dataset)}, enlarged and shared by "
            f"{opt['world_size']}): raise dataset_enlarge_ratio or lower batch_size_per_gpu"
        )
    at_once = loader.batch_size * opt["world_size"]
    done = min(resumed["samples"] // at_once, len(loader))
    sampler.begin = resumed["epoch"], done * loader.batch_size
    opt["order"] = {**resumed, "done": done, "length": len(loader), "at_once": at_once}
    left = total_iter - resumed["iter"]
    epochs = math.ceil((left + done) / len(loader)) if left > 0 else 0
    logger.info(
        f"To do: {left} iterations in {epochs} epochs of {len(loader)}, from epoch "
        f"{resumed['epoch']}, iteration {resumed['iter']}; {done} of the epoch are done."
    )
    # The trainer's loop includes the last epoch's number.
    return loader, sampler, val_loaders, resumed["epoch"] + epochs - 1, total_iter


def data_state(opt: dict[str, Untyped], epoch: int, current_iter: int) -> dict[str, int]:
    """Say where in the data a run is: its seed, and the samples of the epoch that are done.

    Args:
        opt: options of the run; without loaders there is nothing to say.
        epoch: the current one.
        current_iter: the iterations that are done.

    Returns:
        ``seed`` and ``samples``, over all processes; or nothing.
    """
    order = opt.get("order")
    if order is None:
        return {}
    batches = order["done"] + current_iter - order["iter"]
    batches -= (epoch - order["epoch"]) * order["length"]
    return {"seed": opt["manual_seed"], "samples": batches * order["at_once"]}


@_replaces("basicsr.models.video_recurrent_model:VideoRecurrentModel", "optimize_parameters")
def _optimize_recurrent(model: Untyped, current_iter: int) -> None:
    """A run resumed before iteration ``fix_flow`` trains the flow network from then on.

    basicsr/models/video_recurrent_model.py:55-60 freezes it only at iteration 1.
    """
    first = model.opt.get("resumed", {"iter": 0})["iter"] + 1
    if model.fix_flow_iter and current_iter == first and 1 < first < model.fix_flow_iter:
        for name, parameter in model.net_g.named_parameters():
            if "spynet" in name or "edvr" in name:
                parameter.requires_grad_(False)
    _optimize_recurrent.__wrapped__(model, current_iter)
