"""From a fresh clone to a trained network in one command, with Python 3.10-3.13 and pip.

    python3 scripts/quickstart.py                           set up .venv, then train, test and draw
    python3 scripts/quickstart.py test [pytest arguments]   the same, then the tests, on all cores
    python3 scripts/quickstart.py setup                     only the set-up

The set-up is done once and reused; the commands work from any folder and need no activation.
pip's own settings count (PIP_INDEX_URL, a proxy, pip.conf); PYTHONPATH is left outside.
"""

import signal
import sys
from pathlib import Path

OLDEST = (3, 10)
WHOLE_SUITE = ["-n", "auto", "--dist", "loadfile"]


def require_python(version: tuple) -> None:
    """Stop with a plain sentence on a Python that is too old to read the other files."""
    if tuple(version[:2]) < OLDEST:
        need, got = (".".join(str(part) for part in v[:3]) for v in (OLDEST, version))
        newer = " ".join(_newer_pythons()) or "none found: install one, for example Python 3.12"
        sys.exit(f"Python {need} or newer is required, this is {got}.\nNewer ones here: {newer}")


def _newer_pythons() -> list:
    from shutil import which

    names = ["python3." + str(minor) for minor in (13, 12, 11, 10)]
    return [name for name in names if which(name)]


def main(arguments: list) -> int:
    """Set up, then run what was asked for; the exit code is that of the job."""
    if arguments[:1] in (["-h"], ["--help"]):
        sys.stdout.write(__doc__)
        return 0
    sys.path.insert(0, str(Path(__file__).resolve().parent))  # for python -I and -P
    from _quickstart import environment as env

    try:
        python = env.prepare()
        if arguments[:1] == ["setup"]:
            return 0
        if arguments[:1] == ["test"]:
            return env.run_job(python, ["-m", "pytest", *(arguments[1:] or WHOLE_SUITE)])
        return env.run_job(python, ["scripts/demo.py", *arguments])
    except env.SetupError as error:
        sys.stderr.write(f"\n{error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted. The same command goes on from here.\n")
        return 130


if __name__ == "__main__":
    require_python(sys.version_info)
    # So that a terminated run ends its pip or its job, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main(sys.argv[1:]))
