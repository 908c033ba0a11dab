"""Options of the command line that say how a recording is read."""

import argparse

from stdnet_arch.data.recordings.depth_units import parse_unit
from stdnet_arch.data.recordings.pairing import MODES
from stdnet_arch.data.recordings.reading import TURNS, Reading
from stdnet_arch.data.recordings.stored_depth import DepthCoding


def add_reading_options(parser: argparse.ArgumentParser) -> None:
    """Add what :func:`reading_of` reads."""
    depth = parser.add_argument_group("how depth is stored")
    depth.add_argument(
        "--depth-unit",
        help="mm, m, cm, metres per stored unit (0.0002 or 1/5000), a data set (tum, replica, "
        "scannet, kitti, ...), float16 (bits in a 16-bit PNG) or float32rgba",
    )
    depth.add_argument(
        "--invalid",
        type=float,
        help='a stored value that is "no depth" beside 0, NaN and inf; default: the largest whole '
        "number of the file's type, and what is beyond 1000 km",
    )
    depth.add_argument(
        "--disparity",
        type=float,
        nargs=2,
        metavar=("FOCAL", "BASELINE"),
        help="files hold disparity [px]: focal length [px of the depth] and baseline [m]",
    )
    depth.add_argument(
        "--min-confidence",
        type=int,
        default=0,
        choices=(0, 1, 2),
        help="depth of less confidence is no depth, where a recording says it",
    )
    depth.add_argument("--npz-key", help="which array of a npz that holds several")
    depth.add_argument("--exr-channel", help="which channel of an EXR, if several may be meant")
    together = parser.add_argument_group("how depth and RGB belong together")
    together.add_argument(
        "--pair",
        default="auto",
        choices=MODES,
        help="by equal names or numbers, by times in the names, or by order; auto: times, else "
        "names",
    )
    together.add_argument(
        "--by-name", action="store_const", const="name", dest="pair", help="as --pair name"
    )
    together.add_argument(
        "--pair-by-order", action="store_const", const="order", dest="pair", help="as --pair order"
    )
    together.add_argument(
        "--pair-within", type=float, metavar="SECONDS", help="largest gap of a pair (0.02)"
    )
    together.add_argument(
        "--register",
        action="store_true",
        help="move the RGB onto the depth where their edges show that the two cameras were never "
        "brought together (zoom and shift); the result lies where the depth lies",
    )
    for side in ("rgb", "depth"):
        together.add_argument(f"--rotate-{side}", type=int, choices=TURNS, help="degrees clockwise")
        together.add_argument(f"--{side}-topic", help="which topic of a ROS bag")


def reading_of(args: argparse.Namespace) -> Reading:
    """Collect the options of :func:`add_reading_options`.

    Raises:
        ValueError: an option that cannot be; it is named.
    """
    coding = DepthCoding(
        None if args.depth_unit is None else parse_unit(args.depth_unit),
        args.invalid,
        args.npz_key,
        args.exr_channel,
        None if args.disparity is None else (args.disparity[0], args.disparity[1]),
    )
    return Reading(
        coding,
        args.min_confidence,
        args.pair,
        args.pair_within,
        args.rotate_rgb,
        args.rotate_depth or 0,
        args.depth_topic,
        args.rgb_topic,
        args.register,
    )
