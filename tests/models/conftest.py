"""What the tests of the models share."""

import logging

import pytest
from basicsr.utils import get_root_logger


@pytest.fixture
def log(caplog, monkeypatch):
    """What the toolbox logs, as pytest's ``caplog``."""
    # First of all: when it is first asked for its logger, the toolbox hides it from others.
    monkeypatch.setattr(get_root_logger(), "propagate", True)
    caplog.set_level(logging.INFO, logger="basicsr")
    return caplog
