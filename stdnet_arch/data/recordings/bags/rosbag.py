"""Bags of ROS 1 and ROS 2 (sqlite3, mcap) with image topics; need the extra ``ros``.

Depth and colour are paired by the times in their headers. Depth of another view than the colour's
is moved there with the bag's own calibration, as for RealSense files.
"""

import struct
from bisect import bisect_left
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.recordings.assemble import assemble
from stdnet_arch.data.recordings.bags import rosbag_topics as topics
from stdnet_arch.data.recordings.bags.rosbag_images import (
    COMPRESSED,
    IMAGE,
    decode_color,
    decode_depth,
    is_depth,
)
from stdnet_arch.data.recordings.bags.rosbag_topics import Topic
from stdnet_arch.data.recordings.depth_registration import Extrinsics, register_depth
from stdnet_arch.data.recordings.pairing import Pairing, pair_by_time
from stdnet_arch.data.recordings.reading import Reading
from stdnet_arch.data.recordings.recording import About, FileRecording, Intrinsics
from stdnet_arch.data.recordings.sequential import SequentialDepth
from stdnet_arch.data.recordings.track.track import Track
from stdnet_arch.utils.commands import fitting
from stdnet_arch.utils.input_errors import InputError, is_regular

SUFFIXES = (".bag", ".db3", ".mcap")
REALSENSE_SDK = "/device_"
"""Start of all topics of the RealSense SDK's own files."""
EXTRINSICS_TYPE = "float64[9] rotation\nfloat64[3] translation"


class BagPlan(NamedTuple):
    """Topics and clocks that are read of a bag."""

    depth: Topic
    color: Topic
    cameras: tuple[Intrinsics | None, Intrinsics | None]
    """Intrinsics of depth and colour."""
    pose: Extrinsics | None
    """From depth to colour; None if the depth is registered."""
    depth_times: "TopicTimes"
    color_times: "TopicTimes"
    pairing: Pairing


class TopicTimes(NamedTuple):
    """Times at which the messages of a topic were taken and stored."""

    stamps_s: list[float]
    """By their headers, since the first one of the bag."""
    stored_ns: list[int]
    """By the bag, in order."""


def is_ros_folder(path: Path) -> bool:
    """Tell whether a folder is what ``ros2 bag record`` makes."""
    return is_regular(path / "metadata.yaml") and any(
        file.suffix in {".db3", ".mcap", ".zstd"} for file in path.iterdir()
    )


class Bag:
    """A bag on the disk.

    Args:
        path: a ``.bag``, ``.db3`` or ``.mcap``, or the folder of a ROS 2 bag.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def open(self) -> Iterator[Any]:
        """Open for reading.

        Raises:
            ValueError: it cannot be read as a bag.
            ImportError: rosbags is not installed.
        """
        rosbags = import_rosbags()
        for file in self.path.iterdir() if self.path.is_dir() else [self.path]:
            is_regular(file)  # refuses a pipe, whose reading would never end
        try:
            reader = rosbags.AnyReader([self.path], default_typestore=rosbags.typestore())
            reader.open()
        except Exception as error:  # sqlite3, mcap and the package itself fail in their own ways
            raise InputError(f"{self.path}: expected a ROS bag; {error}") from error
        try:
            # What of it is ours is raised on purpose; the rest is a message that cannot be decoded.
            with fitting(f"{self.path}: a message"):
                yield reader
        finally:
            reader.close()

    def messages(
        self, topic: str, stored_ns: Sequence[int], first: int
    ) -> Generator[Any, None, None]:
        """Yield the messages of a topic from place ``first`` on."""
        start = stored_ns[first] if first < len(stored_ns) else None
        skip = first - bisect_left(stored_ns, start) if start is not None else 0
        with self.open() as reader:
            wanted = [c for c in reader.connections if c.topic == topic]
            for n, (connection, _, raw) in enumerate(reader.messages(wanted, start=start)):
                if n >= skip:
                    yield reader.deserialize(raw, connection.msgtype)

    def depth_frames(
        self, topic: Topic, times: TopicTimes, first: int
    ) -> Iterator[NDArray[np.float32]]:
        """Yield depth [m], ``(h, w)``, from place ``first`` on."""
        for message in self.messages(topic.name, times.stored_ns, first):
            yield decode_depth(message, topic.kind, topic.name)

    def color_frames(
        self, topic: Topic, times: TopicTimes, first: int
    ) -> Iterator[NDArray[np.uint8]]:
        """Yield RGB ``(H, W, 3)`` from place ``first`` on."""
        for message in self.messages(topic.name, times.stored_ns, first):
            yield decode_color(message, topic.kind, topic.name)


def is_of_realsense_sdk(path: Path) -> bool:
    """Tell whether the RealSense SDK wrote a bag, whose topics only that SDK reads.

    A file that rosbags cannot look into, or without rosbags, is taken for one.
    """
    try:
        with Bag(path).open() as reader:
            return any(c.topic.startswith(REALSENSE_SDK) for c in reader.connections)
    except (ImportError, ValueError):
        return True


def open_rosbag(path: Path, reading: Reading, scale: int) -> FileRecording:
    """Open a bag of ROS.

    Args:
        path: a ``.bag``, ``.db3`` or ``.mcap``, or the folder of a ROS 2 bag.
        reading: topics and pairing.
        scale: the network's; depth of another view than the RGB's comes so many times smaller.

    Raises:
        ValueError: it cannot be read, or depth or colour is missing.
        ImportError: rosbags is not installed.
    """
    if reading.min_confidence > 0:
        raise ValueError("a bag of ROS holds no confidence; leave the least confidence out")
    bag = Bag(path)
    plan = plan_bag(bag, reading.depth_topic, reading.rgb_topic, reading.within_s)

    def depth_frames(start: int) -> Generator[NDArray[np.float32], None, None]:
        for depth_m in bag.depth_frames(plan.depth, plan.depth_times, start):
            yield registered_depth(plan, depth_m, scale)

    names = [f"{i:06d}" for i in range(len(plan.depth_times.stored_ns))]
    moved = "" if plan.pose is None else ", moved to the color camera"
    return assemble(
        SequentialDepth(depth_frames, names),
        BagColors(bag, plan, scale),
        plan.pairing,
        reading,
        places=(f"{plan.depth.name} of {path}", f"{plan.color.name} of {path}"),
        about=About(
            f"ROS bag: {plan.depth.name}{moved}, {plan.color.name}",
            "as its encoding says (REP 118)",
        ),
        camera=lambda _: plan.cameras[1],
        track=Track(plan.color_times.stamps_s.__getitem__),
    )


class BagColors:
    """The colour of a bag.

    Args:
        bag: the file.
        plan: topics and clocks to read.
        block: pixels of colour along a side of a pixel of moved depth.
    """

    def __init__(self, bag: Bag, plan: BagPlan, block: int) -> None:
        self._bag, self._plan = bag, plan
        self._block = 1 if plan.pose is None else block
        times_s = plan.color_times.stamps_s
        self.count: int | None = len(times_s)
        length_s = max(times_s) - min(times_s)
        self.fps: float | None = round((len(times_s) - 1) / length_s, 3) if length_s > 0 else None

    def frames(self, start: int = 0) -> Iterator[NDArray[np.uint8]]:
        """Yield RGB ``(H, W, 3)`` from frame ``start`` on; of moved depth, cut to whole blocks."""
        plan, block = self._plan, self._block
        height, width = (side // block * block for side in plan.color.size)
        for rgb in self._bag.color_frames(plan.color, plan.color_times, start):
            yield rgb[:height, :width]


def plan_bag(
    bag: Bag,
    depth_topic: str | None = None,
    color_topic: str | None = None,
    within_s: float | None = None,
) -> BagPlan:
    """Choose topics, find cameras and pair the frames.

    Args:
        bag: the bag that is read.
        depth_topic: topic of the depth; None: see :func:`rosbag_topics.choose_depth`.
        color_topic: the same of colour.
        within_s: largest distance in time of depth and colour [s].

    Raises:
        ValueError: depth or colour is missing, or their views cannot be brought together.
    """
    with bag.open() as reader:
        images = _image_topics(reader)
        depth = topics.choose_depth((t for t, deep in images if deep), depth_topic)
        color = topics.choose_color((t for t, deep in images if not deep), color_topic)
        if depth is None or color is None:
            raise ValueError(
                f"{bag.path}: expected image topics of depth and of color; got depth "
                f"{_names(t for t, deep in images if deep)}, color "
                f"{_names(t for t, deep in images if not deep)} (--depth-topic, --rgb-topic)"
            )
        cameras = _camera(reader, depth), _camera(reader, color)
        pose = None if topics.is_registered(depth, color, cameras) else _pose(reader, depth, color)
        if pose is not None and None in cameras:
            raise ValueError(f"{bag.path}: {depth.name} and {color.name} need their camera_info")
        depth_times, color_times = _times(reader, (depth.name, color.name))
    pairing = pair_by_time(depth_times.stamps_s, color_times.stamps_s, within_s)
    return BagPlan(depth, color, cameras, pose, depth_times, color_times, pairing)


def registered_depth(
    plan: BagPlan, depth_m: NDArray[np.floating], block: int
) -> NDArray[np.float32]:
    """Move depth to the colour's view, if it is not there, in blocks of ``block`` pixels."""
    camera, target = plan.cameras
    if plan.pose is None or camera is None or target is None:
        return np.asarray(depth_m, np.float32)
    size = (plan.color.size[0] // block, plan.color.size[1] // block)
    return register_depth(depth_m, camera, target, plan.pose, size, block)


def _image_topics(reader: Any) -> list[tuple[Topic, bool]]:  # noqa: ANN401  rosbags'
    """Read the first message of each topic of images; True marks depth."""
    found = {}
    for connection in reader.connections:
        if connection.msgtype not in {IMAGE, COMPRESSED} or connection.topic in found:
            continue
        message = _first(reader, connection.topic)
        if message is None:
            continue
        deep = is_depth(message, connection.msgtype)
        frame_id = message.header.frame_id.strip("/")
        size = _size(message, connection.msgtype, deep, connection.topic)
        found[connection.topic] = (
            Topic(connection.topic, connection.msgtype, frame_id, size), deep,
        )  # fmt: skip
    return list(found.values())


def _size(message: Any, kind: str, deep: bool, topic: str) -> tuple[int, int]:  # noqa: ANN401
    if kind == IMAGE:
        return int(message.height), int(message.width)
    picture = decode_depth(message, kind, topic) if deep else decode_color(message, kind, topic)
    return picture.shape[0], picture.shape[1]


def _first(reader: Any, topic: str) -> Any:  # noqa: ANN401  None if there is no message
    wanted = [c for c in reader.connections if c.topic == topic]
    for connection, _, raw in reader.messages(wanted):
        return reader.deserialize(raw, connection.msgtype)
    return None


def _camera(reader: Any, image: Topic) -> Intrinsics | None:  # noqa: ANN401
    known = [c.topic for c in reader.connections if c.msgtype == topics.CAMERA]
    name = topics.camera_topic(image.name, known)
    message = None if name is None else _first(reader, name)
    return None if message is None else topics.intrinsics_of(message)


def _pose(reader: Any, depth: Topic, color: Topic) -> Extrinsics:  # noqa: ANN401
    transforms = topics.Transforms()
    fixed = [c for c in reader.connections if c.msgtype in topics.TRANSFORMS]
    for connection, _, raw in reader.messages(fixed) if fixed else ():
        transforms.add(reader.deserialize(raw, connection.msgtype))
    extrinsics = {
        c.topic: topics.pose_of_extrinsics(_first(reader, c.topic))
        for c in reader.connections
        if c.msgtype in topics.EXTRINSICS and c.msgcount
    }
    pose = topics.depth_to_color(depth, color, transforms, extrinsics)
    if pose is None:
        raise ValueError(
            f"{depth.name} is in the view of {depth.frame_id or 'an unnamed camera'}, {color.name} "
            f"in that of {color.frame_id or 'another'}, and the bag holds neither /tf_static nor "
            "extrinsics between them; record the topic aligned_depth_to_color (or depth_registered)"
        )
    return pose


def _times(reader: Any, names: tuple[str, str]) -> tuple[TopicTimes, TopicTimes]:  # noqa: ANN401
    """Read the headers of two topics; a bag without times in headers has those of the bag."""
    stamps: dict[str, list[int]] = {name: [] for name in names}
    stored: dict[str, list[int]] = {name: [] for name in names}
    wanted = [c for c in reader.connections if c.topic in names]
    for connection, time_ns, raw in reader.messages(wanted):
        stamps[connection.topic].append(_stamp_ns(raw, reader.is2))
        stored[connection.topic].append(time_ns)
    if not all(any(of_topic) for of_topic in stamps.values()):
        stamps = stored
    first = min(min(of_topic) for of_topic in stamps.values())
    one, other = (
        TopicTimes([(ns - first) / 1e9 for ns in stamps[name]], stored[name]) for name in names
    )
    return one, other


def _stamp_ns(raw: bytes, is_ros2: bool) -> int:
    """Read the time in the header that a message begins with."""
    if is_ros2:
        seconds, nanoseconds = struct.unpack_from("<iI" if raw[1] & 1 else ">iI", raw, 4)
    else:
        seconds, nanoseconds = struct.unpack_from("<II", raw, 4)
    return int(seconds) * 10**9 + int(nanoseconds)


def _names(found: Iterator[Topic]) -> str:
    return ", ".join(topic.name for topic in found) or "none"


class _Rosbags(NamedTuple):
    """Parts of the package that are used."""

    AnyReader: Any
    AnyReaderError: type[Exception]
    typestore: Any


def import_rosbags() -> _Rosbags:
    """Import rosbags, or raise an error that says how to get it."""
    try:
        from rosbags.highlevel import AnyReader, AnyReaderError
        from rosbags.typesys import Stores, get_types_from_msg, get_typestore
    except ImportError as error:
        raise ImportError(
            "bags of ROS need rosbags: pip install 'stdnet_arch[ros]'; got no such module"
        ) from error

    def typestore() -> Any:  # noqa: ANN401
        store = get_typestore(Stores.ROS2_HUMBLE)
        for name in topics.EXTRINSICS:
            store.register(get_types_from_msg(EXTRINSICS_TYPE, name))
        return store

    return _Rosbags(AnyReader, AnyReaderError, typestore)
