"""Compare what is read from an LMDB with its checksums, every time or once per value."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from stdnet_arch.data.database.lmdb_manifest import StoredClip, checksum
from stdnet_arch.utils.input_errors import InputError

ONCE = "once"
NAMES = ("guide", "depth", "flow", "flow_seen", "pose", "intrinsics")


class ValueChecks:
    """Notes of the values that were compared already, shared by all workers that have the object.

    Args:
        clips: the clips that are stored.
        scales: scales of the stored LR depth.
        verify: True, every time; ``ONCE``, the first time; False, never.
    """

    def __init__(
        self, clips: Sequence[StoredClip], scales: Sequence[int], verify: bool | str
    ) -> None:
        """Make a byte for every value, in memory that forked and spawned workers share."""
        self.verify = verify
        self._columns = {name: i for i, name in enumerate([*NAMES, *(f"lq{s}" for s in scales)])}
        self._rows: dict[str, int] = {}
        rows = 0
        for one in clips:
            self._rows[one.clip] = rows - one.spans[0][0]
            rows += one.spans[-1][1] - one.spans[0][0]
        size = (rows, len(self._columns)) if verify == ONCE else (0, 0)
        self._done = torch.zeros(size, dtype=torch.uint8).share_memory_()

    def check(
        self, clip: str, i: int, name: str, about: Mapping[str, Any], value: memoryview, where: str
    ) -> None:
        """Compare a value with its checksum, if it is its turn.

        Args:
            clip: clip of the frame.
            i: number of the frame.
            name: name of the value.
            about: record of the value.
            value: its bytes.
            where: its name, for errors.

        Raises:
            InputError: they differ: the file was damaged.
        """
        if not self.verify:
            return
        place = self._rows[clip] + i, self._columns.get(name, -1)
        if self.verify == ONCE and place[1] >= 0 and self._done[place]:
            return
        found = checksum(value)
        if found != about.get("checksum"):
            raise InputError(
                f"{where}: expected the checksum {about.get('checksum')}; got {found}: the LMDB "
                "is damaged (scripts/verify_lmdb.py lists all that is)"
            )
        if self.verify == ONCE and place[1] >= 0:
            self._done[place] = 1
