"""Super-resolve a camera's depth live.

python -m stdnet_arch.live --camera realsense|replay FOLDER [--record OUT]
"""

import sys

from stdnet_arch.live.command import main

if __name__ == "__main__":
    sys.exit(main())
