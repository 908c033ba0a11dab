"""Who decides which backend samples."""

import pytest
import torch

from stdnet_arch.ops.deform.choice import (
    BACKENDS,
    VARIABLE,
    choose_backend,
    deform_backend,
    has_triton,
    sampler_of,
)


@pytest.fixture(autouse=True)
def no_wish(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)


@pytest.mark.parametrize(
    ("channels", "groups", "expected"),
    [(64, 1, "rows"), (128, 2, "rows"), (64, 8, "grid_sample"), (3, 1, "grid_sample")],
)
def test_on_a_cpu_wide_groups_are_sampled_by_rows(channels, groups, expected):
    assert choose_backend(torch.rand(1, channels, 2, 2), groups) == expected


def test_devices_without_a_kernel_of_their_own_take_grid_sample():
    assert choose_backend(torch.rand(1, 64, 2, 2, device="meta"), 1) == "grid_sample"


def test_the_argument_beats_the_context_and_the_context_the_environment(monkeypatch):
    x = torch.rand(1, 64, 2, 2)
    monkeypatch.setenv(VARIABLE, "gather")
    assert choose_backend(x, 1) == "gather"
    with deform_backend("torchvision"):
        assert choose_backend(x, 1) == "torchvision"
        assert choose_backend(x, 1, "grid_sample") == "grid_sample"
    assert choose_backend(x, 1) == "gather"


def test_unknown_names_are_refused_with_all_known_ones(monkeypatch):
    known = f"one of {', '.join(BACKENDS)}, got 'fast'"
    with pytest.raises(ValueError, match=f"backend must be {known}"), deform_backend("fast"):
        pass
    monkeypatch.setenv(VARIABLE, "fast")
    with pytest.raises(ValueError, match=f"{VARIABLE} must be {known}"):
        choose_backend(torch.rand(1, 1, 2, 2), 1)


@pytest.mark.parametrize("backend", ["gather", "grid_sample", "rows"])
def test_samplers_exist(backend):
    assert sampler_of(backend).columns


def test_rows_need_a_cpu():
    with pytest.raises(ValueError, match="'rows' needs tensors on the CPU, got meta"):
        choose_backend(torch.rand(1, 1, 2, 2, device="meta"), 1, "rows")


@pytest.mark.skipif(not has_triton(), reason="needs triton")
def test_triton_needs_cuda_or_its_interpreter():
    with pytest.raises(ValueError, match="'triton' needs tensors on CUDA .* got cpu"):
        choose_backend(torch.rand(1, 1, 2, 2), 1, "triton")
