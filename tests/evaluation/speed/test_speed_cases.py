"""Forms that are timed beside one another compute the same."""

from importlib.util import find_spec

import pytest

from stdnet_arch.evaluation.speed import cases as speed_cases
from stdnet_arch.evaluation.speed.cases import cases_of

SIZE = (16, 24)
QUICK = ("joint bilateral", "PlaneBlend, its choice", "plane_blend_x4", "training STDNetT")


@pytest.mark.parametrize("name", QUICK)
def test_forms_of_a_case_agree(name, monkeypatch):
    monkeypatch.setattr(speed_cases, "ONNX", ("no_such_library",))  # an export takes seconds
    case = cases_of(SIZE, SIZE)[name]()
    assert len(case.forms) >= 2
    assert list(case.difference) == list(case.forms)
    in_half = case.difference.pop("the same, bf16", 0.0)
    assert in_half < 0.2  # planes of random pixels cross where a weight changes a little
    # Gradients are sums over all pixels, and rounding adds up in them.
    assert max(case.difference.values()) < (1e-4 if "training" in name else 1e-5)


def test_an_exported_step_is_a_form_where_its_libraries_are():
    for library in speed_cases.ONNX:
        pytest.importorskip(library)
    case = speed_cases.cases_of(SIZE, SIZE)["DFlowDepth"]()
    forms = [name for name in case.forms if name not in {"the same, bf16", "OpenVINO"}]
    if find_spec("openvino"):
        assert case.difference["OpenVINO"] < 1e-4
    assert forms == ["PyTorch", "PyTorch, as the predictor", "onnxruntime, a step"]
    assert case.difference["onnxruntime, a step"] < 1e-4
