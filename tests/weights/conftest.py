"""Small networks in the shipped form."""

import pytest
import torch
from basicsr.archs import build_network
from weights_parts import NETWORK_G, make_facts

from stdnet_arch.weights.publishing import write_weights


@pytest.fixture
def ship(tmp_path):
    """A function that writes weights of a small network into ``tmp_path``."""

    def write(name, scale=4, **changed):
        torch.manual_seed(scale)
        network_g = {**NETWORK_G, "scale": scale}
        path = tmp_path / f"{name}.safetensors"
        return write_weights(path, network_g, build_network(dict(network_g)), make_facts(**changed))

    return write
