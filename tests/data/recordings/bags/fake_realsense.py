"""As much of pyrealsense2 as a playback needs, without a file format."""

import sys
import threading
from types import SimpleNamespace

import numpy as np
from recording_parts import rgb_clip

format = SimpleNamespace(rgb8="rgb8", bgr8="bgr8", yuyv="yuyv", z16="z16")
stream = SimpleNamespace(depth="depth", color="color", gyro="gyro")
playback_status = SimpleNamespace(playing="playing", stopped="stopped")
FRAMES = []  # (stream, time in ms, data), set by a test
KIND = ["rgb8"]
UNITS_M = 0.00025
CAMERA = {"depth": (5.125, 5.375, 2.625, 1.625), "color": (20.5, 21.5, 12.0, 8.0)}
RUNNING = []
CODES = np.arange(1, 97, dtype=np.uint16).reshape(4, 4, 6) * 100
RGB = rgb_clip(4, 16, 24)
PERIOD_MS = 1000 / 15


def play(monkeypatch, *before):
    """Put this in the place of the SDK: four frames of depth and late color, behind ``before``."""
    frames = list(before)
    for i, (codes, rgb) in enumerate(zip(CODES, RGB, strict=True)):
        frames += [("depth", PERIOD_MS * i, codes), ("color", PERIOD_MS * i + 20, rgb)]
    this = sys.modules[__name__]
    monkeypatch.setitem(sys.modules, "pyrealsense2", this)
    for name, value in (("FRAMES", frames), ("KIND", ["rgb8"]), ("RUNNING", [])):
        monkeypatch.setattr(this, name, value)


class Profile:
    def __init__(self, kind):
        self.kind = kind

    def stream_type(self):
        return self.kind

    def format(self):
        return KIND[0]

    def fps(self):
        return 15

    def as_video_stream_profile(self):
        return self

    def get_intrinsics(self):
        fx, fy, ppx, ppy = CAMERA[self.kind]
        return SimpleNamespace(fx=fx, fy=fy, ppx=ppx, ppy=ppy)

    def get_extrinsics_to(self, other):
        assert (self.kind, other.kind) == ("depth", "color")
        return SimpleNamespace(rotation=[1, 0, 0, 0, 1, 0, 0, 0, 1], translation=[0, 0, 0])


class Frame:
    def __init__(self, kind, time_ms, data):
        self.kind, self.time_ms, self.data = kind, time_ms, data

    def is_depth_frame(self):
        return self.kind == "depth"

    def as_depth_frame(self):
        return self

    def get_units(self):
        return UNITS_M

    def get_data(self):
        return self.data

    def get_timestamp(self):
        return self.time_ms

    def get_profile(self):
        return Profile(self.kind)


class Sensor:
    def __init__(self, kinds):
        self.kinds, self.callback = kinds, None

    def get_stream_profiles(self):
        return [Profile(kind) for kind in self.kinds]

    def open(self, profiles):
        assert "gyro" not in [profile.kind for profile in profiles]
        RUNNING.append(self)

    def start(self, callback):
        self.callback = callback

    def stop(self):
        RUNNING[:] = [sensor for sensor in RUNNING if sensor is not self]

    def close(self):
        assert self not in RUNNING


class Device:
    def __init__(self):
        kinds = sorted({kind for kind, _, _ in FRAMES})
        self.sensors = [Sensor([kind, "gyro"]) for kind in kinds] + [Sensor(["gyro"])]
        self.status, self.real_time = playback_status.playing, True

    def query_sensors(self):
        return self.sensors

    def set_real_time(self, real_time):
        self.real_time = real_time

    def pause(self):
        assert not set(self.sensors) & set(RUNNING)

    def resume(self):
        threading.Thread(target=self._play, daemon=True).start()

    def current_status(self):
        return self.status

    def _play(self):
        for frame in list(FRAMES):
            (sensor,) = [s for s in self.sensors if frame[0] in s.kinds]
            sensor.callback(Frame(frame[0], frame[1], np.array(frame[2])))
        self.status = playback_status.stopped


class context:  # noqa: N801
    def query_devices(self):
        return [Device()] if FRAMES else []

    def load_device(self, path):
        if path.endswith("rubbish.bag"):
            raise RuntimeError("Failed to resolve request")
        return Device()
