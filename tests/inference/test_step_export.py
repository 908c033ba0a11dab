"""A step of a stream, run by other runtimes frame after frame, gives PyTorch's stream."""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from basicsr.archs import build_network
from shaken_nets import shaken_net

from stdnet_arch.archs.checkpoints.loading import LoadedNetwork
from stdnet_arch.archs.streaming.step import open_step
from stdnet_arch.inference import stream
from stdnet_arch.inference.export import example
from stdnet_arch.inference.step_export import OnnxStream, compare_step, export_step

SIZE = (24, 40)
SOURCE = Path(__file__).parents[2] / "examples/cpp/stream_step.cpp"
NETS = {
    "DFlowDepth": {"type": "DFlowDepth", "num_feat": 12},
    "PlaneBlend": {"type": "PlaneBlend", "num_feat": 8, "num_block": [1, 1, 1], "step": 0.01},
    "PlaneBlend, alone": {"type": "PlaneBlend", "num_feat": 8, "temporal": False, "detail": 0},
    "PlaneBlend, linear": {
        "type": "PlaneBlend",
        "refine": 4,
        "num_feat": 8,
        "temporal": False,
        "detail": 4,
        "head": "linear",
    },
    "STDNetT causal": {"type": "STDNetT", "causal": True, "init": "balanced"},
    "STDNetT planes": {"type": "STDNetT", "causal": True, "head": "planes", "init": "balanced"},
    "STDNetS causal": {"type": "STDNetS", "causal": True, "init": "balanced"},
    "STDNetT": {"type": "STDNetT", "init": "balanced"},  # it predicts with a delay
}
QUICK = ("DFlowDepth", "PlaneBlend", "PlaneBlend, linear", "STDNetT causal")


def load(name: str) -> LoadedNetwork:
    return LoadedNetwork(shaken_net(NETS[name]), 4, 20.0, {})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    for library in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(library)
    return tmp_path_factory.mktemp("steps")


def onnx_of(name: str, folder: Path) -> Path:
    """The step of a network; an export takes seconds, so there is one for all tests."""
    path = folder / f"{name}.onnx"
    if not path.exists():
        export_step(load(name), path, SIZE)
    return path


names = [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in NETS]


@pytest.mark.parametrize("name", names)
def test_onnxruntime_streams_as_pytorch_does(name, folder):
    agreement = compare_step(load(name), onnx_of(name, folder), SIZE, frames=6)
    assert agreement.largest_difference < 1e-4


def test_a_step_has_nothing_that_openvino_cannot_read(folder):
    onnx = pytest.importorskip("onnx")
    graph = onnx.shape_inference.infer_shapes(onnx.load(onnx_of("PlaneBlend", folder))).graph
    shapes = {
        value.name: [side.dim_value for side in value.type.tensor_type.shape.dim]
        for value in (*graph.value_info, *graph.input)
    }
    counts = Counter(node.op_type for node in graph.node)
    assert min(counts["Max"], counts["AveragePool"]) > 0
    for node in graph.node:
        if node.op_type == "Clip":
            assert len(node.input) == 3
            assert all(node.input)
        if node.op_type == "AveragePool":
            kept = {item.name: list(item.ints) for item in node.attribute}
            pads = kept.get("pads", [0, 0, 0, 0])
            sides = [
                a + b + c
                for a, b, c in zip(shapes[node.input[0]][2:], pads, pads[2:], strict=False)
            ]
            assert all(k <= side for k, side in zip(kept["kernel_shape"], sides, strict=True))


def test_a_comparison_with_other_weights_is_far_off(folder):
    other = load("DFlowDepth")
    torch.nn.init.normal_(next(other.net.head.parameters()))
    agreement = compare_step(other, onnx_of("DFlowDepth", folder), SIZE, frames=3)
    assert agreement.largest_difference > 1e-4


@torch.no_grad()
def test_torch_export_streams_the_same_without_this_package(tmp_path):
    loaded, path = load("PlaneBlend"), tmp_path / "step.pt2"
    export_step(loaded, path, SIZE)
    about = {"delay": "", "depth_step": ""}
    run = torch.export.load(path, extra_files=about).module()
    lq, guide = (x[0] for x in example(loaded, 3, SIZE))
    state, given = list(open_step(loaded.net).start(*lq.shape[-2:]).values()), []
    for frame in zip(lq[:, None], guide[:, None], strict=True):
        pred, _, *state = run(*frame, *state)
        given.append(pred[0])
    expected = list(stream(loaded.net, zip(lq, guide, strict=True)))
    torch.testing.assert_close(torch.stack(given), torch.stack(expected), atol=1e-5, rtol=0)
    assert (about["delay"], about["depth_step"]) == ("0", "0.01")


def test_the_file_says_how_to_use_it(folder):
    session = OnnxStream(onnx_of("DFlowDepth", folder)).session
    about = session.get_modelmeta().custom_metadata_map
    assert (about["scale"], about["depth_range_m"], about["delay"]) == ("4", "20.0", "0")
    names = [[each.name for each in side] for side in (session.get_inputs(), session.get_outputs())]
    assert names[0] == ["lq", "guide", "state_frame", "state_state"]
    assert names[1] == ["pred", "next_frame", "next_state"]


def test_a_network_that_needs_the_whole_clip_is_refused(tmp_path):
    net = build_network({"type": "DFlowDepth", "scale": 4, "bidirectional": True}).eval()
    with pytest.raises(ValueError, match="one pass, got bidirectional"):
        export_step(LoadedNetwork(net, 4, 20.0, {}), tmp_path / "step.pt2", SIZE)
    assert list(tmp_path.iterdir()) == []


PLACES = (os.environ.get("ONNXRUNTIME_HEADERS"), f"{sys.prefix}/include/onnxruntime",
          "/usr/include/onnxruntime", "/usr/local/include/onnxruntime")  # fmt: skip


def find_headers() -> str:
    for place in PLACES:
        if place and (Path(place) / "onnxruntime_cxx_api.h").exists():
            return place
    pytest.skip("the headers of onnxruntime are not here; name their folder: ONNXRUNTIME_HEADERS")


def find_library() -> str:
    """The one in the Python package."""
    spec = importlib.util.find_spec("onnxruntime")
    found = sorted(Path(spec.origin).parent.glob("capi/libonnxruntime.so.*"))
    return str(found[0]) if found else pytest.skip("this onnxruntime has no shared library")


@pytest.fixture(scope="module")
def program(folder):
    compiler, headers, library = shutil.which("g++"), find_headers(), find_library()
    if compiler is None:
        pytest.skip("no C++ compiler is here")
    # It asks for the name that releases give it; the package has another.
    (folder / "libonnxruntime.so.1").symlink_to(library)
    made, links = folder / "stream_step", [library, f"-Wl,-rpath,{folder}"]
    command = [compiler, "-std=c++17", "-Wall", "-Wextra", "-Werror", SOURCE, "-isystem", headers]
    subprocess.run([*command, *links, "-o", made], check=True)
    return made


@pytest.mark.parametrize("name", [*QUICK[:2], pytest.param("STDNetT", marks=pytest.mark.slow)])
@torch.no_grad()
def test_the_c_example_streams_as_pytorch_does(name, program, folder):
    loaded, path = load(name), onnx_of(name, folder)
    lq, guide = (x[0] for x in example(loaded, 6, SIZE, seed=3))
    frames = b"".join(x.numpy().tobytes() for pair in zip(lq, guide, strict=True) for x in pair)
    given = subprocess.run([program, path], input=frames, stdout=subprocess.PIPE, check=True)
    pred = np.frombuffer(given.stdout, np.float32).reshape(6, 1, *SIZE)
    expected = torch.stack(list(stream(loaded.net, zip(lq, guide, strict=True))))
    torch.testing.assert_close(torch.from_numpy(pred.copy()), expected, atol=1e-4, rtol=0)


def test_the_example_names_what_is_wrong(program, tmp_path):
    ended = subprocess.run([program, tmp_path / "no.onnx"], stderr=subprocess.PIPE, check=False)
    assert ended.returncode == 1
    assert b"no.onnx" in ended.stderr


def test_the_example_has_fifty_lines():
    lines = SOURCE.read_text().splitlines()
    assert sum(bool(line.strip()) and not line.startswith("//") for line in lines) <= 50
