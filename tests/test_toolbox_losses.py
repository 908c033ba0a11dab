"""Losses on motion in the toolbox's own RGB models, by the YAMLs in options/toolbox."""

import re
from pathlib import Path

import pytest
import torch
import yaml
from basicsr.archs import build_network
from basicsr.utils.options import ordered_yaml
from basicsr.utils.registry import DATASET_REGISTRY
from toolbox_parts import options

ROOT = Path(__file__).parent.parent
YAMLS = sorted((ROOT / "options/toolbox").glob("*.yml"))


@pytest.fixture(params=YAMLS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def opt(path):
    return yaml.load(path.read_text(), Loader=ordered_yaml()[0])  # noqa: S506  the toolbox's loader


def test_the_toolbox_knows_network_and_data(path, opt):
    assert opt["name"] == path.stem
    assert f"-opt {path.relative_to(ROOT)}" in path.read_text()
    assert opt["datasets"]["train"]["type"] in DATASET_REGISTRY
    with torch.device("meta"):
        build_network(opt["network_g"])


def test_the_toolbox_s_recurrent_model_trains_with_the_loss(toolbox_run, opt):
    small = options(pixel_opt=dict(opt["train"]["pixel_opt"]))
    assert opt["model_type"] == small["model_type"]
    small["datasets"]["train"]["size"] = 20
    losses = re.findall(r"l_pix: (\d\.\d+e[-+]\d+)", toolbox_run(small))
    assert len(losses) == 2
    assert float(losses[0]) > 0
