"""The shape contract of a clip, and the only place that words its errors."""

from torch import Tensor


def check_clip(lq: Tensor, guide: Tensor, scale: int, min_side: int = 1) -> None:
    """Raise unless ``lq`` and ``guide`` are one clip at two resolutions.

    Args:
        lq: low-resolution depth, ``(b, t, 1, h, w)``.
        guide: RGB at high resolution, ``(b, t, 3, H, W)`` with ``H = scale * h``.
        scale: how much larger the guide is.
        min_side: smallest ``h`` and ``w`` the caller can work with.

    Raises:
        TypeError: ``guide`` is missing, or a tensor is not floating point.
        ValueError: any other mismatch; the message says required and got.
    """
    if guide is None:
        raise TypeError(
            "this network is guided by RGB: guide (b, t, 3, H, W) is required, got None"
        )
    for name, x, channels in (("lq", lq, 1), ("guide", guide, 3)):
        if x.ndim != 5 or x.shape[2] != channels:
            raise ValueError(f"{name} must be (b, t, {channels}, h, w), got {tuple(x.shape)}")
        if not x.is_floating_point():
            raise TypeError(f"{name} must be floating point in [0, 1], got {x.dtype}")
    if lq.shape[:2] != guide.shape[:2]:
        raise ValueError(
            f"lq and guide must have the same batch and frames: lq has {tuple(lq.shape[:2])}, "
            f"guide has {tuple(guide.shape[:2])}"
        )
    if lq.shape[1] == 0:
        raise ValueError("a clip needs at least one frame, got t = 0")
    h, w = lq.shape[-2:]
    H, W = guide.shape[-2:]
    if (h * scale, w * scale) != (H, W):
        raise ValueError(f"guide must be {scale}x lq: lq is {h}x{w}, guide is {H}x{W}")
    if min(h, w) < min_side:
        raise ValueError(f"lq sides must be at least {min_side}, got {h}x{w}")
