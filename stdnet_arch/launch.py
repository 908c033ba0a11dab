"""torchrun that ends as our commands do: one line for Ctrl-C, no report, the workers' exit code.

python -m stdnet_arch.launch --standalone --nproc_per_node 2 -m stdnet_arch.train -opt X.yml --launcher pytorch
All options are torchrun's. Workers end with this program, however it ends.
"""  # noqa: E501  the line to copy

import logging
import os
import signal
import sys

from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import main as run_torchrun

from stdnet_arch.utils.children import lend_end
from stdnet_arch.utils.commands import FAILED
from stdnet_arch.utils.interrupts import INTERRUPTED, ending_soon

TERMINATED = 128  # and the number of the signal, as shells say it


def main() -> int:
    """Run torchrun; 130 for Ctrl-C, else the exit code of the first worker that failed.

    The first worker tells the line of a Ctrl-C, and each its own errors; only what keeps workers
    from being started is told here.
    """
    for name in list(logging.root.manager.loggerDict):  # each has a level of its own
        if name.startswith("torch.distributed.elastic"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        with lend_end(), ending_soon(lambda: None):
            run_torchrun(sys.argv[1:])
    except (KeyboardInterrupt, SignalException) as end:
        number = getattr(end, "sigval", signal.SIGINT)
        return INTERRUPTED if number == signal.SIGINT else TERMINATED + int(number)
    except ChildFailedError as error:
        code = error.get_first_failure()[1].exitcode
        return code if code > 0 else TERMINATED - code
    except (ValueError, AssertionError, OSError, RuntimeError) as error:
        # Of options, the meeting point, or a program that cannot be started: no code of ours ran.
        said = " ".join(str(error).split())
        sys.stderr.write(f"error: torchrun cannot start this: {type(error).__name__}: {said}\n")
        return FAILED
    return 0


if __name__ == "__main__":
    # Threads of the launcher must not delay the end; all is written by now.
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
