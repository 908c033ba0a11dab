"""What a command must leave alone, and proof that no stranger's code ran."""

import hashlib
import os
import shutil
from pathlib import Path
from stat import S_ISREG

CANARY = "code-ran"


class Sandbox:
    """A folder with inputs, one folder that may be written to, and everything else watched.

    Args:
        root: an empty folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.inputs, self.work = root / "inputs", root / "work"
        self.canary = root / CANARY
        for folder in (self.inputs, self.work):
            folder.mkdir(parents=True)

    def fresh_work(self) -> Path:
        """Empty the folder that may be written to."""
        shutil.rmtree(self.work)
        self.work.mkdir()
        return self.work

    def digest(self) -> dict[str, str]:
        """Name every file outside ``work`` with the digest of its content, or what it is."""
        found = {}
        for folder, folders, names in os.walk(self.root):
            if Path(folder) == self.root:
                folders[:] = [name for name in folders if name != self.work.name]
                names = [name for name in names if not name.endswith(".said.txt")]
            for name in [*names, *(n for n in folders if (Path(folder) / n).is_symlink())]:
                path = Path(folder) / name
                mode = path.lstat().st_mode
                regular = S_ISREG(mode)
                content = hashlib.sha256(path.read_bytes()).hexdigest() if regular else str(mode)
                found[str(path.relative_to(self.root))] = content
        return found

    def differences(self, before: dict[str, str]) -> list[str]:
        """Tell what changed outside ``work`` since then; a canary means that code ran."""
        now = self.digest()
        changed = sorted(n for n in before.keys() | now.keys() if before.get(n) != now.get(n))
        if CANARY in changed:
            return ["code of the input ran"]
        return [f"touched {name}" for name in changed]


def tree(folder: Path, leave_out: tuple[str, ...] = ()) -> dict[str, str]:
    """Name every file under a folder with the digest of its content.

    Args:
        folder: gone through to the end.
        leave_out: ends of names that do not count.
    """
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(leave_out)
    }
