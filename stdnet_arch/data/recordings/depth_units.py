"""Units of stored depth by name: ``mm``, ``1/5000``, ``tum``."""

from stdnet_arch.data.codecs.depth_file import FLOAT16, FLOAT32_RGBA

PRESETS: dict[str, str | float] = {
    "m": "m",
    "mm": "mm",
    "cm": 0.01,
    FLOAT16: FLOAT16,
    FLOAT32_RGBA: FLOAT32_RGBA,
    **dict.fromkeys(("tum", "bonn", "icl-nuim", "eth3d", "slambook2"), 1 / 5000),
    "replica": 1 / 6553.5,
    **dict.fromkeys(("kitti", "void"), 1 / 256),
    **dict.fromkeys(("scannet", "7scenes", "redwood", "kinect", "realsense", "arkit"), "mm"),
    "vkitti": 0.01,
    "tartanair2": FLOAT32_RGBA,
    "dynamicreplica": FLOAT16,
}
"""Units that a name stands for; data sets by the unit of their files."""


def parse_unit(text: str) -> str | float:
    """Read a unit: a name of :data:`PRESETS`, or metres per stored unit (``0.0002``, ``1/5000``).

    Raises:
        ValueError: it is neither.
    """
    if text.lower() in PRESETS:
        return PRESETS[text.lower()]
    above, slash, below = text.partition("/")
    try:
        unit = float(above) / (float(below) if slash else 1.0)
    except (ValueError, ZeroDivisionError):
        raise ValueError(
            f"the depth unit must be {', '.join(PRESETS)}, or metres per stored unit as 0.0002 or "
            f"1/5000; got {text!r}"
        ) from None
    if not 0 < unit < float("inf"):
        raise ValueError(f"the depth unit must be a positive number of metres; got {text!r}")
    return unit


def say_unit(unit: str | float) -> str:
    """Write a unit for people: ``mm``, ``1/5000 m``."""
    if isinstance(unit, str):
        return unit
    parts = round(1 / unit, 4) if unit < 1 else 0
    return f"1/{parts:g} m" if parts and abs(parts * unit - 1) < 1e-6 else f"{unit:g} m"
