"""Published computations written down as published: what the fast forms are measured against."""

import torch
import torch.nn.functional as F
from torch import Tensor

from stdnet_arch.archs.stdan.deformable_aggregation import TOP, DeformableAggregation
from stdnet_arch.ops.deform_sample import deform_sample


def literal_aggregation(module: DeformableAggregation, feat: Tensor) -> Tensor:
    """STDAN's aggregation (Eqs. 1-9), one ordered pair of frames after the other.

    Keys and values are sampled at all taps, the best are gathered, and a query is compared with the
    gathered key.

    Args:
        module: whose weights are used.
        feat: ``(b, t, c, h, w)``.

    Returns:
        ``(b, t, c, h, w)``.
    """
    x = module.conv_first(feat.flatten(0, 1)).permute(0, 2, 3, 1)
    clips = [layer(x).permute(0, 3, 1, 2) for layer in (module.query, module.key, module.value)]
    query, key, value = (x.unflatten(0, feat.shape[:2]) for x in clips)
    t = feat.shape[1]
    gathered = []
    for i in range(t):
        others = [j for j in range(t) if j != i]
        pairs = [literal_pair(module, query[:, i], key[:, j], value[:, j]) for j in others]
        similarity = torch.stack([(query[:, i] * pair[0]).sum(1) for pair in pairs], 1)
        share = similarity.softmax(1)[:, :, None]
        gathered.append((share * torch.stack([pair[1] for pair in pairs], 1)).sum(1))
    out = module.conv_last(torch.stack(gathered, 1).flatten(0, 1))
    return feat + out.unflatten(0, feat.shape[:2])


def literal_pair(
    module: DeformableAggregation, query: Tensor, key: Tensor, value: Tensor
) -> tuple[Tensor, Tensor]:
    """Key and value that one frame takes from one other; ``(b, e, h, w)`` each."""
    feat = F.leaky_relu(module.offset_conv1(torch.cat((query, key), 1)), 0.1)
    feat = F.leaky_relu(module.offset_conv2(feat), 0.1)
    *offset, mask = module.conv_offset(feat).chunk(3, dim=1)
    at = {"offset": torch.cat(offset, 1), "mask": mask.sigmoid(), "groups": module.groups}
    keys, values = deform_sample(key, **at), deform_sample(value, **at)  # (b, e, 9, h, w)
    relevance = (query[:, :, None] * keys).sum(1)  # (b, 9, h, w)
    best, tap = relevance.topk(TOP, dim=1)
    weight = best.softmax(1)[:, None]  # (b, 1, 2, h, w)
    index = tap[:, None].expand(-1, keys.shape[1], -1, -1, -1)
    taken = [(weight * samples.gather(2, index)).sum(2) for samples in (keys, values)]
    return taken[0], taken[1]
