"""The shape contracts of clips, and the only place that words their errors."""

from torch import Tensor


def check_clip(
    lq: Tensor, guide: Tensor | None, scale: int, min_side: int = 1, time_scale: int = 1
) -> None:
    """Raise unless ``lq`` and ``guide`` are one clip at two resolutions.

    Args:
        lq: low-resolution depth, ``(b, n, 1, h, w)``.
        guide: RGB at high resolution, ``(b, t, 3, H, W)`` with ``H = scale * h``.
        scale: ratio of the sides of guide and depth.
        min_side: smallest ``h`` and ``w`` the caller can work with.
        time_scale: ``lq`` holds every ``time_scale``-th frame of the guide, the first and the last
            among them: ``t = (n - 1) * time_scale + 1``.

    Raises:
        TypeError: ``guide`` is missing, or a tensor is not floating point.
        ValueError: any other mismatch; the message says required and got.
    """
    if guide is None:
        raise TypeError(
            "this network is guided by RGB: guide (b, t, 3, H, W) is required, got None"
        )
    check_frames(lq, "lq", channels=1, min_frames=2 if time_scale > 1 else 1)
    check_frames(guide, "guide", channels=3)
    b, n = lq.shape[:2]
    needed = (b, (n - 1) * time_scale + 1)
    if guide.shape[:2] != needed:
        every = f" (lq: every {time_scale}nd frame)" if time_scale == 2 else ""
        raise ValueError(
            f"lq and guide must have the same batch and frames{every}: lq has {(b, n)}, which "
            f"needs {needed}, guide has {tuple(guide.shape[:2])}"
        )
    h, w = lq.shape[-2:]
    H, W = guide.shape[-2:]
    if (h * scale, w * scale) != (H, W):
        raise ValueError(f"guide must be {scale}x lq: lq is {h}x{w}, guide is {H}x{W}")
    if min(h, w) < min_side:
        raise ValueError(f"lq sides must be at least {min_side}, got {h}x{w}")


def check_frames(x: Tensor, name: str, channels: int, min_frames: int = 1) -> None:
    """Raise unless ``x`` is a clip of enough frames: floating point ``(b, t, channels, h, w)``."""
    if x.ndim != 5 or x.shape[2] != channels:
        raise ValueError(f"{name} must be (b, t, {channels}, h, w), got {tuple(x.shape)}")
    if not x.is_floating_point():
        raise TypeError(f"{name} must be floating point in [0, 1], got {x.dtype}")
    if x.shape[1] < min_frames:
        needed = "at least one frame" if min_frames == 1 else f"at least {min_frames} frames"
        raise ValueError(f"a clip needs {needed}, got t = {x.shape[1]}")


def check_sides(x: Tensor, name: str, multiple_of: int) -> None:
    """Raise unless the sides of ``x``, ``(..., h, w)``, are multiples of ``multiple_of``."""
    h, w = x.shape[-2:]
    if h % multiple_of or w % multiple_of:
        raise ValueError(
            f"sides of {name} must be multiples of {multiple_of}, got {h}x{w}; pad it "
            "(stdnet_arch.ops.resize.pad_to_multiple) and crop the result"
        )
