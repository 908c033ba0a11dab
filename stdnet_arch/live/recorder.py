"""Files of what was shown: a recording that ``infer`` reads, a result as ``infer`` writes it.

``OUT/recording``: ``depth/TIME.npy`` (float32 metres), ``rgb/TIME.png``, ``intrinsics.txt``.
``OUT/result``: what ``infer --depth OUT/recording -o OUT/result`` with the same network writes.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from stdnet_arch.data.codecs.depth_file import write_depth
from stdnet_arch.data.codecs.rgb_codec import encode_rgb
from stdnet_arch.data.recordings.reading import Reading
from stdnet_arch.data.recordings.recording import Frame, Intrinsics
from stdnet_arch.inference.jobs.background import WriteBehind
from stdnet_arch.inference.jobs.job import Job, settings_of, write_frame
from stdnet_arch.inference.jobs.outputs import OutputFolder
from stdnet_arch.inference.predictor import DepthSRPredictor, Prediction
from stdnet_arch.utils.input_errors import InputError
from stdnet_arch.utils.names import check_output_folder
from stdnet_arch.utils.whole_file import whole_file, write_whole

RECORDING, RESULT = "recording", "result"
BEHIND = 4
"""Frames that wait for the disk; then the session waits, and the camera's frames are dropped."""


def check_record_folder(folder: Path, inputs: Sequence[Path] = ()) -> None:
    """Refuse a folder that holds something, or lies in what is read.

    Raises:
        InputError: it does.
    """
    check_output_folder(folder, inputs)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"--record needs a new or an empty folder; got {folder}")


class Recorder:
    """Writes frames in a thread; a context manager that waits for them.

    Args:
        folder: a new or empty folder.
        job: settings of the clip; its paths, and how they are read, do not count.
        predictor: the network.
        camera: camera of the RGB, if it is known.
        inputs: files and folders that are read; the folder must not lie in it.

    Raises:
        InputError: the folder holds something, or overlaps an input.
    """

    def __init__(
        self,
        folder: Path,
        job: Job,
        predictor: DepthSRPredictor,
        camera: Intrinsics | None,
        inputs: Sequence[Path] = (),
    ) -> None:
        check_record_folder(folder, inputs)
        self.folder, self.recording = folder, folder / RECORDING
        # Settings name the recording by its real path, so the folder must be there before.
        self.recording.mkdir(parents=True, exist_ok=True)
        self.job = replace(
            job, depth=self.recording, rgb=None, output=folder / RESULT, reading=Reading()
        )
        self.output = OutputFolder(self.job.output, self.job.depth_format)
        self.names: list[str] = []
        self._writer = WriteBehind(BEHIND)
        self._held = ExitStack()
        self.output.claim(settings_of(self.job, predictor))
        if camera is not None:
            with whole_file(self.recording / "intrinsics.txt") as part:
                np.savetxt(part, [camera])

    def add(self, taken_s: float, frame: Frame, prediction: Prediction) -> None:
        """Write a frame soon.

        Args:
            taken_s: when it was taken [s since 1970]; its name.
            frame: depth [m] and RGB as the camera gave them.
            prediction: the frame that was shown.

        Raises:
            OSError: an earlier frame could not be written.
        """
        name = f"{taken_s:.6f}"
        self.names.append(name)
        self._writer.submit(self._write, name, frame, prediction)

    def finish(self) -> int:
        """Mark the result as complete; return how many frames it has.

        Frames that are still being written do not count.
        """
        whole = [name for name in self.names if self.output.is_whole(name)]
        self.output.finish_open(whole)
        return len(whole)

    def __enter__(self) -> "Recorder":
        """Start."""
        self._held.enter_context(self.output.held())
        self._held.enter_context(self._writer)
        return self

    def __exit__(self, *raised: Any) -> None:  # noqa: ANN401  as context managers are left
        """Wait for what was added."""
        self._held.__exit__(*raised)

    def _write(self, name: str, frame: Frame, prediction: Prediction) -> None:
        depth_m, rgb = frame
        write_depth(self.recording / "depth" / f"{name}.npy", depth_m, "npy")
        write_whole(self.recording / "rgb" / f"{name}.png", encode_rgb(rgb))
        write_frame(self.job, self.output, name, prediction)
