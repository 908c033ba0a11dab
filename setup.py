"""Metadata and requirements; the version lives in stdnet_arch/__init__.py."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+?)"', (ROOT / "stdnet_arch/__init__.py").read_text())[1]

setup(
    name="stdnet_arch",
    version=VERSION,
    description="Video depth super-resolution (STDNet) as a plugin of BasicSR",
    long_description=(ROOT / "README.md").read_text() if (ROOT / "README.md").exists() else "",
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=["stdnet_arch*"]),
    package_data={"stdnet_arch": ["data/meta_info/*.txt"]},
    install_requires=[
        "basicsr==1.4.2", "torch", "torchvision", "opencv-python", "numpy", "lmdb", "pyyaml",
        "addict", "matplotlib", "tqdm",
    ],
    extras_require={"dev": ["pytest", "hypothesis", "ruff", "mypy", "types-PyYAML"]},
)
