"""Exported windows give PyTorch's numbers; what cannot be exported is named."""

import sys

import pytest
import torch
from basicsr.archs import build_network

from stdnet_arch.archs.checkpoints.loading import LoadedNetwork
from stdnet_arch.inference.export import (
    WindowFunction,
    compare_onnx,
    example,
    export_window,
    run_onnx,
)

SIZE = (16, 24)


@pytest.fixture(scope="module")
def loaded():
    torch.manual_seed(0)
    net = build_network({"type": "STDNetT", "scale": 4, "init": "balanced"})
    for name, parameter in net.named_parameters():
        if "conv_offset_mask" in name:  # zero offsets would hide a mistake
            torch.nn.init.normal_(parameter, std=0.05)
    return LoadedNetwork(net.eval(), 4, 20.0, {})


@pytest.fixture(scope="module")
def onnx_file(loaded, tmp_path_factory):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    path = tmp_path_factory.mktemp("export") / "net.onnx"
    export_window(loaded, path, 3, SIZE)
    return path


@torch.no_grad()
def test_onnxruntime_gives_what_pytorch_gives(loaded, onnx_file):
    inputs = example(loaded, 3, SIZE, seed=5)
    expected = WindowFunction(loaded.net)(*inputs)
    pred = torch.from_numpy(run_onnx(onnx_file)(*inputs))
    torch.testing.assert_close(pred, expected, atol=1e-4, rtol=0)


def test_the_comparison_says_how_far_off_it_is(loaded, onnx_file):
    agreement = compare_onnx(loaded, onnx_file, 3, SIZE, repeats=1)
    assert 0 <= agreement.largest_difference < 1e-4
    assert "of the depth range" in agreement.in_words()


def test_a_comparison_with_other_weights_is_far_off(onnx_file):
    other = build_network({"type": "STDNetT", "scale": 4, "init": "balanced"})
    agreement = compare_onnx(LoadedNetwork(other, 4, 20.0, {}), onnx_file, 3, SIZE, repeats=1)
    assert agreement.largest_difference > 1e-4


def test_the_file_says_how_to_use_it(onnx_file):
    model = pytest.importorskip("onnx").load(onnx_file)
    about = {entry.key: entry.value for entry in model.metadata_props}
    assert (about["scale"], about["depth_range_m"], about["frames"]) == ("4", "20.0", "3")
    assert (about["frames_before"], about["frames_after"]) == ("4", "4")
    assert [node.name for node in model.graph.input] == ["lq", "guide"]
    assert {"GridSample"} <= {node.op_type for node in model.graph.node}


@torch.no_grad()
def test_torch_export_gives_the_same_without_this_package(loaded, tmp_path):
    path = tmp_path / "net.pt2"
    export_window(loaded, path, 2, SIZE)
    inputs, about = example(loaded, 2, SIZE, seed=5), {"scale": "", "frames_before": ""}
    pred = torch.export.load(path, extra_files=about).module()(*inputs)
    torch.testing.assert_close(pred, WindowFunction(loaded.net)(*inputs), atol=1e-5, rtol=0)
    assert (about["scale"], about["frames_before"]) == ("4", "4")


@pytest.mark.parametrize(
    ("name", "frames", "size", "message"),
    [
        ("net.pth", 2, SIZE, r"\.onnx or \.pt2, got 'net\.pth'"),
        ("net.pt2", 0, SIZE, "at least 1 frames .* got 0 frames"),
        ("net.pt2", 2, (16, 26), "multiples of 4; got 2 frames of 16x26"),
    ],
)
def test_impossible_exports_are_named(loaded, tmp_path, name, frames, size, message):
    with pytest.raises(ValueError, match=message):
        export_window(loaded, tmp_path / name, frames, size)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_library_is_named_with_its_extra(loaded, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"stdnet_arch\[onnx\]"):
        export_window(loaded, tmp_path / "net.onnx", 2, SIZE)
