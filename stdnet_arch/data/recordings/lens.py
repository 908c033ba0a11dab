"""Cameras with lens distortion: pixels to rays and back."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.recordings.recording import Intrinsics

ITERATIONS = 30
"""Steps towards the ray that a pixel comes from; each leaves a fraction of the error."""


class Lens(NamedTuple):
    """A pinhole camera and what its lens does."""

    pinhole: Intrinsics
    distortion: tuple[float, ...] = ()
    """k1, k2, p1, p2, k3, k4, k5, k6 of the rational model, as OpenCV orders them; may be empty."""

    def rays(self, height: int, width: int) -> NDArray[np.float64]:
        """Return x / z and y / z of each pixel's ray, ``(height, width, 2)``."""
        v, u = np.mgrid[:height, :width].astype(np.float64)
        pixels = np.stack((u, v), axis=-1)
        center, focal = np.split(np.array(self.pinhole)[[2, 3, 0, 1]], 2)
        rays = (pixels - center) / focal
        if not self.distortion:
            return rays
        wanted = rays.reshape(-1, 2)
        flat = wanted.copy()
        for _ in range(ITERATIONS):
            flat += wanted - self._distorted(flat)
        return flat.reshape(height, width, 2)

    def project(self, points_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the pixels (x, y) of points ``(n, 3)`` in front of the camera, ``(n, 2)``."""
        fx, fy, cx, cy = self.pinhole
        return self._distorted(points_m[:, :2] / points_m[:, 2:]) * [fx, fy] + [cx, cy]

    def _distorted(self, flat: NDArray[np.float64]) -> NDArray[np.float64]:
        """Move x / z and y / z to where the lens shows them, ``(n, 2)``."""
        if not self.distortion:
            return flat
        k1, k2, p1, p2, k3, k4, k5, k6 = self.distortion
        x, y = flat.T
        r2 = x**2 + y**2
        radial = (1 + r2 * (k1 + r2 * (k2 + r2 * k3))) / (1 + r2 * (k4 + r2 * (k5 + r2 * k6)))
        across = 2 * x * y
        return np.stack(
            (
                x * radial + p1 * across + p2 * (r2 + 2 * x**2),
                y * radial + p1 * (r2 + 2 * y**2) + p2 * across,
            ),
            axis=1,
        )
