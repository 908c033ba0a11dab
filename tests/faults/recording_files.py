"""Small recordings in the layouts of apps, data sets and sensors, to be damaged."""

import importlib.util
import json
import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from recording_parts import depth_clip, rgb_clip, write_gray, write_picture

from stdnet_arch.data.codecs.depth_file import write_depth
from stdnet_arch.data.recordings.bags.azure_calibration import MODEL

FRAMES = 3
DEPTH_M, RGB = depth_clip(FRAMES, 6, 8), rgb_clip(FRAMES, 24, 32)
CODES = np.round(DEPTH_M * 1000).astype(np.uint16)
CAMERA = {"fx": 40, "fy": 41, "cx": 15.5, "cy": 11.5}


def write_stray(root: Path) -> None:
    """Stray Scanner: 16-bit depth, confidence, a video, two tables."""
    rows = ["timestamp, frame, x, y, z, qx, qy, qz, qw"]
    for i, frame in enumerate(DEPTH_M):
        write_depth(root / f"depth/{i:06d}.png", frame, "png16")
        write_gray(root / f"confidence/{i:06d}.png", np.full((6, 8), 2 - i % 2))
        rows.append(f"{i / 30}, {i:06d}, 0, 0, 0, 0, 0, 0, 1")
    (root / "odometry.csv").write_text("\n".join(rows) + "\n")
    (root / "camera_matrix.csv").write_text("40,0,15.5\n0,41,11.5\n0,0,1\n")
    write_video(root / "rgb.mp4", "libx264rgb", "rgb24")


def write_video(path: Path, codec: str, pixels: str) -> None:
    """A video of the pictures, without loss."""
    import av

    options = {"crf": "0"} if codec == "libx264rgb" else {}
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, 30, options=options)
        stream.width, stream.height, stream.pix_fmt = 32, 24, pixels
        for picture in RGB:
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            container.mux(stream.encode(frame.reformat(format=pixels)))
        container.mux(stream.encode())


def write_videos(root: Path) -> None:
    """Depth as a video of 16-bit grey beside a video of RGB."""
    import av

    root.mkdir()
    write_video(root / "rgb.mkv", "ffv1", "bgr0")
    with av.open(str(root / "depth.mkv"), "w") as container:
        stream = container.add_stream("ffv1", 30)
        stream.width, stream.height, stream.pix_fmt = 8, 6, "gray16le"
        for codes in CODES:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(codes, format="gray16le")))
        container.mux(stream.encode())


def write_record3d(root: Path) -> None:
    """An unpacked ``.r3d``."""
    import lzfse

    (root / "rgbd").mkdir(parents=True)
    for i, frame in enumerate(DEPTH_M):
        (root / f"rgbd/{i}.depth").write_bytes(lzfse.compress(frame.tobytes()))
        (root / f"rgbd/{i}.conf").write_bytes(lzfse.compress(bytes([2] * 48)))
        write_picture(root / f"rgbd/{i}.png", RGB[i])
    about = {"K": [40, 0, 0, 0, 41, 0, 15.5, 11.5, 1], "fps": 60, "w": 32, "h": 24}
    (root / "metadata").write_text(json.dumps({**about, "dw": 8, "dh": 6}))


def write_zip(root: Path) -> None:
    """A zip of an unpacked ``.r3d``."""
    write_record3d(root / "scan")
    shutil.make_archive(str(root / "x"), "zip", root / "scan")
    shutil.rmtree(root / "scan")


def write_tum(root: Path) -> None:
    """TUM: pictures, lists of them."""
    for i, codes in enumerate(CODES):
        (root / "depth").mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(root / f"depth/{i}.5.png"), codes * 5)
        write_picture(root / f"rgb/{i}.51.png", RGB[i])
    for name, part in (("depth", 5), ("rgb", 51)):
        lines = (f"{i}.{part} {name}/{i}.{part}.png" for i in range(FRAMES))
        (root / f"{name}.txt").write_text("# a list\n" + "\n".join(lines) + "\n")


def write_associated(root: Path) -> None:
    """TUM with a list of pairs, and a matrix of the camera."""
    write_tum(root)
    lines = (f"{i}.51 rgb/{i}.51.png {i}.5 depth/{i}.5.png" for i in range(FRAMES))
    (root / "associations.txt").write_text("\n".join(lines) + "\n")


def write_transforms(root: Path) -> None:
    """NeRFCapture: a list of everything."""
    frames = []
    for i, frame in enumerate(DEPTH_M):
        write_depth(root / f"depth/{i}.png", frame, "png16")
        write_picture(root / f"images/{i}.png", RGB[i])
        frames.append({"file_path": f"images/{i}", "depth_path": f"depth/{i}.png"})
    camera = {"fl_x": 40, "fl_y": 41, "cx": 15.5, "cy": 11.5}
    content = {**camera, "integer_depth_scale": 0.001, "frames": frames}
    (root / "transforms.json").write_text(json.dumps(content))


def write_polycam(root: Path) -> None:
    """Polycam: a camera for each frame."""
    for i, frame in enumerate(DEPTH_M):
        write_depth(root / f"keyframes/depth/{i}.png", frame, "png16")
        write_picture(root / f"keyframes/images/{i}.png", RGB[i])
        place = root / f"keyframes/cameras/{i}.json"
        place.parent.mkdir(exist_ok=True)
        place.write_text(json.dumps(CAMERA))


def write_arkit(root: Path) -> None:
    """ARKitScenes: times in names, a camera for each picture."""
    for i, frame in enumerate(DEPTH_M):
        write_depth(root / f"lowres_depth/1_{i}.100.png", frame, "png16")
        write_gray(root / f"confidence/1_{i}.100.png", np.full((6, 8), 2))
        write_picture(root / f"wide/1_{i}.101.png", RGB[i])
        place = root / f"wide_intrinsics/1_{i}.101.pincam"
        place.parent.mkdir(exist_ok=True)
        place.write_text("32 24 40 41 15.5 11.5")


def write_replica(root: Path) -> None:
    """Replica: all frames in one folder, the camera beside it."""
    results = root / "results"
    results.mkdir(parents=True)
    for i, codes in enumerate(CODES):
        cv2.imwrite(str(results / f"depth{i:06d}.png"), codes)
        write_picture(results / f"frame{i:06d}.png", RGB[i])
    about = {"camera": {**CAMERA, "scale": 6553.5, "w": 32, "h": 24}}
    (root / "cam_params.json").write_text(json.dumps(about))


def write_bag(kind: str) -> Callable[[Path], None]:
    """A bag of ROS."""

    def write(root: Path) -> None:
        from fake_bags import BagMaker

        maker = BagMaker(kind)
        root.mkdir()
        for i in range(FRAMES):
            maker.image("/camera/depth/image_raw", i / 30, CODES[i], "16UC1", "depth")
            maker.image("/camera/color/image_raw", i / 30 + 0.005, RGB[i], "rgb8", "color")
        for name, size in (("depth", (6, 8)), ("color", (24, 32))):
            share = size[0] / 24
            numbers = (40 * share, 41 * share, 15.5 * share, 11.5 * share)
            maker.camera(f"/camera/{name}/camera_info", size, *numbers)
        maker.transform("color", "depth", (0, 0, 0, 1), (0.01, 0, 0))
        maker.write(root / ("x.bag" if kind == "ros1" else "x"))

    return write


def write_azure(root: Path) -> None:
    """Azure Kinect: two tracks and the calibration; small pictures, which the reader takes too."""
    import av

    root.mkdir()
    camera = {
        "Intrinsics": {"ModelType": MODEL, "ModelParameters": [0.5, 0.5, 0.5, 0.5, *[0] * 10]},
        "Rt": {"Rotation": [1, 0, 0, 0, 1, 0, 0, 0, 1], "Translation": [0, 0, 0]},
    }
    cameras = [
        {"Location": f"CALIBRATION_CameraLocation{name}", **camera, "SensorHeight": h,
         "SensorWidth": w}
        for name, h, w in (("D0", 1024, 1024), ("PV0", 3072, 4096))
    ]  # fmt: skip
    said = json.dumps({"CalibrationInformation": {"Cameras": cameras}}).encode() + b"\0"
    with av.open(str(root / "x.mkv"), "w", format="matroska") as container:
        color, depth = (container.add_stream("ffv1", Fraction(5)) for _ in range(2))
        color.width, color.height, color.pix_fmt = 32, 24, "bgr0"
        depth.width, depth.height, depth.pix_fmt = 8, 6, "gray16le"
        color.metadata["title"], depth.metadata["title"] = "COLOR", "DEPTH"
        depth.metadata["K4A_DEPTH_MODE"] = "WFOV_UNBINNED"
        container.add_attachment("calibration.json", "application/octet-stream", said)
        for i in range(FRAMES):
            for stream, array, form in ((color, RGB[i], "rgb24"), (depth, CODES[i], "gray16le")):
                frame = av.VideoFrame.from_ndarray(array, format=form)
                frame.pts = i
                container.mux(stream.encode(frame))
        for stream in (color, depth):
            container.mux(stream.encode())


def write_pictures(ending: str) -> Callable[[Path], None]:
    """Depth beside RGB in another format of pictures."""

    def write(root: Path) -> None:
        (root / "rgb").mkdir(parents=True)
        for i, frame in enumerate(DEPTH_M):
            write_depth(root / f"depth/{i}.png", frame, "png16")
            picture = Image.fromarray(RGB[i])
            if ending == "heic":
                from pillow_heif import from_pillow

                from_pillow(picture).save(root / f"rgb/{i}.heic", quality=-1)
            else:
                picture.save(root / f"rgb/{i}.{ending}")

    return write


def write_other_depth(ending: str) -> Callable[[Path], None]:
    """Depth in a format of data sets beside RGB; both are folders of a root."""

    def write(root: Path) -> None:
        (root / "depth").mkdir(parents=True)
        for i, frame in enumerate(DEPTH_M):
            write_picture(root / f"rgb/{i}.png", RGB[i])
            path = root / f"depth/{i}.{ending}"
            if ending == "pfm":
                path.write_bytes(b"Pf\n8 6\n-1.0\n" + frame[::-1].astype("<f4").tobytes())
            else:  # Sintel
                path.write_bytes(b"PIEH" + np.array([8, 6], "<i4").tobytes() + frame.tobytes())

    return write


LAYOUTS: dict[str, tuple[str | None, Callable[[Path], None], str]] = {
    "stray": ("av", write_stray, "."),
    "videos": ("av", write_videos, "depth.mkv rgb.mkv"),
    "record3d": ("lzfse", write_record3d, "."),
    "zip": ("lzfse", write_zip, "x.zip"),
    "tum": (None, write_tum, "."),
    "associated": (None, write_associated, "."),
    "transforms": (None, write_transforms, "."),
    "polycam": (None, write_polycam, "."),
    "arkit": (None, write_arkit, "."),
    "replica": (None, write_replica, "."),
    "ros1": ("rosbags", write_bag("ros1"), "x.bag"),
    "sqlite3": ("rosbags", write_bag("sqlite3"), "x"),
    "mcap": ("rosbags", write_bag("mcap"), "x"),
    "azure": ("av", write_azure, "x.mkv"),
    "heic": ("pillow_heif", write_pictures("heic"), "."),
    "webp": (None, write_pictures("webp"), "."),
    "tiff": (None, write_pictures("tiff"), "."),
    "bmp": (None, write_pictures("bmp"), "."),
    "ppm": (None, write_pictures("ppm"), "."),
    "jpg": (None, write_pictures("jpg"), "."),
    "pfm": (None, write_other_depth("pfm"), "."),
    "dpt": (None, write_other_depth("dpt"), "."),
}
"""Name to the library it needs, what writes it, and what the command is given of it."""


def write_layouts(root: Path) -> list[str]:
    """Write all layouts whose library is installed; return their names."""
    known = [n for n, (need, *_) in LAYOUTS.items() if not need or importlib.util.find_spec(need)]
    for name in known:
        LAYOUTS[name][1](root / name)
    return known
