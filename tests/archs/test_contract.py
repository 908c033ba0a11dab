"""What an arch declares is read in one place; silence has a meaning."""

from types import SimpleNamespace

import pytest

from stdnet_arch.archs.contract import Contract, contract_of


@pytest.mark.parametrize(
    ("declared", "context"),
    [
        ({"halo": 3}, (3, 3)),
        ({"halo": 3, "causal": True}, (3, 0)),
        ({"halo": 0}, (0, 0)),
        ({"halo": None, "causal": True}, None),
        ({}, None),
    ],
)
def test_context_is_what_an_arch_declares(declared, context):
    assert contract_of(SimpleNamespace(**declared)).context == context


def test_an_arch_that_declares_nothing_sees_the_whole_clip_of_depth():
    silent = contract_of(SimpleNamespace())
    assert silent == Contract(None, False, 1, 1, 1, 1)
    assert not silent.finite


def test_only_what_is_declared_is_taken():
    declared = SimpleNamespace(halo=0, min_frames=2, lq_channels=6, num_feat=64)
    assert contract_of(declared) == Contract(halo=0, min_frames=2, lq_channels=6)
    assert contract_of(declared).finite
