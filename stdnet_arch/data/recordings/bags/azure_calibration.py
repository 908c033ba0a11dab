"""The factory calibration that an Azure Kinect writes into its recordings."""

import json
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.recordings.depth_registration import Extrinsics
from stdnet_arch.data.recordings.lens import Lens
from stdnet_arch.data.recordings.recording import Intrinsics

DEPTH_CAMERA, COLOR_CAMERA = "CALIBRATION_CameraLocationD0", "CALIBRATION_CameraLocationPV0"
NARROW_OFFSET = (192 / 1024, 180 / 1024)
"""Start of the narrow field of view on the depth sensor: x, y of its side."""
MODEL = "CALIBRATION_LensDistortionModelBrownConrady"
PARAMETERS = 14
"""cx, cy, fx, fy, k1 .. k6, the centre of distortion (0), p2, p1; the first four of the sides."""


class AzureCalibration(NamedTuple):
    """Both cameras in pixels of what was recorded."""

    depth: Lens
    color: Lens
    pose: Extrinsics
    """From depth to color."""


def read_calibration(
    data: bytes, depth_size: tuple[int, int], color_size: tuple[int, int], mode: str
) -> AzureCalibration:
    """Read ``calibration.json``.

    Args:
        data: the attachment of the recording.
        depth_size: width and height of the depth frames.
        color_size: width and height of the color frames.
        mode: ``K4A_DEPTH_MODE``, such as ``NFOV_UNBINNED``.

    Raises:
        ValueError: it is not what the sensor writes; the message says what is missing.
    """
    try:
        content = json.loads(data.rstrip(b"\0"))
        cameras = {
            camera["Location"]: camera for camera in content["CalibrationInformation"]["Cameras"]
        }
        depth, color = cameras[DEPTH_CAMERA], cameras[COLOR_CAMERA]
        lenses = _depth_lens(depth, depth_size, mode), _color_lens(color, color_size)
        return AzureCalibration(*lenses, _between(depth, color))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"expected the calibration of an Azure Kinect; {error!r}") from error


def _depth_lens(camera: dict[str, Any], size: tuple[int, int], mode: str) -> Lens:
    """Crop and bin the square sensor to the recorded depth."""
    narrow = mode.startswith("NFOV")
    side = size[0] * (1024 / 640) if narrow else size[0]
    left, top = NARROW_OFFSET if narrow else (0.0, 0.0)
    return _lens(camera, (side, side), (left * side, top * side))


def _color_lens(camera: dict[str, Any], size: tuple[int, int]) -> Lens:
    """Crop the 4:3 sensor to what was recorded; 16:9 misses rows above and below."""
    width, height = float(size[0]), float(size[1])
    full = width * camera["SensorHeight"] / camera["SensorWidth"]
    return _lens(camera, (width, full), (0.0, (full - height) / 2))


def _lens(camera: dict[str, Any], sides: tuple[float, float], offset: tuple[float, float]) -> Lens:
    model = camera["Intrinsics"]["ModelType"]
    numbers = [float(x) for x in camera["Intrinsics"]["ModelParameters"]]
    if model != MODEL or len(numbers) != PARAMETERS:
        raise ValueError(
            f"expected {PARAMETERS} parameters of {MODEL}; got {len(numbers)}, {model}"
        )
    cx, cy, fx, fy, k1, k2, k3, k4, k5, k6, _, _, p2, p1 = numbers
    # Sides are measured from the sensor's corner, intrinsics from the first pixel's centre.
    pinhole = Intrinsics(
        fx * sides[0],
        fy * sides[1],
        cx * sides[0] - offset[0] - 0.5,
        cy * sides[1] - offset[1] - 0.5,
    )
    return Lens(pinhole, (k1, k2, p1, p2, k3, k4, k5, k6))


def _between(depth: dict[str, Any], color: dict[str, Any]) -> Extrinsics:
    """Combine both cameras' poses: depth to rig, rig to color."""
    (r_d, t_d), (r_c, t_c) = _pose(depth), _pose(color)
    rotation = r_c @ r_d.T
    return Extrinsics(rotation, t_c - rotation @ t_d)


def _pose(camera: dict[str, Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rotation = np.array(camera["Rt"]["Rotation"], np.float64).reshape(3, 3)
    return rotation, np.array(camera["Rt"]["Translation"], np.float64)
