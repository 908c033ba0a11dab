"""Streams in OpenVINO give what PyTorch's give, also of networks that look ahead."""

import importlib.util
import subprocess
import sys

import numpy as np
import pytest
import torch
from basicsr.archs import build_network
from recording_parts import depth_clip, rgb_clip
from shaken_nets import shaken_net

from stdnet_arch.inference.predictor import DepthSRPredictor
from stdnet_arch.inference.streams import openvino_stream
from stdnet_arch.inference.streams.openvino_stream import OpenVinoRuntime
from stdnet_arch.inference.streams.streaming import outputs_of, stream_outputs
from stdnet_arch.utils.input_errors import InputError

NETS = {
    "alone": {
        "type": "PlaneBlend",
        "num_feat": 4,
        "temporal": False,
        "detail": 4,
        "head": "linear",
    },
    "with a memory": {"type": "PlaneBlend", "num_feat": 4, "num_block": (1, 1, 1), "detail": 0},
    "with flow": {"type": "DFlowDepth", "num_feat": 8},
    "looks ahead": {
        "type": "STDNet",
        "num_feat": 16,
        "head_feat": 4,
        "num_block": [1, 1],
        "num_round": 1,
    },
}


@pytest.fixture(autouse=True)
def library():
    if importlib.util.find_spec("openvino") is None:
        pytest.skip("needs the extra openvino")
    return openvino_stream._import_library()


def test_nothing_is_reported_to_a_server():
    program = (
        "import sys; from stdnet_arch.inference.predictor import DepthSRPredictor as P\n"
        "P('plane_blend_live_x4', 'cpu', runtime='openvino')\n"
        "assert sys.modules['openvino_telemetry'] is None\n"
        "assert 'openvino.tools.ovc.telemetry_stub' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_signals_arrive_after_two_runtimes_are_gone():
    program = (
        "import os, signal, torch, stdnet_arch\n"
        "from basicsr.archs import build_network\n"
        "from stdnet_arch.inference.streams.openvino_stream import OpenVinoRuntime\n"
        "net = build_network({'type': 'DFlowDepth', 'num_feat': 4, 'scale': 4}).eval()\n"
        "first, second = OpenVinoRuntime(net), OpenVinoRuntime(net)\n"
        "for runtime in (first, second):\n"
        "    frame = torch.ones(1, 4, 6), torch.ones(3, 16, 24)\n"
        "    runtime.open().push_outputs([frame])\n"
        "del runtime, first\n"
        "del second\n"
        "signal.signal(signal.SIGUSR1, lambda *_: print('came', flush=True))\n"
        "os.kill(os.getpid(), signal.SIGUSR1)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "came\n"


@pytest.fixture(params=NETS)
def net(request):
    return shaken_net(NETS[request.param])


def test_it_gives_what_pytorch_gives(net):
    frames = 3 + max(net.halo or 0, 0)  # more than STDNet looks ahead
    random = torch.Generator().manual_seed(3)
    lq = 1 + torch.rand(frames, 1, 5, 7, generator=random)
    guide = torch.rand(frames, 3, 20, 28, generator=random)
    runtime = OpenVinoRuntime(net)
    for count in (frames, 2):  # a second clip, of fewer frames than it looks ahead
        clip = list(zip(lq[:count], guide[:count], strict=True))
        expected = list(stream_outputs(net, clip))
        got = list(outputs_of(runtime.open(), clip))
        assert len(got) == len(expected) == count
        for ours, theirs in zip(expected, got, strict=True):
            assert ours.keys() == theirs.keys()
            for name, value in ours.items():
                torch.testing.assert_close(theirs[name], value, rtol=1e-4, atol=1e-5)


def test_a_predictor_compiles_once_for_a_size_and_a_step(monkeypatch):
    original, compiled = torch.export.export, []
    monkeypatch.setattr(torch.export, "export", lambda *a: compiled.append(1) or original(*a))
    fine, rgb = depth_clip(2, 24, 30), rgb_clip(2, 96, 120)
    coarse = [(0.0977 + 1e-12 * k) * np.ceil(fine / 0.0977) for k in range(2)]
    plain = DepthSRPredictor("plane_blend_live_x4", "cpu")
    predictor = DepthSRPredictor("plane_blend_live_x4", "cpu", runtime="openvino")
    for depth_m in (coarse[0], fine, coarse[1]):
        expected = plain.predict(depth_m.astype(np.float32), rgb)
        given = predictor.predict(depth_m.astype(np.float32), rgb)
        np.testing.assert_allclose(given, expected, rtol=1e-4)
    assert len(compiled) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"runtime": "tensorrt"}, "runtime must be pytorch or openvino; got 'tensorrt'"),
        ({"runtime": "openvino", "chunk": 2}, "leave chunk, overlap, tile"),
        ({"runtime": "openvino", "tile": 32}, "leave chunk, overlap, tile"),
        ({"runtime": "openvino", "precision": "bf16"}, "in float32"),
    ],
)
def test_what_it_cannot_do_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        DepthSRPredictor("plane_blend_live_x4", "cpu", **options)


def test_a_network_that_it_cannot_convert_is_named(monkeypatch, library):
    def fail(program):
        raise library.frontend.OpConversionFailure("Check failed\nmore")

    monkeypatch.setattr(library, "convert_model", fail)
    predictor = DepthSRPredictor("plane_blend_live_x4", "cpu", runtime="openvino")
    message = r"cannot run PlaneBlend; leave it out \(Check failed\)"
    with pytest.raises(InputError, match=message):
        predictor.predict(depth_clip(1, 4, 6), rgb_clip(1, 16, 24))


def test_a_network_without_steps_is_refused_by_name():
    net = build_network({"type": "DVSR", "scale": 4, "num_feat": 16, "head_feat": 16})
    with pytest.raises(InputError, match="cannot run DVSR, which has no steps of a stream"):
        OpenVinoRuntime(net)


def test_without_the_package_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(InputError, match=r"pip install -e '\.\[openvino\]'"):
        DepthSRPredictor("plane_blend_live_x4", "cpu", runtime="openvino")
