"""Untrained networks whose every layer counts."""

import torch
from basicsr.archs import build_network


def shaken_net(options):
    """A network of scale 4 in evaluation mode; what starts at zero would hide a mistake."""
    torch.manual_seed(0)
    net = build_network({"scale": 4, **options}).eval()
    for name, parameter in net.named_parameters():
        if not parameter.any() or "conv_offset_mask" in name:
            torch.nn.init.normal_(parameter, std=0.05)
    return net
