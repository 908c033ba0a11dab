"""The index of shipped weights comes from the files, and damage is found."""

import hashlib
import json
from pathlib import Path

import pytest
import safetensors.torch
import torch

import stdnet_arch
from stdnet_arch.weights import shipped as shipped_module
from stdnet_arch.weights.shipped import FOLDER, digest_parameters, find, list_shipped

SCORE = {"rule": "dtof_peak", "ratio_mean": 0.6, "ratio_worst": 0.7, "scenes": {"a": [2.0, 1.0]}}


def test_the_index_is_what_the_metadata_say(ship, tmp_path):
    ship("b_x8", scale=8, lq=["area", "nearest"], sensors=["clean"], zero_shot=[SCORE])
    ship("a_x4")
    first, second = list_shipped(tmp_path)
    assert [first.name, second.name] == ["a_x4", "b_x8"]
    assert (second.arch, second.scale) == ("DFlowDepth", 8)
    assert second.rules == ("area", "nearest")
    assert second.sensors == ("clean",)
    assert second.ratio == 0.6


def test_weights_without_scores_count_as_the_worst(ship):
    assert ship("a_x4").ratio == float("inf")


def test_a_name_is_found_in_any_case(ship, tmp_path):
    ship("Plane_x4")
    assert find("plane_X4", tmp_path).name == "Plane_x4"


def test_an_unknown_name_lists_those_that_there_are(ship, tmp_path):
    ship("a_x4")
    with pytest.raises(ValueError, match="one of a_x4; got 'b_x4'"):
        find("b_x4", tmp_path)


def test_the_digest_is_sha256_of_names_types_shapes_and_bytes():
    value = torch.tensor([[1.5, -2.0]], dtype=torch.float16)
    text = json.dumps(["w", "torch.float16", [1, 2]]).encode()
    expected = hashlib.sha256(text + value.numpy().tobytes()).hexdigest()
    assert digest_parameters({"w": value}) == expected


def test_a_changed_parameter_is_found(ship):
    one = ship("a_x4")
    state = safetensors.torch.load_file(one.path)
    with safetensors.safe_open(one.path, framework="pt") as file:
        metadata = file.metadata()
    next(iter(state.values())).view(-1)[0] += 1
    safetensors.torch.save_file(state, one.path, metadata=metadata)
    with pytest.raises(ValueError, match="damaged"):
        shipped_module.Shipped(one.path).check()


def test_load_gives_the_network_and_its_range(ship, tmp_path, monkeypatch):
    one = ship("a_x4")
    monkeypatch.setattr(shipped_module, "find", lambda name: find(name, tmp_path))
    net = stdnet_arch.load("a_x4")
    expected = safetensors.torch.load_file(one.path)
    assert net.depth_range_m == 20.0
    assert not net.training
    assert all(torch.equal(v.half(), expected[k]) for k, v in net.state_dict().items())


def test_every_file_of_the_package_says_what_it_is_and_is_whole():
    every = list_shipped()
    assert every, f"no weights in {FOLDER}"
    for one in every:
        one.check()
        assert one.scale in {4, 8, 16}
        assert one.path.stat().st_size <= 4_000_000


def test_the_readme_has_every_shipped_file():
    page = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert [one.name for one in list_shipped() if f"`{one.name}`" not in page] == []
