"""The wheel stands on its own: built, installed elsewhere and used outside the checkout."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stdnet_arch import option_file

ROOT = Path(__file__).parent.parent
TINY = option_file.read(ROOT / "options/tiny/tiny_STDNetT.yml")
OUTSIDE = """
from pathlib import Path
import stdnet_arch
from stdnet_arch.data.sources.clip_list import read_entries
from stdnet_arch.data.synthetic.recording import write_synthetic_recording
from stdnet_arch.evaluation.benchmark.benchmark_results import PUBLISHED

folder = Path(stdnet_arch.__file__).parent
print(folder)
assert (folder / "py.typed").is_file() and PUBLISHED.is_file()
assert {path.suffix for path in (folder / "view").iterdir()} >= {".html", ".js", ".css"}
assert len(read_entries("dydtof_test.txt")) == 2
assert stdnet_arch.load("plane_blend_x4").scale == 4
assert (folder / "weights/flow/spynet.safetensors").is_file()
write_synthetic_recording(Path("clip"), 2, (32, 48), 4)
"""


def call(*words, cwd, site=None):
    path = os.environ if site is None else os.environ | {"PYTHONPATH": str(site)}
    run = subprocess.run(
        [sys.executable, *map(str, words)], cwd=cwd, env={**path, "OMP_NUM_THREADS": "1"},
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-3000:]
    return run.stdout


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder that holds the package as the wheel installs it, and nothing else."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("built")
    for name in ("setup.py", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source)
    without = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "stdnet_arch", source / "stdnet_arch", ignore=without)
    pip = ["-m", "pip", "--disable-pip-version-check"]
    call(*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", built, source, cwd=built)
    (wheel,) = built.glob("*.whl")
    call(*pip, "install", "--no-deps", "--no-compile", "--target", built / "site", wheel, cwd=built)
    return built / "site"


def test_weights_lists_infer_and_train_work_outside_the_checkout(site, tmp_path):
    assert call("-c", OUTSIDE, cwd=tmp_path, site=site).splitlines()[-1].startswith(str(site))
    infer = ["--depth", "clip/depth", "--rgb", "clip/rgb", "--weights", "plane_blend_x4"]
    call("-m", "stdnet_arch.infer", *infer, "-o", "out", "--quiet", cwd=tmp_path, site=site)
    assert len(list((tmp_path / "out").glob("*.png"))) == 2
    (tmp_path / "x.yml").write_text(option_file.write(TINY))
    (tmp_path / "y.yml").write_text("base: x.yml\ntrain: {total_iter: 1}\n")
    call("-m", "stdnet_arch.train", "-opt", "y.yml", cwd=tmp_path, site=site)
    assert list((tmp_path / "experiments").rglob("net_g_*.pth"))
