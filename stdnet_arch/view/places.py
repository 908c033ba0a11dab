"""Files of this machine that the page may read: those that whoever runs it has named."""

from collections.abc import Sequence
from pathlib import Path

from stdnet_arch.utils.input_errors import InputError
from stdnet_arch.utils.names import is_inside


class Places:
    """Folders and files that visitors may name.

    Args:
        roots: relative names belong to the first one; empty: visitors can only upload.
    """

    def __init__(self, roots: Sequence[Path]) -> None:
        self.roots = [root.absolute() for root in roots]

    def __bool__(self) -> bool:
        """Tell whether anything may be named."""
        return bool(self.roots)

    def find(self, text: str | None) -> Path | None:
        """Return the path that a visitor typed; None for an empty field.

        Raises:
            InputError: it leaves the folders that may be read.
        """
        if text is None or not text.strip():
            return None
        if not self.roots or "\0" in text:
            raise InputError("this page reads no files of its machine; upload them")
        path = self.roots[0] / text.strip()
        if not any(is_inside(path, root) for root in self.roots):
            allowed = ", ".join(map(str, self.roots))
            raise InputError(f"this page reads files in {allowed} (--folder); got {text.strip()!r}")
        return path
