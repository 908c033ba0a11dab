"""Consistent depth video from RGB video, after StereoDiff.

python -m stdnet_arch.stereodiff --rgb RGB --poses POSES.txt --intrinsics FX FY CX CY -o OUT
"""

import sys

from stdnet_arch.stereodiff.command import main

if __name__ == "__main__":
    sys.exit(main())
