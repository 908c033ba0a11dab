"""The device of a name."""

import pytest
import torch

from stdnet_arch.utils.device import choose_device


def test_auto_is_cuda_where_there_is_any(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto").type == "cuda"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto").type == "cpu"


@pytest.mark.parametrize(
    ("name", "message"), [("gpu", "must be auto, cpu"), ("cuda:99", "cuda:99 was asked for")]
)
def test_a_device_that_is_not_there_is_refused(name, message):
    with pytest.raises(ValueError, match=message):
        choose_device(name)
