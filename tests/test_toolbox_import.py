"""Stock basicsr can be imported where modules it needs are gone; importing says nothing."""

import importlib
import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch

from stdnet_arch import _toolbox

# In a fresh interpreter: take the modules away, run the toolbox's own import lines, import the
# package, run the lines again. Prints JSON: errors before, errors after, handlers of the logger.
GONE = """
import importlib.util, json, pathlib, sys
import scipy.ndimage
sys.modules.pop("scipy.ndimage.filters", None)
vars(scipy.ndimage).pop("filters", None)
names = ["torchvision.transforms.functional_tensor", "distutils", "distutils.version",
         "scipy.ndimage.filters"]

class Gone:
    def find_spec(self, name, path=None, target=None):
        if name in names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Gone())
root = pathlib.Path(importlib.util.find_spec("basicsr").origin).parent

def attempt(file, line):
    try:
        exec((root / file).read_text().splitlines()[line - 1].strip(), {})
    except ImportError as error:
        return str(error)
    return ""

places = json.loads(sys.argv[1])
before = [attempt(*place) for place in places]
import stdnet_arch
import basicsr.archs.arch_util as arch_util, logging
assert arch_util.LooseVersion("0.29.2+cu130") >= arch_util.LooseVersion("0.9.0")
assert not arch_util.LooseVersion("0.8.2") >= arch_util.LooseVersion("0.9.0")
after = [attempt(*place) for place in places]
print(json.dumps([before, after, len(logging.getLogger("basicsr").handlers)]))
"""
PLACES = {
    "data/degradations.py:8": "torchvision.transforms.functional_tensor",
    "archs/arch_util.py:6": "distutils",
    "metrics/niqe.py:5": "scipy.ndimage.filters",
    "data/data_util.py:275": "filters",
}


@pytest.fixture(scope="module")
def fresh():
    places = [place.split(":") for place in PLACES]
    argument = json.dumps([(file, int(line)) for file, line in places])
    command = [sys.executable, "-c", GONE, argument]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("index", range(len(PLACES)), ids=PLACES)
def test_missing_module_stops_the_toolbox_until_the_package_is_imported(fresh, index):
    assert fresh.returncode == 0, fresh.stderr
    before, after, _ = json.loads(fresh.stdout.splitlines()[-1])
    assert list(PLACES.values())[index] in before[index]
    assert after[index] == ""


def test_import_prints_and_logs_nothing(fresh):
    assert fresh.stderr == ""
    assert len(fresh.stdout.splitlines()) == 1
    assert json.loads(fresh.stdout)[2] == 0


@pytest.mark.parametrize("value", [np.float64(1e-4), np.float32(2), np.int64(3), np.arange(3.0)])
def test_numpy_values_in_checkpoints_load_with_weights_only(tmp_path, value):
    allowed = torch.serialization.get_safe_globals()
    torch.save({"lr": value}, tmp_path / "a.pth")
    torch.serialization.clear_safe_globals()
    with pytest.raises(pickle.UnpicklingError, match="Unsupported global: GLOBAL numpy"):
        torch.load(tmp_path / "a.pth", weights_only=True)
    torch.serialization.add_safe_globals(allowed)
    loaded = torch.load(tmp_path / "a.pth", weights_only=True)["lr"]
    np.testing.assert_array_equal(loaded, value, strict=True)


def test_a_second_import_wraps_the_original_again_not_the_wrapper():
    import basicsr.metrics

    importlib.reload(_toolbox)
    patch = basicsr.metrics.calculate_metric
    assert patch is _toolbox._calculate_metric
    assert patch.__wrapped__.__module__ == "basicsr.metrics"
    assert not hasattr(patch.__wrapped__, "__wrapped__")
