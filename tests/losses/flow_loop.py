"""Looking up along a flow, pixel by pixel."""

import math


def look_up(image, known, flow, y, x):
    """Value of ``image (H, W)`` where ``flow (2, H, W)`` sends ``(y, x)``; None if not known."""
    H, W = image.shape
    column, row = x + flow[0, y, x].item(), y + flow[1, y, x].item()
    if not (0 <= column <= W - 1 and 0 <= row <= H - 1):
        return None
    value = 0.0
    for r in {math.floor(row), math.ceil(row)}:
        for c in {math.floor(column), math.ceil(column)}:
            weight = (1 - abs(row - r)) * (1 - abs(column - c))
            if weight > 1e-3 and not known[r, c]:
                return None
            value += weight * image[r, c].item() if known[r, c] else 0
    return value
