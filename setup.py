"""Metadata and requirements; the version lives in stdnet_arch/__init__.py."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
# What the test suite needs of the extras: each is a wheel that installs anywhere.
LIGHT_EXTRAS = {
    "video": ["av"],
    "exr": ["OpenEXR>=3.3"],
    "ros": ["rosbags"],
    "record3d": ["lzfse"],
    "heic": ["pillow-heif"],
    "onnx": ["onnx", "onnxruntime", "onnxscript"],
    # Larger (200 MB): nothing else reads what --rerun writes. No such release for Python 3.10.
    "rerun": ["rerun-sdk>=0.41; python_version >= '3.11'"],
    "diffusion": ["diffusers", "transformers"],
    "view": ["gradio>=6"],
    # 60 MB: --runtime openvino.
    "openvino": ["openvino"],
}
SOURCE = (ROOT / "stdnet_arch/__init__.py").read_text(encoding="utf-8")
README = ROOT / "README.md"

setup(
    name="stdnet_arch",
    version=re.search(r'__version__ = "(.+?)"', SOURCE)[1],
    description="Video depth super-resolution (STDNet) as a plugin of BasicSR",
    long_description=README.read_text(encoding="utf-8") if README.exists() else "",
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=["stdnet_arch*"]),
    package_data={
        "stdnet_arch": [
            "py.typed",
            "data/meta_info/*.txt",
            "evaluation/benchmark/*.csv",
            "weights/*",
            "weights/flow/*",
            "view/viewer.*",
            "view/points.js",
        ]
    },
    install_requires=[
        "basicsr==1.4.2",
        "addict",
        "torch>=2.6",
        "torchvision",
        "numpy",
        "scipy",
        "opencv-python",
        "lmdb",
        "pillow",
        "matplotlib",
        "pyyaml",
        "safetensors",
        "tifffile",
        "tqdm",
        # The toolbox's tensorboard imports pkg_resources, which setuptools dropped in 82.
        "setuptools>=70.1,<82",
    ],
    extras_require={
        **LIGHT_EXTRAS,
        "realsense": ["pyrealsense2"],
        "ray": ["ray[data]"],
        "render": ["moderngl", "trimesh>=5", "pycollada"],
        "dev": [
            "pytest",
            "pytest-xdist",
            "hypothesis",
            "ruff~=0.17.5",
            "mypy",
            "types-PyYAML",
            *sorted({name for names in LIGHT_EXTRAS.values() for name in names}),
        ],
    },
)
