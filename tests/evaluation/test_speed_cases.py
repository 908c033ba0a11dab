"""Forms that are timed beside one another compute the same."""

import pytest

from stdnet_arch.evaluation import speed_cases
from stdnet_arch.evaluation.speed_cases import cases_of

SIZE = (16, 24)
QUICK = ("joint bilateral", "PlaneBlend, its choice", "PlaneBlend, shipped", "training STDNetT")


@pytest.mark.parametrize("name", QUICK)
def test_forms_of_a_case_agree(name, monkeypatch):
    monkeypatch.setattr(speed_cases, "ONNX", ("no_such_library",))  # an export takes seconds
    case = cases_of(SIZE, SIZE, channels_last=True)[name]()
    assert len(case.forms) >= 2
    assert list(case.difference) == list(case.forms)
    # Gradients are sums over all pixels, and rounding adds up in them.
    assert max(case.difference.values()) < (1e-4 if "training" in name else 1e-5)


def test_an_exported_step_is_a_form_where_its_libraries_are():
    for library in speed_cases.ONNX:
        pytest.importorskip(library)
    case = speed_cases.cases_of(SIZE, SIZE)["DFlowDepth"]()
    assert list(case.forms) == ["PyTorch", "onnxruntime, a step"]
    assert case.difference["onnxruntime, a step"] < 1e-4
