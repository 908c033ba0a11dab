"""Super-resolve your own recordings.

python -m stdnet_arch.infer --depth DEPTH --rgb RGB -o OUT --weights W.pth [--mp4 OUT.mp4]
"""

import sys

from stdnet_arch.inference.jobs.command import main
from stdnet_arch.inference.jobs.side_outputs import Drawing
from stdnet_arch.visual.point_cloud import write_point_cloud
from stdnet_arch.visual.truth import write_errors

DRAWING = Drawing(write_errors, write_point_cloud)

if __name__ == "__main__":
    sys.exit(main(drawing=DRAWING))
