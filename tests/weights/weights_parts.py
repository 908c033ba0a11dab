"""A small network and what is said about it."""

from stdnet_arch.weights.publishing import Facts

NETWORK_G = {"type": "DFlowDepth", "num_feat": 8}


def make_facts(**changed):
    """Facts of a small network for dToF."""
    facts = {
        "depth_range_m": 20.0,
        "lq": ["dtof_peak"],
        "sensors": ["dtof"],
        "step_m": 0.0978,
        "command": "python -m stdnet_arch.train -opt some.yml",
        "commit": "0123456789abcdef",
    }
    return Facts(**{**facts, **changed})
