"""Test with the toolbox; results go under the current folder.

python -m stdnet_arch.test -opt options/test/STDNet/X.yml
"""

import sys
from pathlib import Path

import basicsr.test

from stdnet_arch.utils.commands import run_command

STOPPED = "stopped; the same command tests again"


def main() -> int:
    """Test; 0 if all went well, 1 with one line if not, 130 for Ctrl-C."""
    debug = "--debug" in sys.argv

    def run() -> None:
        basicsr.test.test_pipeline(str(Path.cwd()))

    return run_command(run, stopped=STOPPED, debug=debug)


if __name__ == "__main__":
    sys.exit(main())
