"""The rule that fills weights and inputs of the golden files, so that none has to be stored."""

import json
import re
import zlib
from pathlib import Path

import numpy as np
import torch

GOLDEN = Path(__file__).parent / "golden"
TOLERANCE = {"cpu": 1e-5, "cuda": 1e-4}
GAINS = (
    (r"\.conv2\.weight$|\.body\.\d+\.body\.2\.weight$", 0.3),
    (r"\.rg1?\.body\.\d+\.weight$", 0.5),
    (r"conv_offset_mask\.weight$|conv_offset\.weight$", 3.0),
    (r"conv_re\.weight$", 0.9),
    (r"", 1.2),
)


def official_state(keys="stdnet_official_keys.json"):
    """A full official training state with the golden weights."""
    keys = json.loads((GOLDEN / keys).read_text())
    return {name: _fill(name, shape) for name, shape in keys.items()}


def golden(name):
    """The stored arrays of one scale, or ``4_long``: 24 frames of a network of 16 features."""
    return np.load(GOLDEN / f"stdnet_x{name}.npz")


def stdan_golden():
    """The stored arrays of STDAN, for both sizes."""
    return np.load(GOLDEN / "stdan.npz")


def stdan_state():
    """A full official STDAN state with the golden weights."""
    stored = stdan_golden()
    shapes = [tuple(map(int, shape.split(","))) for shape in stored["shapes"]]
    return {name: _fill(name, s) for name, s in zip(map(str, stored["names"]), shapes, strict=True)}


def dflow_golden():
    """The stored arrays of DFlow."""
    return np.load(GOLDEN / "dflow.npz")


def dflow_state():
    """A full official DFlow state with the golden weights."""
    stored = dflow_golden()
    shapes = [tuple(map(int, shape.split(","))) for shape in stored["shapes"]]
    scale = float(stored["gain_scale"])
    return {
        str(name): _fill(str(name), shape, scale)
        for name, shape in zip(stored["names"], shapes, strict=True)
    }


def golden_frames(seed, shape):
    """RGB ``(b, n, 3, h, w)`` of a golden output of STDAN or DFlow."""
    b, n, h, w = shape
    random = np.random.RandomState(int(seed))  # noqa: NPY002  frozen legacy stream
    return torch.from_numpy(random.uniform(0, 1, (b, n, 3, h, w)).astype(np.float32))


def golden_clip(stored):
    """``lq``, ``guide`` and ``gt`` of a golden file, from one generator in this order."""
    b, t, h, w = stored["shape"]
    H, W = h * stored["scale"], w * stored["scale"]
    random = np.random.RandomState(int(stored["seed"]))  # noqa: NPY002  frozen legacy stream
    lq = random.uniform(0.05, 0.95, (b, t, 1, h, w))
    guide = random.uniform(0, 1, (b, t, 3, H, W))
    gt = random.uniform(0.05, 0.95, (b, t, 1, H, W))
    return [torch.from_numpy(x.astype(np.float32)) for x in (lq, guide, gt)]


def _fill(name, shape, gain_scale=1):
    seed = zlib.crc32(name.encode())
    z = np.random.RandomState(seed).standard_normal(shape)  # noqa: NPY002  frozen legacy stream
    if name.endswith("relative_position_bias_table"):
        z = 0.2 * z
    elif len(shape) >= 2:
        gain = next(gain for pattern, gain in GAINS if re.search(pattern, name))
        z = z * gain * gain_scale / np.sqrt(np.prod(shape[1:]))
    elif "norm" in name and name.endswith("weight"):
        z = 1 + 0.1 * z
    else:
        z = 0.05 * z + (0.1 if name.endswith("beta") else 0)
    return torch.from_numpy(z.astype(np.float32))
