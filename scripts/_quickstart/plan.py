"""Plan of the set-up: what it asks of pip, and what it tells the user; no side effects."""

import hashlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from _quickstart.stamp import Stamp, python_of

HERE = Path(__file__).resolve().parent
FULL_GB = 9  # torch with CUDA: 6 GB installed, and the downloads meanwhile
LEAST_GB = 2  # torch for the CPU alone


@dataclass(frozen=True)
class Step:
    """One call of pip."""

    title: str
    arguments: tuple[str, ...]
    environ: Mapping[str, str] = field(default_factory=dict)

    def command(self, python: Path) -> list[str]:
        """The command line for the interpreter of the environment."""
        quiet = ("--progress-bar", "off", "--no-input", "--disable-pip-version-check")
        return [str(python), "-m", "pip", "install", *quiet, *self.arguments]


def install_steps(version: tuple[int, int]) -> list[Step]:
    """List what pip is asked to install for a Python version, in order."""
    # basicsr-1.4.2/setup.py:168 wants torch for its own build: isolated, pip would download torch
    # twice. Without --use-pep517 an older pip runs that setup.py as a script, which fetches it too.
    toolbox = ("--no-build-isolation", "--use-pep517", "--no-deps", "basicsr==1.4.2")
    live_locals = {"PYTHONPATH": str(HERE / "py313")} if version >= (3, 13) else {}
    return [
        # From 82 on setuptools lacks pkg_resources, which the toolbox's tensorboard imports.
        Step("[1/4] build tools", ("setuptools>=70.1,<82", "wheel")),
        Step("[2/4] basicsr 1.4.2", toolbox, live_locals),
        Step("[3/4] torch and torchvision", ("torch>=2.6", "torchvision")),
        Step("[4/4] this package", ("--no-build-isolation", "-e", ".[dev]")),
    ]


def wanted_stamp(root: Path, version: tuple[int, int]) -> Stamp:
    """Return what must hold for an environment to be reused as it is."""
    asked = (root / "setup.py").read_text(encoding="utf-8")
    asked += repr([step.arguments for step in install_steps(version)])
    return {
        "python": ".".join(map(str, version)),
        "root": str(root),
        "requirements": hashlib.sha256(asked.encode()).hexdigest(),
    }


def clean_environ(environ: Mapping[str, str], venv: Path) -> dict[str, str]:
    """The caller's environment without what would lead Python or pip out of the ``.venv``."""
    leads_out = {"PYTHONPATH", "PYTHONHOME", "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT"}
    kept = {key: value for key, value in environ.items() if key.upper() not in leads_out}
    path = os.pathsep.join(filter(None, (str(python_of(venv).parent), environ.get("PATH", ""))))
    fixed = {"PATH": path, "VIRTUAL_ENV": str(venv), "PYTHONNOUSERSITE": "1", "PIP_USER": "0"}
    return {**kept, **fixed}


def advice(cause: str, root: Path, free_gb: float) -> str:
    """Word what a failed set-up tells the user, by cause (see ``diagnose``)."""
    again = "Then run the same command again; it continues from here."
    known = {
        "disk": f"the disk is full: {free_gb:.1f} GB are free at {root}, up to {FULL_GB} GB are"
        f" needed ({LEAST_GB} GB with a CPU build of torch). Make room. {again}",
        "network": "the package index could not be reached. Check the connection, the proxy"
        f" (HTTPS_PROXY) and pip's settings (PIP_INDEX_URL). {again}",
        "missing": f"pip found no package that fits Python {sys.version.split()[0]} on"
        f" {sys.platform}. Use Python 3.10-3.13 and check pip's settings (PIP_INDEX_URL).",
        "permission": f"no permission to write. Check who owns {root} and its .venv. {again}",
    }
    return known.get(cause, "the last lines say why. If nothing helps, delete .venv and try again.")
