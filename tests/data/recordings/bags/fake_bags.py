"""ROS bags made by a few lines, as ``ros2 bag record`` and ``rosbag record`` would."""

import struct

import cv2
import numpy as np
import pytest

IMAGE, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
CAMERA, TF = "sensor_msgs/msg/CameraInfo", "tf2_msgs/msg/TFMessage"
START_NS = 1_700_000_000 * 10**9


class BagMaker:
    """Messages of one bag.

    Args:
        kind: ``ros1``, ``sqlite3`` or ``mcap``.
    """

    def __init__(self, kind):
        pytest.importorskip("rosbags")
        from rosbags.typesys import Stores, get_types_from_msg, get_typestore

        self.kind = kind
        self.store = get_typestore(Stores.ROS1_NOETIC if kind == "ros1" else Stores.ROS2_HUMBLE)
        if kind == "ros1":
            definition = "geometry_msgs/TransformStamped[] transforms"
            self.store.register(get_types_from_msg(definition, TF))
        self.messages = []

    def make(self, name, **fields):
        return self.store.types[name](**fields)

    def header(self, time_ns, frame_id):
        stamp = self.make(
            "builtin_interfaces/msg/Time", sec=time_ns // 10**9, nanosec=time_ns % 10**9
        )
        seq = {"seq": 0} if self.kind == "ros1" else {}
        return self.make("std_msgs/msg/Header", stamp=stamp, frame_id=frame_id, **seq)

    def add(self, topic, time_s, message, kind):
        self.messages.append((START_NS + round(time_s * 1e9), topic, message, kind))

    def image(self, topic, time_s, array, encoding, frame_id="camera_color_optical_frame"):
        message = self.make(
            IMAGE,
            header=self.header(START_NS + round(time_s * 1e9), frame_id),
            height=array.shape[0],
            width=array.shape[1],
            encoding=encoding,
            is_bigendian=0,
            step=array[0].nbytes,
            data=np.frombuffer(np.ascontiguousarray(array).tobytes(), np.uint8),
        )
        self.add(topic, time_s, message, IMAGE)

    def compressed(self, topic, time_s, data, form, frame_id="camera_color_optical_frame"):
        header = self.header(START_NS + round(time_s * 1e9), frame_id)
        data = np.frombuffer(data, np.uint8)
        message = self.make(COMPRESSED, header=header, format=form, data=data)
        self.add(topic, time_s, message, COMPRESSED)

    def camera(self, topic, size, fx, fy, cx, cy):
        names = "KDRP" if self.kind == "ros1" else "kdrp"
        values = [fx, 0, cx, 0, fy, cy, 0, 0, 1], [], np.eye(3).ravel(), np.zeros(12)
        arrays = {n: np.array(v, np.float64) for n, v in zip(names, values, strict=True)}
        region = self.make(
            "sensor_msgs/msg/RegionOfInterest",
            x_offset=0, y_offset=0, height=0, width=0, do_rectify=False,
        )  # fmt: skip
        message = self.make(
            CAMERA, header=self.header(START_NS, ""), height=size[0], width=size[1],
            distortion_model="plumb_bob", binning_x=0, binning_y=0, roi=region, **arrays,
        )  # fmt: skip
        self.add(topic, 0, message, CAMERA)

    def transform(self, parent, child, quaternion, translation):
        vector, turn = "geometry_msgs/msg/Vector3", "geometry_msgs/msg/Quaternion"
        x, y, z, w = quaternion
        inner = self.make(
            "geometry_msgs/msg/Transform",
            translation=self.make(vector, x=translation[0], y=translation[1], z=translation[2]),
            rotation=self.make(turn, x=x, y=y, z=z, w=w),
        )
        stamped = self.make(
            "geometry_msgs/msg/TransformStamped",
            header=self.header(START_NS, parent),
            child_frame_id=child,
            transform=inner,
        )
        self.add("/tf_static", 0, self.make(TF, transforms=[stamped]), TF)

    def write(self, path):
        """Write the bag; returns what a user has: a file for ROS 1, a folder for ROS 2."""
        serialize = self.store.serialize_ros1 if self.kind == "ros1" else self.store.serialize_cdr
        with self._writer(path) as writer:
            connections = {}
            for time_ns, topic, message, kind in sorted(self.messages, key=lambda item: item[0]):
                if topic not in connections:
                    connections[topic] = writer.add_connection(topic, kind, typestore=self.store)
                writer.write(connections[topic], time_ns, serialize(message, kind))
        return path

    def _writer(self, path):
        from rosbags.rosbag1 import Writer as Writer1
        from rosbags.rosbag2 import StoragePlugin, Writer

        if self.kind == "ros1":
            return Writer1(path)
        plugin = StoragePlugin.MCAP if self.kind == "mcap" else StoragePlugin.SQLITE3
        return Writer(path, version=9, storage_plugin=plugin)


def compressed_depth(depth_m, encoding):
    """What compressed_depth_image_transport writes: 12 bytes, then a PNG."""
    if encoding == "16UC1":
        codes, config = np.round(depth_m * 1000).astype(np.uint16), (0, 0.0, 0.0)
    else:
        a, b = 100.0 * 101.0, 1 - 101.0 / 0.4  # inverse depth in steps: a / depth + b
        inverse = np.round(a / np.where(depth_m > 0, depth_m, np.inf) + b)
        codes, config = np.where(depth_m > 0, inverse, 0).astype(np.uint16), (0, a, b)
    return struct.pack("<iff", *config) + cv2.imencode(".png", codes)[1].tobytes()
