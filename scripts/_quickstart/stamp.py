"""Knowledge of a ``.venv`` before anything is done to it.

``.venv/quickstart.json`` says for which Python, place and requirements it was made, and whether it
is finished. A set-up that was cut off, by Ctrl-C or a kill, leaves the word "installing" there.
"""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

Stamp = dict[str, str | bool]
OWN = "quickstart."  # how the names of our own files in a .venv begin


def python_of(venv: Path, windows: bool = os.name == "nt") -> Path:
    """The interpreter of an environment."""
    return venv / ("Scripts/python.exe" if windows else "bin/python")


def version_of(python: Path) -> tuple[int, int] | None:
    """Major and minor version of an interpreter; None if it does not run."""
    command = [str(python), "-I", "-c", "import sys; print(*sys.version_info[:2])"]
    try:
        words = subprocess.check_output(command, text=True, stderr=subprocess.DEVNULL).split()
    except (OSError, subprocess.CalledProcessError):
        return None
    return int(words[0]), int(words[1])


def read_stamp(venv: Path) -> Stamp:
    """The stamp of an environment; empty if there is none that can be read."""
    try:
        stamp = json.loads((venv / f"{OWN}json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def write_stamp(venv: Path, stamp: Mapping[str, str | bool]) -> None:
    """Write the stamp in one move: it is there as a whole or not at all."""
    draft = venv / f"{OWN}json.new"
    draft.write_text(json.dumps(stamp, indent=1), encoding="utf-8")
    draft.replace(venv / f"{OWN}json")


def is_empty(venv: Path) -> bool:
    """Tell whether the folder holds nothing but files of ours."""
    return all(path.name.startswith(OWN) for path in venv.iterdir())


def decide(stamp: Stamp, want: Stamp, empty: bool, works: bool) -> str:
    """Decide what to do about an environment.

    Args:
        stamp: content of its stamp; empty if it has none.
        want: ``python``, ``root`` and ``requirements`` as they are now.
        empty: true if there is nothing in the folder yet.
        works: true if its interpreter runs.

    Returns:
        ``reuse`` as it is; ``install`` the difference; ``repair`` what was cut off, then install.
        ``create`` again, but only what is empty or was made here. ``refuse`` what neither runs nor
        was made here.
    """
    made_here = stamp.get("made_here") is True
    moved_on = any(stamp.get(key) != want[key] for key in ("python", "root"))
    if empty or (made_here and (moved_on or not works)):
        return "create"
    if not works:
        return "refuse"
    if stamp.get("state") != "ready":
        return "repair"
    same = stamp.get("root") == want["root"] and stamp.get("requirements") == want["requirements"]
    return "reuse" if same else "install"
