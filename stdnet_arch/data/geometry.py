"""Motion and cameras of whole clips, which some metrics need: read where a source has them.

A source has them if it has the methods ``flow_px(clip, i)``, ``pose(clip, i)`` and
``intrinsics_px(clip)``. Each returns None where there is nothing; flow comes with where its target
is seen. ``Synthetic`` has all three.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from stdnet_arch.data.sources.clip_list import ClipSpan
from stdnet_arch.data.sources.source import Source, location

GEOMETRY = ("flow_px", "intrinsics_px", "pose")

Box = tuple[slice, slice]


class GeometryReader:
    """Reads what the options ask for beside depth and colour.

    Args:
        source: any; one without such methods has no extras.
        names: any of ``GEOMETRY``.
    """

    def __init__(self, source: Source, names: Sequence[str]) -> None:
        """Keep the names."""
        self.source, self.names = source, tuple(names)

    def check(self, spans: Sequence[ClipSpan]) -> None:
        """Raise if not a single listed clip has what is asked for: hours later is too late."""
        for name in self.names:
            if not any(self._one(name, span.clip, span.start) is not None for span in spans):
                raise ValueError(
                    f"extras: no listed clip of source {type(self.source).__name__} has {name};"
                    " leave it out (metrics that need it then say nan)"
                )

    def check_all(self, spans: Sequence[ClipSpan]) -> None:
        """Raise if one listed clip lacks what is asked for: batches hold all of it or none."""
        for name in self.names:
            lacking = [s.clip for s in spans if self._one(name, s.clip, s.start) is None]
            if lacking:
                raise ValueError(
                    f"extras: training needs {name} of every listed clip; source "
                    f"{type(self.source).__name__} has none of {', '.join(lacking[:5])}"
                )

    def read(self, span: ClipSpan, box: Box) -> dict[str, Tensor]:
        """The extras of one clip; what it does not have is left out.

        Args:
            span: its frames.
            box: rows and columns that are kept of each frame.

        Returns:
            ``flow_px (t - 1, 2, H, W)`` float32, (dx, dy) to the next frame. ``intrinsics_px (4,)``
            float64, ``fx, fy, cx, cy``, with ``(0, 0)`` at the centre of the box's first pixel.
            ``pose (t, 4, 4)`` float64, camera to world [m], x right, y down, z forward.
        """
        frames = {"flow_px": range(span.start, span.stop - 1), "intrinsics_px": [span.start]}
        found = {}
        for name in self.names:
            wanted = frames.get(name, range(span.start, span.stop))
            values = list(self._values(name, span.clip, wanted, box))
            if len(values) == len(wanted) > 0:
                found[name] = torch.from_numpy(np.stack(values))
        if "intrinsics_px" in found:
            rows, columns = box
            corner = torch.tensor([0, 0, columns.start, rows.start], dtype=torch.float64)
            found["intrinsics_px"] = found["intrinsics_px"][0] - corner
        return found

    def _values(
        self, name: str, clip: str, frames: Sequence[int], box: Box
    ) -> Iterator[np.ndarray]:
        """One array per frame, until the first frame that has none."""
        for i in frames:
            value = self._one(name, clip, i)
            if value is None:
                return
            yield self._crop_flow(value, clip, i, box) if name == "flow_px" else value

    def _one(self, name: str, clip: str, i: int) -> np.ndarray | None:
        method = getattr(self.source, name, None)
        if method is None:
            return None
        value = method(clip) if name == "intrinsics_px" else method(clip, i)
        if value is None:
            return None
        if name == "flow_px":
            return value[0]  # the second says where the target is seen: metrics see that themselves
        return np.asarray(value, np.float64)

    def _crop_flow(self, flow_px: np.ndarray, clip: str, i: int, box: Box) -> np.ndarray:
        shape = (2, *self.source.depth_m(clip, i).shape)
        if flow_px.shape != shape:
            name = location(self.source, clip, i, "depth")
            raise ValueError(f"flow of {name}: expected {shape}; got {flow_px.shape}")
        rows, columns = box
        return np.ascontiguousarray(flow_px[:, rows, columns], np.float32)
