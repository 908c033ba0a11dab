"""The folder that predictions go to: whose it is, what is missing, when it is done."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stdnet_arch.data.codecs.depth_file import FORMATS
from stdnet_arch.utils.whole_file import remove_parts, whole_file

SETTINGS = "infer.json"
DONE = "done.json"
SUBFOLDERS = ("confidence", "errors", "points")
"""What else is made of the frames lies there."""


class OutputFolder:
    """Predictions of one clip, a file per frame.

    ``infer.json`` in the folder says what makes the frames; another run goes on only if it is the
    same. ``done.json`` is written last.

    Args:
        folder: where; it is made by :meth:`claim`.
        kind: a format of ``depth_file.FORMATS``.
    """

    def __init__(self, folder: Path, kind: str) -> None:
        if kind not in FORMATS:
            raise ValueError(f"the format must be one of {', '.join(FORMATS)}; got {kind!r}")
        self.folder, self.kind = folder, kind
        self.suffix = FORMATS[kind]

    def path(self, name: str) -> Path:
        """The file of a frame."""
        return self.folder / f"{name}{self.suffix}"

    def is_done(self, settings: Mapping[str, Any]) -> bool:
        """Whether a run of the same settings has finished and its frames are all still there."""
        return self.done_frames(settings) is not None

    def done_frames(self, settings: Mapping[str, Any]) -> int | None:
        """How many frames a finished run of the same settings has; None if it is not done."""
        done = self.folder / DONE
        if not done.is_file() or self._differences(settings):
            return None
        frames = json.loads(done.read_text())["frames"]
        return frames if len(self._frames()) == frames else None

    def claim(self, settings: Mapping[str, Any], overwrite: bool = False) -> None:
        """Make the folder ours.

        Args:
            settings: what makes the frames, plain values.
            overwrite: delete the frames of other settings, rather than refuse.

        Raises:
            ValueError: there are frames of other settings, or of somebody else.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        for folder in (self.folder, *self._subfolders()):
            remove_parts(folder)
        differences = self._differences(settings)
        if differences and overwrite:
            for path in (*self._frames(), *self._made()):
                path.unlink()
        elif differences and self._frames():
            raise ValueError(
                f"{self.folder} holds frames of another run ({'; '.join(differences)}); choose "
                "another output, or --overwrite"
            )
        (self.folder / DONE).unlink(missing_ok=True)
        self._write(SETTINGS, settings)

    def first_missing(self, names: Sequence[str]) -> int:
        """How many frames from the first on are there."""
        return next(
            (i for i, name in enumerate(names) if not self.path(name).is_file()), len(names)
        )

    def finish(self, frames: int) -> None:
        """Say that the clip is complete."""
        self._write(DONE, {"frames": frames})

    def _write(self, name: str, content: Mapping[str, Any]) -> None:
        with whole_file(self.folder / name) as part:
            part.write_text(json.dumps(dict(content), indent=2) + "\n")

    def _differences(self, settings: Mapping[str, Any]) -> list[str]:
        """What differs from the run that made the folder, in words."""
        path = self.folder / SETTINGS
        if not path.is_file():
            return [f"no {SETTINGS}"]
        try:
            then = json.loads(path.read_text())
        except ValueError:
            return [f"{SETTINGS} cannot be read"]
        keys = sorted(then.keys() | settings.keys())
        return [
            f"{key} was {then.get(key)}, is {settings.get(key)}"
            for key in keys
            if then.get(key) != settings.get(key)
        ]

    def _subfolders(self) -> list[Path]:
        return [self.folder / name for name in SUBFOLDERS if (self.folder / name).is_dir()]

    def _made(self) -> list[Path]:
        """What was made of the frames, in our own folders."""
        return [path for folder in self._subfolders() for path in folder.iterdir()]

    def _frames(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return [path for path in self.folder.iterdir() if path.suffix == self.suffix]
