"""Super-resolve your own recordings.

python -m stdnet_arch.infer --depth DEPTH --rgb RGB -o OUT --weights W.pth [--mp4 OUT.mp4]
"""

import sys

from stdnet_arch.inference.jobs.command import main

if __name__ == "__main__":
    sys.exit(main())
