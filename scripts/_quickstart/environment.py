"""Makes, repairs and reuses the ``.venv`` of a checkout, and runs jobs in it."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from _quickstart.plan import (
    FULL_GB,
    HERE,
    LEAST_GB,
    Step,
    advice,
    clean_environ,
    install_steps,
    wanted_stamp,
)
from _quickstart.runner import Runner, Screen, diagnose
from _quickstart.stamp import (
    OWN,
    Stamp,
    decide,
    is_empty,
    python_of,
    read_stamp,
    version_of,
    write_stamp,
)

ROOT = HERE.parents[1]
OLDEST = (3, 10)
NEWEST_VERIFIED = (3, 13)
INSIDE = str(HERE / "inside.py")


class SetupError(RuntimeError):
    """The set-up cannot continue; the message says why and what to do."""


def prepare(root: Path = ROOT) -> Path:
    """Make, repair or reuse ``.venv``.

    Args:
        root: the checkout.

    Returns:
        The interpreter of the environment.
    """
    screen, venv = Screen(), root / ".venv"
    python = python_of(venv)
    want = wanted_stamp(root, sys.version_info[:2])
    found = installed_versions(python) if _action(venv, want) == "reuse" else ""
    if not found:
        check_interpreter()
        try:
            venv.mkdir(exist_ok=True)
            _Setup(root, venv, want, screen, _lock(venv, screen)).run()
        except OSError as error:
            told = advice(diagnose(str(error)), root, _free_gb(root))
            raise SetupError(f"Set-up failed: {told}\n    {error}") from error
        found = installed_versions(python)
    screen.say(f"{venv} is ready: {found}")
    return python


def run_job(python: Path, arguments: Sequence[str], root: Path = ROOT) -> int:
    """Run a job with the environment's Python in the checkout; its exit code comes back."""
    if arguments[0] != "-m" and not (root / arguments[0]).is_file():
        raise SetupError(f"{root / arguments[0]} is missing: this checkout is not complete.")
    sys.stdout.flush()
    environ = clean_environ(os.environ, python.parents[1])
    return subprocess.call([str(python), *arguments], cwd=root, env=environ)


def installed_versions(python: Path) -> str:
    """Versions of what the project stands on, in one line; empty if anything is absent."""
    command = [str(python), "-I", INSIDE, "versions"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    found = json.loads(answer.stdout) if answer.returncode == 0 else {}
    return ", ".join(f"{k} {v}" for k, v in found.items()) if all(found.values()) else ""


def check_interpreter() -> None:
    """Name what this interpreter lacks before anything is downloaded."""
    if sys.implementation.name != "cpython" or sys.maxsize < 2**32:
        got = f"{sys.maxsize.bit_length() + 1}-bit {sys.implementation.name}"
        raise SetupError(f"torch needs a 64-bit CPython; {sys.executable} is {got}.")
    if sys.version_info[:2] > NEWEST_VERIFIED:
        sys.stdout.write("Note: verified on Python 3.10-3.13; trying a newer one.\n")
    modules = ("venv",) if importlib.util.find_spec("pip") else ("venv", "ensurepip")
    lacking = [name for name in modules if importlib.util.find_spec(name) is None]
    if lacking:
        package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
        raise SetupError(
            f"{sys.executable} cannot make a virtual environment: no {' and '.join(lacking)}.\n"
            f"On Debian and Ubuntu: sudo apt install {package}"
        )


def _action(venv: Path, want: Stamp) -> str:
    if not venv.is_dir():
        return "create"
    works = version_of(python_of(venv)) is not None
    return decide(read_stamp(venv), want, is_empty(venv), works)


def _lock(venv: Path, screen: Screen) -> tuple[int, ...]:
    """Make a second set-up of this folder wait, also for a pip whose parent was killed.

    Returns:
        The descriptor that holds the lock, for pip to inherit; none where there are no such locks.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        return ()
    descriptor = os.open(venv / f"{OWN}lock", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        screen.say(f"Another set-up is at work in {venv}; waiting for it")
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    return (descriptor,)


def _free_gb(folder: Path) -> float:
    return shutil.disk_usage(folder).free / 1e9


@dataclass(frozen=True)
class _Setup:
    """One pass from whatever is in ``.venv`` to a finished environment."""

    root: Path
    venv: Path
    want: Stamp
    screen: Screen
    lock: tuple[int, ...]

    def run(self) -> None:
        """Do what ``decide`` says and stamp the result."""
        action = _action(self.venv, self.want)  # again: we may have waited for another set-up
        if action == "refuse":
            raise SetupError(
                f"{self.venv} was not made by this script and its Python does not run."
                "\nMove it away or delete it."
            )
        if action == "create":
            self._clear()
        made_here = action == "create" or read_stamp(self.venv).get("made_here") is True
        stamp = {**self.want, "made_here": made_here}
        write_stamp(self.venv, {**stamp, "state": "installing"})
        runner = self._runner()
        self.screen.say(f"Setting up {self.venv}; pip's own words go to {runner.log}")
        self._mind_the_space()
        self._fill(runner, action)
        shutil.rmtree(runner.downloads, ignore_errors=True)
        write_stamp(self.venv, {**stamp, "state": "ready"})

    def _clear(self) -> None:
        if Path(sys.prefix).resolve() == self.venv.resolve():
            raise SetupError(
                f"{self.venv} must be made again, but it runs this script."
                " Use the system's python3."
            )
        for path in self.venv.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name != f"{OWN}lock":
                path.unlink()

    def _runner(self) -> Runner:
        downloads, log = self.venv / f"{OWN}tmp", self.venv / f"{OWN}log"
        shutil.rmtree(downloads, ignore_errors=True)
        downloads.mkdir()
        log.unlink(missing_ok=True)
        # pip unpacks here and not in the system's temporary folder, which is often small.
        temporary = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(downloads))
        environ = {**clean_environ(os.environ, self.venv), **temporary, "PYTHONUNBUFFERED": "1"}
        return Runner(environ, log, self.screen, self.root, downloads, self.lock)

    def _mind_the_space(self) -> None:
        free_gb = _free_gb(self.venv)
        if free_gb < LEAST_GB:
            raise SetupError(f"Set-up failed: {advice('disk', self.root, free_gb)}")
        if free_gb < FULL_GB:
            self.screen.say(
                f"Note: {free_gb:.1f} GB are free; torch with CUDA needs up to {FULL_GB} GB"
            )

    def _fill(self, runner: Runner, action: str) -> None:
        python = python_of(self.venv)
        if action == "create":
            make = [sys.executable, "-m", "venv", "--without-pip", str(self.venv)]
            self._must(runner, runner.run("[0/4] virtual environment", make))
        elif action == "repair":
            mend = [str(python), "-I", INSIDE, "repair"]
            self._must(runner, runner.run("[0/4] looking for cut-off packages", mend))
        version = version_of(python)
        if version is None or version < OLDEST:
            raise SetupError(f"Python 3.10 or newer is required, {python} is {version}.")
        self._provide_pip(runner, python)
        for step in install_steps(version):
            self._pip(runner, python, step)
        self._check_imports(runner, python)

    def _provide_pip(self, runner: Runner, python: Path) -> None:
        has_pip = subprocess.run(
            [str(python), "-m", "pip", "--version"], capture_output=True, check=False
        )
        if has_pip.returncode == 0:
            return
        output = runner.run("[0/4] pip", [str(python), "-m", "ensurepip", "--default-pip"])
        host = importlib.util.find_spec("pip")
        if output and host and host.origin:
            # Debian keeps ensurepip in a package of its own; the pip that is there can do the same.
            borrowed = {"PYTHONPATH": str(Path(host.origin).parents[1])}
            step = Step("[0/4] pip, by the system's pip", ("--ignore-installed", "pip"), borrowed)
            self._pip(runner, python, step)
        else:
            self._must(runner, output)

    def _check_imports(self, runner: Runner, python: Path) -> None:
        check = [str(python), "-I", INSIDE, "check"]
        output = runner.run("[4/4] first import", check)
        if any(name in output for name in ("libGL", "libgthread", "libglib", "libxcb")):
            # opencv-python wants a desktop's libraries; its twin has the same functions without.
            drop = [str(python), "-m", "pip", "uninstall", "-y", "opencv-python"]
            self._must(runner, runner.run("[4/4] removing opencv-python", drop))
            twin = ("--force-reinstall", "--no-deps", "opencv-python-headless")
            self._pip(runner, python, Step("[4/4] opencv without a desktop", twin))
            output = runner.run("[4/4] first import", check)
        self._must(runner, output)

    def _pip(self, runner: Runner, python: Path, step: Step) -> None:
        self._must(runner, runner.run_with_retries(step.title, step.command(python), step.environ))

    def _must(self, runner: Runner, output: str) -> None:
        if output:
            tail = "\n".join(f"    {line}" for line in output.splitlines()[-12:])
            told = advice(diagnose(output), self.root, _free_gb(self.venv))
            raise SetupError(f"Set-up failed: {told}\n{tail}\nAll of it: {runner.log}")
