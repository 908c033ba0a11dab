"""Views of a clip: what the sensor saw, and what ``infer`` wrote of it.

Nothing is predicted here. Every number comes from the files of the recording or of the result, read
as ``infer`` reads them.
"""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.codecs.depth_file import FLOAT16, read_depth
from stdnet_arch.data.recordings.depth_io import DepthReader
from stdnet_arch.data.recordings.recording import Recording
from stdnet_arch.inference.depth_cleaning import SensorCleaner
from stdnet_arch.inference.jobs.job import ERROR_MAP, Job
from stdnet_arch.inference.jobs.outputs import DONE, OutputFolder
from stdnet_arch.inference.jobs.preview import clip_limits
from stdnet_arch.inference.jobs.reopening import error_limit_cm
from stdnet_arch.inference.jobs.side_outputs import POINTS, open_truth
from stdnet_arch.utils.input_errors import InputError
from stdnet_arch.utils.names import resolve_name
from stdnet_arch.view.frame_cache import FrameCache
from stdnet_arch.visual.colorize import DepthRange, colorize_depth, colorize_error, error_cm
from stdnet_arch.visual.figure import round_up
from stdnet_arch.visual.point_cloud import write_point_cloud
from stdnet_arch.visual.strips import upsample_bilinear
from stdnet_arch.visual.temporal_profile import time_slice

RGB, LQ, BILINEAR, PREDICTION = "RGB", "LR depth", "bilinear", "prediction"
EXPECTED, TRUTH, ERROR = "expected error", "truth", "error"
VIEWS = (RGB, LQ, BILINEAR, PREDICTION, EXPECTED, TRUTH, ERROR)
OF_ERRORS = (EXPECTED, ERROR)
OF_RECORDING = (RGB, LQ, BILINEAR)
SLICED = 120
"""Frames of an x-t slice at most, around the one that is shown."""
LOOKED_AT = 12
"""Frames that a colour range is taken from, spread over the clip."""
CACHE_BYTES = 1 << 28

Picture = NDArray[np.uint8]


class ShownClip:
    """A clip on the page. One thread at a time reads; others wait.

    Args:
        job: job that reads and writes it, or would.
        recording: depth and RGB; None: they are not there any more, only the result is.
        names: names of the frames, if the recording is gone; None: the recording knows them.
        about: a line for people.
    """

    def __init__(
        self,
        job: Job,
        recording: Recording | None,
        names: list[str] | None = None,
        about: str = "",
    ) -> None:
        self.job, self.recording, self.about = job, recording, about
        self.output = OutputFolder(job.output, job.depth_format)
        if recording is not None:
            names = [recording.depth.name(i) for i in range(len(recording.depth))]
        if not names:
            raise InputError(f"{job.output}: neither its recording nor names of frames are there")
        self.names = names
        self._truth = _open_truth(job, recording)
        self._unit = FLOAT16 if job.depth_format == "float16png" else None
        self._cleaner = SensorCleaner(np.inf, job.max_depth_m)
        self._lock = threading.RLock()
        self._cache = FrameCache(CACHE_BYTES)
        self._colors: Iterator[Picture] | None = None
        self._next_color = 0
        self._size: tuple[int, int] | None = None
        self._limits: DepthRange | None = None
        self._error_limit: tuple[bool, float] | None = None

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.names)

    @property
    def done(self) -> bool:
        """Tell whether a run has finished here."""
        return (self.output.folder / DONE).is_file()

    def made(self) -> int:
        """Count the frames from the first on that are predicted."""
        return self.output.first_missing(self.names)

    def has(self, view: str, i: int) -> bool:
        """Tell whether a view of a frame can be shown now."""
        if view in OF_RECORDING:
            return self.recording is not None
        if view == TRUTH:
            return self._truth is not None
        if view == EXPECTED:
            return self.output.beside(ERROR_MAP, self.names[i]).is_file()
        there = self.output.is_whole(self.names[i])
        return there and (view == PREDICTION or self._truth is not None)

    def views(self, i: int) -> list[str]:
        """List what can be shown of a frame.

        Raises:
            InputError: there is no such frame.
        """
        if not 0 <= i < len(self):
            raise InputError(f"the clip has frames 0 to {len(self) - 1}; got {i}")
        return [view for view in VIEWS if self.has(view, i)]

    def size(self) -> tuple[int, int]:
        """Height and width of what is shown."""
        if self._size is None:
            view = RGB if self.recording is not None else PREDICTION
            height, width = self.read(view, 0).shape[:2]
            self._size = height, width
        return self._size

    def read(self, view: str, i: int) -> NDArray[Any]:
        """Read a view of a frame.

        Args:
            view: one of :data:`VIEWS` that :meth:`has`.
            i: number of the frame.

        Returns:
            RGB ``(H, W, 3)`` uint8; LR depth [m] ``(h, w)``, 0 where the sensor saw nothing; else
            metres ``(H, W)`` float32, NaN where an error is not known.

        Raises:
            InputError: there is no such frame or view.
        """
        there = self.views(i)
        if view not in there:
            raise InputError(f"frame {i} has {', '.join(there)}; got {view!r}")
        with self._lock:
            return self._cache.get((view, i), lambda: self._read(view, i))

    def values(self, i: int, x: int, y: int) -> dict[str, Any]:
        """Return what each view holds at a pixel.

        Args:
            i: number of the frame.
            x: column, and
            y: row of the large picture.

        Returns:
            By view: metres; three codes for RGB; None for no depth, and for an unknown error.
        """
        height, width = self.size()
        if not (0 <= x < width and 0 <= y < height):
            raise InputError(f"a pixel must lie in {width}x{height}; got x={x}, y={y}")
        found: dict[str, Any] = {}
        for view in self.views(i):
            picture = self.read(view, i)
            value = picture[_place(y, height, len(picture)), _place(x, width, picture.shape[1])]
            if view == RGB:
                found[view] = [int(code) for code in value]
            else:
                known = np.isfinite(value) and (value > 0 or view in OF_ERRORS)
                found[view] = float(value) if known else None
        return found

    def picture(self, view: str, i: int) -> Picture:
        """Draw a view of a frame in the clip's one colour range; RGB ``(height, width, 3)``."""
        return self._colorize(view, self.read(view, i))

    def slice(self, view: str, row: int, i: int) -> tuple[Picture, int]:
        """Draw a row over time, time downwards.

        Args:
            view: view to draw.
            row: row of the large picture.
            i: frame around which :data:`SLICED` frames are taken.

        Returns:
            RGB ``(t, width, 3)``, and the number of its first frame. Frames without the view are
            left out at the end.
        """
        first = max(0, min(i - SLICED // 2, len(self) - SLICED))
        height, lines = self.size()[0], []
        for k in range(first, min(first + SLICED, len(self))):
            if not self.has(view, k):
                break
            picture = self.read(view, k)
            lines.append(time_slice(picture[None], _place(row, height, len(picture)))[0])
        if not lines:
            raise InputError(f"frame {first} has no {view} yet")
        return self._colorize(view, np.stack(lines)), first

    def points(self, i: int, folder: Path) -> Path:
        """Return the point cloud of a predicted frame, as ``infer --ply`` writes it.

        Args:
            i: number of the frame.
            folder: folder to write to, unless the run wrote it.

        Raises:
            InputError: no such frame, no prediction, or nobody says the camera.
        """
        if PREDICTION not in self.views(i):
            raise InputError(f"frame {i} has no {PREDICTION} yet, so no point cloud")
        name = self.names[i]
        path = resolve_name(self.output.folder, f"{POINTS}/{name}.ply", "the name of a frame")
        if path.is_file():
            return path
        recording = self.recording
        camera = self.job.side_outputs.camera or (
            None if recording is None else recording.intrinsics(i)
        )
        if camera is None or recording is None:
            raise InputError(
                "point clouds need the camera, which this recording does not say; give "
                "--intrinsics FX FY CX CY in pixels of the RGB, among the further options"
            )
        path = resolve_name(folder, f"{name}.ply", "the name of a frame")
        write_point_cloud(path, self.read(PREDICTION, i), self.read(RGB, i), camera)
        return path

    def limits(self) -> DepthRange:
        """Return the one range of colours [m] of all depth of the clip."""
        with self._lock:
            if self._limits is None:
                view = LQ if self.recording is not None else PREDICTION
                near_m, far_m = clip_limits(self.read(view, k) for k in self._some(view))
                self._limits = DepthRange(near_m, max(far_m, near_m * 1.01))
            return self._limits

    def error_limit_m(self) -> float:
        """Return the error [m] of the last colour, for expected and true errors alike."""
        with self._lock:
            finished = self.done
            if self._error_limit is None or self._error_limit[0] != finished:
                self._error_limit = finished, self._find_error_limit_m()
            return self._error_limit[1]

    def _find_error_limit_m(self) -> float:
        """Take the pictures' of ``infer --gt``, if there are any, else that of some frames."""
        said_cm = error_limit_cm(self.output.folder) if self._truth is not None else None
        if said_cm is not None:
            return said_cm / 100
        view = ERROR if self._truth is not None else EXPECTED
        known = [self.read(view, k) for k in self._some(view)]
        highest = [np.nanpercentile(error, 95) for error in known if np.isfinite(error).any()]
        return round_up(100 * float(max(highest, default=0.01))) / 100

    def _some(self, view: str) -> list[int]:
        """List frames spread over the clip that have a view."""
        picked = np.linspace(0, len(self) - 1, min(LOOKED_AT, len(self))).round().astype(int)
        return [int(k) for k in picked if self.has(view, int(k))]

    def _colorize(self, view: str, values: NDArray[Any]) -> Picture:
        if view == RGB:
            return values
        if view in OF_ERRORS:
            return colorize_error(100 * values, 100 * self.error_limit_m())
        return colorize_depth(values, self.limits())

    def _read(self, view: str, i: int) -> NDArray[Any]:
        if view == RGB:
            return self._read_color(i)
        if view in (LQ, BILINEAR):
            return self._read_measured(view, i)
        if view == PREDICTION:
            return read_depth(self.output.path(self.names[i]), self._unit)
        if view == EXPECTED:
            return read_depth(self.output.beside(ERROR_MAP, self.names[i]), self._unit)
        if view == TRUTH and self._truth is not None:
            return self._truth.read(i)
        return error_cm(self.read(PREDICTION, i), self.read(TRUTH, i)) / 100

    def _read_measured(self, view: str, i: int) -> NDArray[np.float32]:
        if self.recording is None:
            raise InputError(f"{self.job.depth} is not there any more")
        depth_m = self.recording.depth.read(i)
        measured = self._cleaner.measured(depth_m)
        if view == LQ:
            return np.where(measured, depth_m, np.float32(0))
        if not measured.any():
            return np.zeros(self.size(), np.float32)
        filled_m, _ = self._cleaner.clean(depth_m)  # as the network sees it
        return upsample_bilinear(filled_m[None], self.size())[0]

    def _read_color(self, i: int) -> Picture:
        """Read RGB, going on where the last frame was read: a video is decoded in order."""
        if self.recording is None:
            raise InputError("the recording is not there any more")
        if self._colors is None or self._next_color != i:
            self._colors = self.recording.colors(i)
        rgb = next(self._colors, None)
        if rgb is None:
            self._colors = None
            raise InputError(f"the RGB ends before frame {i}")
        self._next_color = i + 1
        return rgb


def _open_truth(job: Job, recording: Recording | None) -> DepthReader | None:
    if job.side_outputs.gt is None or recording is None:
        return None
    return open_truth(job.side_outputs, recording)


def _place(place: int, large: int, small: int) -> int:
    """Return the pixel of a smaller picture in which the centre of one of the large lies."""
    return int((place + 0.5) * small / large)
