"""The examples in docstrings run, and print what they say."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted((ROOT / "stdnet_arch").rglob("*.py"))
SHOWN = [path for path in FILES if ">>> " in path.read_text(encoding="utf-8")]
WITH_EXAMPLES = {
    "ops/deform_attention.py", "ops/deform_conv.py", "ops/deform_sample.py", "ops/difference.py",
    "ops/guided_filters.py", "ops/local_planes.py", "ops/pixel_kernels.py", "ops/profile.py",
    "ops/resize.py", "ops/temporal_filter.py", "ops/warp.py", "ops/matching/lucas_kanade.py",
    "ops/matching/occlusion.py", "ops/matching/plane_sweep.py", "ops/matching/semi_global.py",
    "ops/matching/tvl1_flow.py", "inference/predictor.py",
}  # fmt: skip


def name_of(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


@pytest.mark.parametrize("path", SHOWN, ids=name_of)
def test_the_examples_of_a_module_print_what_they_say(path, capsys):
    result = doctest.testmod(importlib.import_module(name_of(path)))
    assert result.attempted > 0
    assert result.failed == 0, capsys.readouterr().out


def test_public_operators_and_the_predictor_have_an_example():
    shown = {path.relative_to(ROOT / "stdnet_arch").as_posix() for path in SHOWN}
    assert WITH_EXAMPLES - shown == set()
