"""Train with the toolbox; files go under the current folder.

python -m stdnet_arch.train -opt options/tiny/tiny_STDNet.yml [--auto_resume] [--debug]
torchrun --nproc_per_node 2 -m stdnet_arch.train -opt X.yml --launcher pytorch
python -m stdnet_arch.launch ...    as torchrun ...; ends in one line on Ctrl-C
"""

import sys
from pathlib import Path

from basicsr.train import train_pipeline

from stdnet_arch._toolbox_files import tell_stopped
from stdnet_arch.utils.children import end_with_parent
from stdnet_arch.utils.commands import run_command


def main() -> int:
    """Train; 0 if all went well, 1 with one line if not, 130 for Ctrl-C."""
    end_with_parent()
    debug = "--debug" in sys.argv
    return run_command(lambda: train_pipeline(str(Path.cwd())), stopped=tell_stopped, debug=debug)


if __name__ == "__main__":
    sys.exit(main())
