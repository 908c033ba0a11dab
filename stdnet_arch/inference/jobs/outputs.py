"""The folder that predictions go to: whose it is, what is missing, when it is done."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from stat import S_ISREG
from typing import Any

from stdnet_arch.data.codecs.depth_file import FORMATS
from stdnet_arch.inference.jobs.input_state import tell_change
from stdnet_arch.utils.folder_lock import hold_folder
from stdnet_arch.utils.input_errors import InputError, read_json
from stdnet_arch.utils.names import check_output_folder, resolve_name
from stdnet_arch.utils.whole_file import remove_parts, write_json

LOGGER = logging.getLogger(__name__)
SETTINGS = "infer.json"
DONE = "done.json"
WRITTEN = "written.json"
"""Names of the frames that a run writes, and the state of its inputs when it began."""
MADE = {"confidence": (".png",), "errors": (".png",), "points": (".ply",)}
ERROR_MAP = "error_map"
"""Folders of what else is made of the frames, and how the files of a frame end there."""
SUBFOLDERS = (*MADE, ERROR_MAP)
WHOLE_CLIP = ("errors/slice.png", "errors/errors.json")


class OutputFolder:
    """Predictions of one clip, a file per frame.

    ``infer.json`` in the folder says what makes the frames; another run continues only if it is the
    same. ``written.json`` names the files, and only those are ever deleted. ``done.json`` is
    written last.

    Args:
        folder: folder of the result; :meth:`claim` makes it.
        depth_format: a format of ``depth_file.FORMATS``.
    """

    def __init__(self, folder: Path, depth_format: str) -> None:
        # From a file that others may have changed: anything.
        if not isinstance(depth_format, str) or depth_format not in FORMATS:
            raise ValueError(
                f"the format must be one of {', '.join(FORMATS)}; got {depth_format!r}"
            )
        self.folder, self.depth_format = folder, depth_format
        self.suffix = FORMATS[depth_format]

    def path(self, name: str) -> Path:
        """Return the file of a frame."""
        return resolve_name(self.folder, f"{name}{self.suffix}", "the name of a frame")

    def beside(self, subfolder: str, name: str) -> Path:
        """Name a further file of a frame, of the same format."""
        return resolve_name(self.folder, f"{subfolder}/{name}{self.suffix}", "the name of a frame")

    def held(self) -> AbstractContextManager[None]:
        """Keep other programs out while the block runs.

        Raises:
            OSError: another program writes here; the message says which.
        """
        return hold_folder(self.folder)

    def is_done(self, settings: Mapping[str, Any], inputs: Mapping[str, Any] | None = None) -> bool:
        """Tell whether a run of the same settings and inputs has finished, and all is there."""
        return self.done_frames(settings, inputs) is not None

    def done_frames(
        self, settings: Mapping[str, Any], inputs: Mapping[str, Any] | None = None
    ) -> int | None:
        """Return how many frames a finished run of the same settings and inputs has, or None."""
        done = self._read(DONE)
        frames = done.get("frames")
        if not isinstance(frames, int) or self._differences(settings):
            return None
        if inputs is not None and tell_change(done.get("inputs"), inputs):
            return None
        names = self.names()
        there = len(self._frames()) if names is None else sum(map(self.is_whole, names))
        return frames if there == frames else None

    def claim(
        self,
        settings: Mapping[str, Any],
        overwrite: bool = False,
        names: Sequence[str] = (),
        inputs: Mapping[str, Any] | None = None,
    ) -> None:
        """Make the folder ours.

        Args:
            settings: all that the frames depend on, plain values.
            overwrite: delete what a run of other settings wrote, rather than refuse.
            names: names of the frames that will be written.
            inputs: their state, see :func:`stdnet_arch.inference.jobs.input_state.describe_inputs`.

        Frames of inputs that have changed since are deleted with a message, and made again.

        Raises:
            ValueError: there are frames of other settings, or files of somebody else.
        """
        check_output_folder(self.folder, [], SUBFOLDERS)
        self.folder.mkdir(parents=True, exist_ok=True)
        for folder in (self.folder, *self._subfolders()):
            remove_parts(folder)
        differences = self._differences(settings)
        change = "" if inputs is None else tell_change(self._read(WRITTEN).get("inputs"), inputs)
        if differences and not (self.folder / SETTINGS).is_file():
            self._refuse_files_of_others()
        elif differences and overwrite:
            self._delete_written(names)
        elif differences and self._frames():
            raise ValueError(
                f"{self.folder} holds frames of another run ({'; '.join(differences)}); choose "
                "another output, or --overwrite"
            )
        elif change:
            LOGGER.warning("%s: %s; its frames are made again", self.folder, change)
            self._delete_written(names)
        (self.folder / DONE).unlink(missing_ok=True)
        write_json(self.folder / WRITTEN, {"names": [*names], "inputs": inputs})
        write_json(self.folder / SETTINGS, dict(settings))

    def settings(self) -> dict[str, Any]:
        """Return what the folder's frames were made with; empty if nothing can be read."""
        return self._read(SETTINGS)

    def names(self) -> list[str] | None:
        """Return the names that the folder's run writes; None if it is of an older version."""
        names = self._read(WRITTEN).get("names")
        known = isinstance(names, list) and all(isinstance(name, str) for name in names)
        return names if known else None

    def first_missing(self, names: Sequence[str]) -> int:
        """Return how many frames from the first on are there."""
        return next((i for i, name in enumerate(names) if not self.is_whole(name)), len(names))

    def is_whole(self, name: str) -> bool:
        """Tell whether the file of a frame is there; an empty one, after a power cut, is not."""
        try:
            said = self.path(name).lstat()
        except OSError:
            return False
        return S_ISREG(said.st_mode) and said.st_size > 0

    def finish(self, names: Sequence[str]) -> None:
        """Note that the clip is complete.

        Raises:
            InputError: files were deleted while the run wrote.
        """
        missing = [name for name in names if not self.is_whole(name)]
        if missing or not (self.folder / SETTINGS).is_file():
            raise InputError(
                f"{self.folder}: files were deleted during the run, {len(missing)} of "
                f"{len(names)} frames are missing; the same command makes them"
            )
        done = {"frames": len(names), "inputs": self._read(WRITTEN).get("inputs")}
        write_json(self.folder / DONE, done)

    def finish_open(self, names: Sequence[str]) -> None:
        """Note that a clip is complete whose frames nobody knew before.

        Args:
            names: names of the frames; all are there.
        """
        write_json(self.folder / WRITTEN, {"names": [*names], "inputs": None})
        self.finish(names)

    def _read(self, name: str) -> dict[str, Any]:
        """Return what one of our JSON files holds; empty if it cannot be read."""
        try:
            content = read_json(self.folder / name)
        except (OSError, ValueError, RecursionError):
            return {}
        return content if isinstance(content, dict) else {}

    def _differences(self, settings: Mapping[str, Any]) -> list[str]:
        """Return in words what differs from the run that made the folder."""
        if not (self.folder / SETTINGS).is_file():
            return [f"no {SETTINGS}"]
        then = self._read(SETTINGS)
        if not then:
            return [f"{SETTINGS} cannot be read"]
        keys = sorted(then.keys() | settings.keys())
        return [
            f"{key} was {then.get(key)}, is {settings.get(key)}"
            for key in keys
            if then.get(key) != settings.get(key)
        ]

    def _refuse_files_of_others(self) -> None:
        there = self._frames()
        if there:
            raise ValueError(
                f"{self.folder} holds files that this program did not write, such as "
                f"{there[0].name} (there is no {SETTINGS}); choose another output"
            )

    def _delete_written(self, names: Sequence[str]) -> None:
        """Delete what the run of the folder's ``infer.json`` wrote, and nothing else.

        Args:
            names: names of the frames, for a folder of an older version, which does not name them.
        """
        own = self.names()
        for path in self._files_of(names if own is None else own):
            if path.is_symlink() or path.is_file():
                path.unlink()

    def _files_of(self, names: Sequence[str]) -> Iterator[Path]:
        """Return all files that a run writes for some frames, whatever its format was."""
        suffix = FORMATS.get(str(self._read(SETTINGS).get("format")), self.suffix)
        endings = {"": (suffix,), ERROR_MAP: (suffix,), **MADE}
        for name in names:
            for folder, suffixes in endings.items():
                for ending in suffixes:
                    place = f"{folder}/{name}{ending}" if folder else f"{name}{ending}"
                    yield resolve_name(self.folder, place, "the name of a frame")
        yield from (self.folder / place for place in WHOLE_CLIP)

    def _subfolders(self) -> list[Path]:
        return [self.folder / name for name in SUBFOLDERS if (self.folder / name).is_dir()]

    def _frames(self) -> list[Path]:
        """Return the files that look like frames, whoever wrote them."""
        if not self.folder.is_dir():
            return []
        return sorted(path for path in self.folder.iterdir() if path.suffix == self.suffix)
