"""Cameras with lens distortion: pixels to rays and back."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.recordings.recording import Intrinsics

ITERATIONS = 20
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
        flat, wanted = rays.reshape(-1, 2), pixels.reshape(-1, 2)
        for _ in range(ITERATIONS):
            points = np.column_stack((flat, np.ones(len(flat))))
            flat += (wanted - self.project(points)) / focal
        return flat.reshape(height, width, 2)

    def project(self, points_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the pixels (x, y) of points ``(n, 3)`` in front of the camera, ``(n, 2)``."""
        if not self.distortion:
            fx, fy, cx, cy = self.pinhole
            return points_m[:, :2] / points_m[:, 2:] * [fx, fy] + [cx, cy]
        if not len(points_m):
            return np.zeros((0, 2))
        distortion = np.array(self.distortion)
        zero = np.zeros(3)
        pixels, _ = cv2.projectPoints(points_m, zero, zero, self._matrix(), distortion)
        return np.asarray(pixels, np.float64).reshape(-1, 2)

    def _matrix(self) -> NDArray[np.float64]:
        fx, fy, cx, cy = self.pinhole
        return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
