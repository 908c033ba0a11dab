"""Choice of the topics of a bag: depth, RGB and cameras; depth registered to RGB or not."""

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.recordings.depth_registration import Extrinsics
from stdnet_arch.data.recordings.recording import Intrinsics

CAMERA = "sensor_msgs/msg/CameraInfo"
TRANSFORMS = ("tf2_msgs/msg/TFMessage", "tf/msg/tfMessage")
EXTRINSICS = ("realsense2_camera_msgs/msg/Extrinsics", "realsense2_camera/msg/Extrinsics")
REGISTERED = ("aligned_depth_to_color", "depth_registered", "depth_to_color", "registered", "rgbd")
"""Words in the name of a topic whose depth lies in the view of the color camera."""
AVOIDED = ("infra", "/ir/", "left", "right", "fisheye", "mono")
"""Words in the name of a topic that is not the color of an RGB-D camera."""
_ALIKE = 0.02
"""Difference that cameras of one view may have, in sides of the image."""


class Topic(NamedTuple):
    """A topic of images and its first message."""

    name: str
    kind: str
    frame_id: str
    """Name of the camera's frame."""
    size: tuple[int, int]
    """Height and width."""


def choose_depth(topics: Iterable[Topic], asked: str | None = None) -> Topic | None:
    """Choose the depth: the one asked for, else registered before raw, uncompressed before PNG."""
    return _choose(topics, asked, lambda topic: _rank(topic, REGISTERED))


def choose_color(topics: Iterable[Topic], asked: str | None = None) -> Topic | None:
    """Choose the colour: the one asked for, else ``color`` or ``rgb``, never infrared."""
    return _choose(topics, asked, lambda topic: _rank(topic, ("color", "rgb")))


def _rank(topic: Topic, words: Iterable[str]) -> tuple[bool, bool, bool, str]:
    avoided = any(word in topic.name for word in AVOIDED)
    wanted = any(word in topic.name for word in words)
    return avoided, not wanted, "compressed" in topic.name, topic.name


def _choose(topics: Iterable[Topic], asked: str | None, rank: Any) -> Topic | None:  # noqa: ANN401
    known = list(topics)
    if asked is not None:
        known = [topic for topic in known if topic.name == asked]
    return min(known, key=rank, default=None)


def camera_topic(image: str, cameras: Iterable[str]) -> str | None:
    """Find the topic of cameras that lies beside a topic of images."""
    place = image
    known = set(cameras)
    while "/" in place:
        place = place.rpartition("/")[0]
        if f"{place}/camera_info" in known:
            return f"{place}/camera_info"
    return None


def intrinsics_of(message: Any) -> Intrinsics | None:  # noqa: ANN401  made by rosbags
    """Read a CameraInfo; None if it was never calibrated."""
    k = np.asarray(message.K if hasattr(message, "K") else message.k, np.float64)
    return Intrinsics(*(float(k[i]) for i in (0, 4, 2, 5))) if k[0] > 0 and k[4] > 0 else None


def is_registered(
    depth: Topic, color: Topic, cameras: tuple[Intrinsics | None, Intrinsics | None]
) -> bool:
    """Tell whether depth already lies in the view of the color camera.

    It does if its topic says so, or if both belong to one camera frame and their intrinsics, where
    known, differ only by the size.
    """
    if any(word in depth.name for word in REGISTERED):
        return True
    if not depth.frame_id or depth.frame_id != color.frame_id:
        return False
    one, other = cameras
    if one is None or other is None:
        return True
    (h, w), (H, W) = depth.size, color.size
    small = np.array(one) / [w, h, w, h]
    large = np.array(other) / [W, H, W, H]
    return bool(np.abs(small - large).max() < _ALIKE)


class Transforms:
    """The fixed transforms of a bag: how camera frames lie to each other."""

    def __init__(self) -> None:
        self._to: dict[str, dict[str, Extrinsics]] = {}

    def add(self, message: Any) -> None:  # noqa: ANN401  made by rosbags
        """Take the transforms of a message; each maps its child to its parent."""
        for item in message.transforms:
            q, t = item.transform.rotation, item.transform.translation
            rotation = _rotation(np.array([q.w, q.x, q.y, q.z], np.float64))
            pose = Extrinsics(rotation, np.array([t.x, t.y, t.z], np.float64))
            parent, child = item.header.frame_id.strip("/"), item.child_frame_id.strip("/")
            self._to.setdefault(child, {})[parent] = pose
            self._to.setdefault(parent, {})[child] = _inverse(pose)

    def between(self, frame: str, target: str) -> Extrinsics | None:
        """Chain the transforms from one frame to another; None if they are not connected."""
        start, goal = frame.strip("/"), target.strip("/")
        known: dict[str, Extrinsics] = {start: Extrinsics(np.eye(3), np.zeros(3))}
        waiting = deque([start])
        while waiting:
            here = waiting.popleft()
            if here == goal:
                return known[here]
            for there, pose in self._to.get(here, {}).items():
                if there not in known:
                    known[there] = _chain(known[here], pose)
                    waiting.append(there)
        return None


def pose_of_extrinsics(message: Any) -> Extrinsics:  # noqa: ANN401  made by rosbags
    """Read the extrinsics of realsense-ros; the rotation is stored by columns, as in the SDK."""
    rotation = np.asarray(message.rotation, np.float64).reshape(3, 3, order="F")
    return Extrinsics(rotation, np.asarray(message.translation, np.float64))


def depth_to_color(
    depth: Topic, color: Topic, transforms: Transforms, extrinsics: Mapping[str, Extrinsics]
) -> Extrinsics | None:
    """Find how the color camera lies to the depth camera; None if the bag does not say."""
    for name, pose in extrinsics.items():
        if "depth_to_color" in name:
            return pose
    if not depth.frame_id or depth.frame_id == color.frame_id:
        return None
    return transforms.between(depth.frame_id, color.frame_id)


def _rotation(q: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn a quaternion w, x, y, z into a matrix."""
    w, x, y, z = q / np.linalg.norm(q)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def _inverse(pose: Extrinsics) -> Extrinsics:
    rotation = np.asarray(pose.rotation).T
    return Extrinsics(rotation, -rotation @ pose.translation_m)


def _chain(first: Extrinsics, then: Extrinsics) -> Extrinsics:
    return Extrinsics(
        then.rotation @ first.rotation, then.rotation @ first.translation_m + then.translation_m
    )
