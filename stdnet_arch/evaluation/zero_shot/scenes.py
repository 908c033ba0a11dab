"""Real and rendered scenes that a network is judged on and never trained with."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.sources.source import Source, build_source

LOGGER = logging.getLogger("stdnet_arch")
FARTHEST_M = 100.0
"""True depth beyond it does not count: the simulated sensor ends there."""


@dataclass(frozen=True, kw_only=True)
class SceneFiles:
    """Place of a scene, and how its files are read."""

    name: str
    """Name in tables."""
    folder: str
    """Below the root of all data."""
    source: str = "Folder"
    """Name of a registered source."""
    source_opt: Mapping[str, Any] = field(default_factory=dict)
    """Keyword arguments of the source."""
    clip: str | None = None
    """Its name in the source; None: the only one."""
    video: bool = True
    """False: the frames do not follow one another; each is a clip of its own."""
    exact: bool = False
    """True: rendered depth; False: sensor depth, whose holes do not count."""
    may_show: bool = False
    """True if the licence lets a published report show its RGB and depth."""


KNOWN_SCENES = (
    SceneFiles(
        name="DyDToF",
        folder="DyDToF",
        source="DyDToF",
        clip="school/school_shot8",
        exact=True,
    ),
    SceneFiles(name="tartanair_hospital_A", folder="scenes/tartanair_hospital_A", exact=True),
    SceneFiles(
        name="tum_fr1_rpy",
        folder="scenes/tum_fr1_rpy",
        source_opt={"unit": 0.0002, "consecutive": False},
    ),
    SceneFiles(name="tsdf_fusion_kitchen", folder="scenes/tsdf_fusion_kitchen", may_show=True),
    SceneFiles(
        name="open3d_redwood_rgbd",
        folder="scenes/open3d_redwood_rgbd",
        source_opt={"guide": "color"},
        video=False,
        may_show=True,
    ),
    # The first path of the world that no training reads; MIT-0.
    SceneFiles(
        name="small_warehouse",
        folder="worlds",
        source="Worlds",
        source_opt={"split": "test", "num_clips": 1, "num_frame": 20, "size": [480, 640]},
        exact=True,
        may_show=True,
    ),
)
"""The scenes that ``datasets/README.md`` tells how to get."""


@dataclass(frozen=True, eq=False)
class SceneFrames:
    """Some frames of a scene in memory."""

    name: str
    rgb: NDArray[np.uint8]
    """``(t, H, W, 3)``."""
    depth_m: NDArray[np.float32]
    """True depth [m], ``(t, H, W)``, 0 where there is none."""
    valid: NDArray[np.bool_]
    """Pixels where true depth counts, ``(t, H, W)``."""
    files: SceneFiles

    def clips(self) -> list[slice]:
        """Frames that belong together: the whole video, or each still by itself."""
        count = len(self.rgb)
        return [slice(0, count)] if self.files.video else [slice(i, i + 1) for i in range(count)]


def load_scenes(
    root: str | Path = "datasets",
    frames: int | None = 4,
    known: Sequence[SceneFiles] = KNOWN_SCENES,
) -> list[SceneFrames]:
    """Read the last frames of every scene that lies below a folder.

    Args:
        root: folder of all data.
        frames: number of frames of each scene, counted from its end; None reads all.
        known: the scenes to look for; a missing one is left out, and a warning names it.

    Raises:
        FileNotFoundError: none of them is there.
        ValueError: ``frames`` is below 1, or a scene's files do not fit together.
    """
    if frames is not None and frames < 1:
        raise ValueError(f"a scene needs at least 1 frame, got {frames}")
    root = Path(root)
    there = [files for files in known if (root / files.folder).is_dir()]
    for files in known:
        if files not in there:
            LOGGER.warning("scene %s is left out: no folder %s", files.name, root / files.folder)
    if not there:
        names = ", ".join(files.folder for files in known)
        raise FileNotFoundError(f"expected one of {names} below {root.absolute()}; got none")
    return [load_scene(root, files, frames) for files in there]


def load_scene(root: Path, files: SceneFiles, frames: int | None) -> SceneFrames:
    """Read the last ``frames`` frames of one scene; see :func:`load_scenes`."""
    source = build_source(files.source, str(root / files.folder), files.source_opt)
    clips = source.clips()
    clip = files.clip or next(iter(clips))
    if clip not in clips:
        raise ValueError(f"scene {files.name}: expected clip {clip!r}; got {', '.join(clips)}")
    numbers = range(clips[clip])[-frames if frames else 0 :]
    rgb, depth_m = (np.stack(x) for x in zip(*_frames(source, clip, numbers), strict=True))
    if rgb.shape[:3] != depth_m.shape:
        raise ValueError(
            f"scene {files.name}: RGB and depth must have one size; got {rgb.shape[:3]} and "
            f"{depth_m.shape}"
        )
    valid = np.isfinite(depth_m) & (depth_m > 0) & (depth_m <= FARTHEST_M)
    return SceneFrames(files.name, rgb, np.where(valid, depth_m, np.float32(0)), valid, files)


def _frames(source: Source, clip: str, numbers: Sequence[int]) -> list[tuple[Any, Any]]:
    return [
        (np.asarray(source.guide(clip, i)), np.array(source.depth_m(clip, i), np.float32))
        for i in numbers
    ]
