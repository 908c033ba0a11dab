"""Validation of a run: every clip is judged once, on one of the ranks, and reported on rank 0."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from basicsr.utils import get_root_logger
from basicsr.utils.dist_util import get_dist_info
from torch import Tensor, nn
from tqdm import tqdm

from stdnet_arch.models.batch import Batch
from stdnet_arch.models.prediction import ClipPrediction
from stdnet_arch.models.reporting import best_until, log_text, score_table, write_tables
from stdnet_arch.models.saving import PredictionWriter
from stdnet_arch.models.validation import (
    ClipDataset,
    ClipScore,
    mean_over_clips,
    read_metrics,
    score_clips,
    shard,
)
from stdnet_arch.models.weights_files import build_baseline
from stdnet_arch.utils.random_states import gather_objects


class Validator:
    """Judges a network and the baselines of a run, and keeps the best results.

    Args:
        opt: all options; ``val:`` says how to judge.
        prediction: way to run a network on a clip.
        device: device of the networks.

    Raises:
        ValueError: metrics, baselines or formats cannot be.
    """

    def __init__(
        self, opt: Mapping[str, Any], prediction: ClipPrediction, device: torch.device
    ) -> None:
        self.opt, self.prediction, self.device = opt, prediction, device
        self.method = opt["network_g"]["type"]
        self.is_train = opt["is_train"]
        section = opt.get("val") or {}
        self.metrics = read_metrics(section.get("metrics"))
        self.writer_options = {
            "save_format": section.get("save_format", "png16"),
            "suffix": section.get("suffix"),
        }
        PredictionWriter(Path(), **self.writer_options)  # refuses bad options before training
        self.baselines = self._build_baselines(section.get("baselines") or {})
        self.resumed_iter = 0
        self.best: dict[str, dict[str, dict[str, Any]]] = {}
        """Data set to metric to ``better``, ``val`` and ``iter``."""
        self.values: dict[str, float] = {}
        """The network's last means, by metric."""
        self._validated: dict[str, tuple[ClipDataset, int | str]] = {}

    def _build_baselines(self, section: Mapping[str, Any]) -> dict[str, nn.Module]:
        if self.method in section:
            raise ValueError(f"val.baselines needs names other than the network's, {self.method!r}")
        scale = {"scale": self.opt["scale"]} if "scale" in self.opt else {}
        return {
            name: build_baseline({**scale, **entry}).to(self.device).eval()
            for name, entry in section.items()
        }

    def validate(
        self,
        dataset: ClipDataset,
        net: nn.Module,
        current_iter: int | str,
        tb_logger: Any,  # noqa: ANN401  a SummaryWriter, if tensorboard is there
        save_img: bool,
    ) -> None:
        """Judge every clip and report; a collective call.

        Args:
            dataset: gives whole clips.
            net: the network to judge, on the device.
            current_iter: iteration of the training, or the name of a test.
            tb_logger: tensorboard's writer, or None.
            save_img: write the network's predictions, too.
        """
        if self.is_train:
            # The runner's last validation comes with an iteration beyond the last one.
            current_iter = min(int(current_iter), int(self.opt["train"]["total_iter"]))
        name = dataset.opt["name"]
        if self.is_train and self._validated.get(name) == (dataset, current_iter):
            get_root_logger().info(f"Validation {name}: as logged at iteration {current_iter}.")
            return
        writer = PredictionWriter(self._visual_folder(name, current_iter), **self.writer_options)
        scores = self._score(dataset, net, writer if save_img else None)
        self._validated[name] = (dataset, current_iter)
        if self.metrics:
            self._record(name, scores, current_iter, tb_logger)

    def _visual_folder(self, dataset: str, current_iter: int | str) -> Path:
        folder = Path(self.opt["path"]["visualization"]) / dataset
        return folder / f"{current_iter:08d}" if isinstance(current_iter, int) else folder

    def _score(
        self, dataset: ClipDataset, net: nn.Module, writer: PredictionWriter | None
    ) -> list[ClipScore]:
        """Collect the scores of all clips from all ranks."""
        rank, world_size = get_dist_info()
        indices = shard(len(dataset), rank, world_size)
        methods = {**self.baselines, self.method: net}

        def keep(method: str, batch: Batch, pred_m: Tensor) -> None:
            if writer is not None and method == self.method:
                writer.write(batch, pred_m)

        wanted = self.opt["val"].get("pbar", True) and rank == 0
        # disable=None: a bar on a terminal only, so that log files stay readable.
        bar = tqdm(total=len(indices), unit="clip", leave=False, disable=None if wanted else True)
        mine: list[ClipScore] = []
        with bar:
            clips = score_clips(
                dataset,
                indices,
                methods,
                self.metrics,
                self.device,
                keep,
                prediction=self.prediction,
            )
            for scores in clips:
                mine += scores
                bar.set_description(scores[0].clip)
                bar.update()
        everyone = [score for scores in gather_objects(mine) for score in scores]
        return sorted(everyone, key=lambda score: score.index)

    def _record(
        self,
        dataset: str,
        scores: list[ClipScore],
        current_iter: int | str,
        tb_logger: Any,  # noqa: ANN401
    ) -> None:
        """Keep the best, log, and write the tables."""
        means = mean_over_clips(scores, self.metrics)
        self.values = {name: mean.value for name, mean in means[self.method].items()}
        self._keep_best(dataset, current_iter)
        if get_dist_info()[0] != 0:
            return
        table = score_table(scores, self.metrics)
        best = self.best[dataset] if self.is_train else {}
        text = log_text(dataset, self.method, means, best, table, self.metrics)
        get_root_logger().info(text)
        write_tables(self._table_folder(), dataset, current_iter, table)
        if tb_logger:
            for name, value in self.values.items():
                tb_logger.add_scalar(f"metrics/{dataset}/{name}", value, current_iter)

    def _keep_best(self, dataset: str, current_iter: int | str) -> None:
        """Update the record of a data set; a resumed run finds its earlier best in the table."""
        if dataset not in self.best:
            table = self._table_folder() / f"{dataset}.csv"
            self.best[dataset] = best_until(self.resumed_iter, table, self.method, self.metrics)
        for metric, value in self.values.items():
            record = self.best[dataset][metric]
            higher = record["better"] == "higher"
            if value >= record["val"] if higher else value <= record["val"]:
                record |= {"val": value, "iter": current_iter}

    def _table_folder(self) -> Path:
        root = self.opt["path"]["experiments_root" if self.is_train else "results_root"]
        return Path(root) / "metrics"
