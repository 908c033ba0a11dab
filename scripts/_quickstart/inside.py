"""Questions to the environment's own Python: ``python inside.py versions|repair|check``.

A file of its own and started as a script, since these answers must come from the other interpreter.
"""

import csv
import importlib
import importlib.metadata
import json
import shutil
import sys
import sysconfig
from pathlib import Path

NEEDED = ("torch", "torchvision", "numpy", "lmdb", "basicsr", "stdnet_arch", "pytest")
IMPORTED = ("cv2", "lmdb", "matplotlib", "numpy", "pytest", "scipy", "torch", "torchvision", "yaml")


def versions() -> dict[str, str | None]:
    """Versions of what the project stands on; None for what is absent."""
    found = {name: _version(name) for name in NEEDED}
    opencv = _version("opencv-python") or _version("opencv-python-headless")
    return {"python": sys.version.split()[0], **found, "opencv": opencv}


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def is_whole(info: Path) -> bool:
    """Tell whether every file that a package's record lists is there with its size.

    pip writes the record last: none means that the package was just being installed. It is read
    line by line here, since from 3.12 on ``importlib.metadata`` leaves missing files out.

    Args:
        info: the package's folder ``*.dist-info``; its record has lines ``path,hash,size``.
    """
    record = info / "RECORD"
    if not record.is_file():
        return False
    with record.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines))
    if not rows or any(len(row) != 3 for row in rows):
        return False
    listed = [(info.parent / name, size) for name, _, size in rows if not name.endswith(".pyc")]
    return all(path.is_file() and size in ("", str(path.stat().st_size)) for path, size in listed)


def repair(site: Path) -> list[str]:
    """Forget packages that are there in part, so that pip installs them again.

    Args:
        site: the folder ``site-packages``.

    Returns:
        Names of the entries that were removed.
    """
    partial = [info for info in site.glob("*.dist-info") if not is_whole(info)]
    # pip sets aside what it is about to replace under a name that begins with "~".
    set_aside = list(site.glob("~*"))
    for path in partial + set_aside:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    return [path.name for path in partial + set_aside]


def main(task: str) -> int:
    """Do one of the tasks; what it finds goes to the standard output."""
    if task == "versions":
        sys.stdout.write(json.dumps(versions()))
    elif task == "repair":
        removed = repair(Path(sysconfig.get_paths()["purelib"]))
        sys.stdout.write("removed: " + (", ".join(removed) or "nothing"))
    else:
        for name in (*IMPORTED, "stdnet_arch", "basicsr"):
            importlib.import_module(name)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
