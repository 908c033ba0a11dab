"""Super-resolve a camera's depth live.

python -m stdnet_arch.live --camera realsense|replay FOLDER [--record OUT]
"""

import sys

from stdnet_arch.live.command import main
from stdnet_arch.utils.interrupts import end_now

if __name__ == "__main__":
    code = main()
    # Python's own end aborts here: "terminate called without an active exception", 134.
    end_now(code)
    sys.exit(code)
