"""What many tests share: seed, device, a random clip, a toolbox run in a folder of its own."""

import logging
import os
import pkgutil
import runpy
import signal
import sys
from pathlib import Path

import hypothesis
import pytest
import torch

import stdnet_arch  # noqa: F401  makes basicsr importable

# A background job ignores Ctrl-C, and so would every command that the tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A test borrows the fakes of another folder's tests, and the scripts, by their module's name.
sys.path += sorted({str(path.parent) for path in Path(__file__).parent.rglob("*.py")})
sys.path.append(str(Path(__file__).parents[1] / "scripts"))

# Tensors here are small: more threads would only wait for one another, in children, too.
os.environ.setdefault("OMP_NUM_THREADS", "1")
torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))

# PyTorch multiplies in TF32 (10 bits) in convolutions on CUDA unless told otherwise.
torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False

# The same examples in every run: a change that breaks something is known by its own run.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.load_profile("repeatable")


# Half precision through convolutions of 9x9: minutes on a CPU without instructions for it.
MINUTES_LONG = ("test_autocast_stays_close_to_float32[cpu-tiny_ToolboxVSR_TOFlow-dtype0]",)


@pytest.hookimpl(tryfirst=True)  # before pytest leaves out what is marked
def pytest_collection_modifyitems(items):
    """Mark single cases of a parametrised test as slow."""
    for item in items:
        if item.name in MINUTES_LONG:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def seed():
    """Every test starts from the same random numbers."""
    torch.manual_seed(0)


@pytest.fixture(scope="session", params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request):
    """The device to test on; ``pytest -m gpu`` adds CUDA."""
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    return torch.device(request.param)


@pytest.fixture
def clip():
    """A function that makes a random ``lq (b,t,1,h,w)`` and ``guide (b,t,3,H,W)`` in [0, 1]."""

    def make(scale, b, t, h, w, device="cpu"):
        lq = torch.rand(b, t, 1, h, w, device=device)
        return lq, torch.rand(b, t, 3, h * scale, w * scale, device=device)

    return make


@pytest.fixture
def toolbox_run(tmp_path, monkeypatch):
    """A function that runs ``python -m stdnet_arch.train`` (or test) here, under ``tmp_path``.

    ``toolbox_run(opt)`` or ``toolbox_run(opt, "--auto_resume")`` trains; ``phase="test"`` tests.
    ``opt`` is a dict, written to a YAML, or the path of one. Returns the newest log file's text.
    """
    import yaml
    from basicsr.utils import logger

    from stdnet_arch.utils import commands

    def run(opt, *arguments, phase="train"):
        path = opt
        if isinstance(opt, dict):
            path = tmp_path / f"{opt['name']}.yml"
            path.write_text(yaml.safe_dump(opt, sort_keys=False))
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", [phase, "-opt", str(path), *arguments])
        forget_logger()
        # Errors as they are, not as a line and an exit code.
        monkeypatch.setattr(commands, "run_command", lambda command, **_: command() or 0)
        try:
            runpy.run_module(f"stdnet_arch.{phase}", run_name="__main__")
        except SystemExit as end:
            if end.code:
                raise
        finally:
            forget_logger()
        logs = sorted(tmp_path.rglob(f"{phase}_*.log"), key=lambda log: log.stat().st_mtime_ns)
        return logs[-1].read_text()

    def forget_logger():
        # The toolbox opens its log file only once per process (basicsr/utils/logger.py:166).
        logger.initialized_logger.clear()
        handlers = logging.getLogger("basicsr").handlers
        while handlers:
            handlers.pop().close()

    return run


@pytest.fixture
def without_patch(monkeypatch):
    """A function that puts a toolbox function back as it was shipped, for the rest of the test."""

    def undo(where, name):
        owner = pkgutil.resolve_name(where)
        patch = getattr(owner, name)
        toolbox = [m for key, m in list(sys.modules.items()) if key.partition(".")[0] == "basicsr"]
        for holder in (owner, *toolbox):
            if getattr(holder, name, None) is patch:
                monkeypatch.setattr(holder, name, patch.__wrapped__)

    return undo
