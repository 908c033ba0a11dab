"""Published computations written down as published: what the fast forms are measured against."""

from collections.abc import Sequence
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import deform_conv2d

from stdnet_arch.archs.plane_blend.candidates import CELL, FURTHEST, SHARPNESS, look_around
from stdnet_arch.archs.plane_blend.choice import GAIN
from stdnet_arch.archs.stdan.deformable_aggregation import TOP, DeformableAggregation
from stdnet_arch.archs.stdnet.spatial_difference import SpatialDifference
from stdnet_arch.archs.stdnet.stage import Stage
from stdnet_arch.archs.stdnet.temporal_difference import PropagationPass, TemporalDifference
from stdnet_arch.archs.stdnet_arch import STDNet
from stdnet_arch.ops.deform_sample import deform_sample
from stdnet_arch.ops.difference import spatial_difference
from stdnet_arch.ops.guided_filters import TINY
from stdnet_arch.ops.local_planes import LocalPlanes
from stdnet_arch.ops.resize import replicate_up


def published_aggregation(module: DeformableAggregation, feat: Tensor) -> Tensor:
    """STDAN's aggregation (Eqs. 1-9), one ordered pair of frames after the other.

    Keys and values are sampled at all taps, the best are gathered, and a query is compared with the
    gathered key.

    Args:
        module: network with the weights to use.
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
        pairs = [published_pair(module, query[:, i], key[:, j], value[:, j]) for j in others]
        similarity = torch.stack([(query[:, i] * pair[0]).sum(1) for pair in pairs], 1)
        share = similarity.softmax(1)[:, :, None]
        gathered.append((share * torch.stack([pair[1] for pair in pairs], 1)).sum(1))
    out = module.conv_last(torch.stack(gathered, 1).flatten(0, 1))
    return feat + out.unflatten(0, feat.shape[:2])


def published_pair(
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


class PublishedStage(NamedTuple):
    """Result of a stage of STDNet."""

    depth: Tensor  # (b, t, 1, H, W)
    confidence: Tensor  # (b, t, 1, H, W)
    feat: Tensor  # (b, t, c, H/4, W/4)


def published_stdnet(net: STDNet, lq: Tensor, guide: Tensor) -> Tensor:
    """Run STDNet as published.

    Frames by themselves go in one call, the passes frame by frame, with two deformable convolutions
    of torchvision per neighbour.

    Args:
        net: network with the weights to use.
        lq: ``(b, t, 1, h, w)``.
        guide: ``(b, t, 3, H, W)``.

    Returns:
        The prediction, ``(b, t, 1, H, W)``.
    """
    base = replicate_up(lq, net.scale // 4)
    coarse = _published_stage(net.guided_stage, base, guide, None)
    second_guide = torch.cat((coarse.depth, coarse.confidence), dim=2)
    fine = _published_stage(net.refining_stage, base, second_guide, coarse.feat)
    weight = torch.stack((coarse.confidence, fine.confidence)).softmax(dim=0)
    return (torch.stack((coarse.depth, fine.depth)) * weight).sum(dim=0)


def _published_stage(
    stage: Stage, base: Tensor, guide: Tensor, earlier: Tensor | None
) -> PublishedStage:
    """One of the two stages on a clip."""
    clip = base.shape[:2]
    guide_feat = stage.guide_encoder(guide.flatten(0, 1))
    depth_feat = stage.depth_encoder(base.flatten(0, 1))
    feat, attention = _published_spatial(stage.spatial_difference, depth_feat, guide_feat)
    if earlier is not None:
        feat = torch.cat((feat, earlier.flatten(0, 1)), dim=1)
    first, guides, weights = (
        list(x.unflatten(0, clip).unbind(1)) for x in (stage.trunk(feat), guide_feat, attention)
    )
    lists = [first]
    for run_pass in stage.passes.values():
        lists.append(
            published_pass(cast(PropagationPass, run_pass), lists[-1], first, guides, weights)
        )
    joint = torch.cat([torch.stack(frames, dim=1) for frames in lists], dim=2)
    fused = stage.reconstruction(joint.flatten(0, 1))
    residual, confidence = stage.prediction_head(fused).split(1, dim=1)
    bilinear = F.interpolate(base.flatten(0, 1), scale_factor=4, mode="bilinear")
    parts = (residual + bilinear, confidence, fused)
    return PublishedStage(*(x.unflatten(0, clip) for x in parts))


def _published_spatial(
    module: SpatialDifference, depth_feat: Tensor, guide_feat: Tensor
) -> tuple[Tensor, Tensor]:
    """Fused features and attention, ``(n, c, h, w)`` each; neighbourhoods by ``unfold``."""
    sigma = spatial_difference(depth_feat)
    kernels = module.kernel_generator(module.conv_difference(sigma))  # (n, c, 9, h, w)
    around = F.unfold(guide_feat, 3, padding=1).view_as(kernels)
    summary = torch.cat((sigma.mean(1, keepdim=True), sigma.amax(1, keepdim=True)), dim=1)
    attention = torch.sigmoid(module.conv_attention(summary))
    guided = attention * guide_feat + module.beta * (around * kernels).sum(2)
    joint = torch.cat((depth_feat, guided), dim=1)
    return module.conv_fuse(module.residual_group(joint)), attention


def published_pass(
    run_pass: PropagationPass,
    feats: list[Tensor],
    first: list[Tensor],
    guides: list[Tensor],
    attentions: list[Tensor],
) -> list[Tensor]:
    """A pass over frames, ``(b, c, h, w)`` each; ``first`` are those of the trunk."""
    out = []
    for i, feat in enumerate(feats):
        inside = [j for j in run_pass.neighbours(i) if 0 <= j < len(feats)]
        total = feat if not inside else torch.zeros_like(feat)
        for j in inside:
            difference = (first[j] - first[i]).abs()
            pair = (feat, feats[j], difference, guides[j], attentions[i])
            total = total + _published_temporal(run_pass.temporal_difference, *pair)
        out.append(total)
    return out


def _published_temporal(
    module: TemporalDifference,
    current: Tensor,
    neighbour: Tensor,
    difference: Tensor,
    neighbour_guide: Tensor,
    attention: Tensor,
) -> Tensor:
    """Compute what one neighbour adds to one frame, ``(b, c, h, w)``."""
    motion = module.conv_motion(torch.cat((current, module.conv_difference(difference)), dim=1))
    vertical, horizontal, mask = module.conv_offset_mask(motion).chunk(3, dim=1)
    offset, mask = torch.cat((vertical, horizontal), dim=1), mask.sigmoid()
    aligned, aligned_guide = (
        deform_conv2d(x, offset, module.weight, module.bias, padding=1, mask=mask)
        for x in (neighbour, neighbour_guide)
    )
    aligned = module.conv_aligned(F.leaky_relu(aligned, 0.1))
    joint = torch.cat((current, aligned, aligned_guide * attention), dim=1)
    return module.conv_fuse(module.residual_group(joint))


def literal_joint_bilateral(
    depth: Tensor, guide: Tensor, *, radius: int, sigma_space: float, sigma_color: float
) -> Tensor:
    """:func:`~stdnet_arch.ops.guided_filters.joint_bilateral_upsample`, tap by tap at full size.

    Args:
        depth: ``(n, 1, h, w)``; 0 where there is none.
        guide: ``(n, 3, H, W)``.
        radius: see there.
        sigma_space: see there.
        sigma_color: see there.

    Returns:
        ``(n, 1, H, W)``; 0 where no sample in reach has depth.
    """
    h, w = depth.shape[-2:]
    scale = guide.shape[-1] // w
    around = [F.pad(x, [radius] * 4) for x in (depth, F.avg_pool2d(guide, scale))]
    place = (torch.arange(scale, dtype=depth.dtype) + 0.5) / scale - 0.5
    # A pixel unlike all others keeps its own depth.
    total, weights = (TINY * replicate_up(x.to(depth), scale) for x in (depth, depth > 0))
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            if dy * dy + dx * dx > radius * radius:
                continue
            window = (..., slice(radius + dy, radius + dy + h), slice(radius + dx, radius + dx + w))
            sample, color = (replicate_up(x[window], scale) for x in around)
            apart = (guide - color).abs().sum(1, keepdim=True)
            far = (place - dy).square()[:, None] + (place - dx).square()
            weight = torch.exp(-0.5 * (apart / sigma_color).square())
            weight = weight * torch.exp(-0.5 * far / sigma_space**2).repeat(h, w) * (sample > 0)
            total, weights = total + weight * sample, weights + weight
    return total / weights.clamp_min(TINY * TINY)


def literal_choice(
    logits: Tensor, planes: LocalPlanes, offsets: Sequence[tuple[int, int]]
) -> Tensor:
    """PlaneBlend's choice at x4 with every map at full size.

    Args:
        logits: ``(n, j, 16, h, w)``.
        planes: ``(n, 1, h, w)`` each.
        offsets: (dy, dx) of the candidates.

    Returns:
        The mean of the candidates, ``(n, 16, h, w)``.
    """
    one = ((torch.arange(CELL, dtype=logits.dtype) + 0.5) / CELL - 0.5).expand(CELL, -1)
    y, x = (m.flatten()[:, None, None].expand(logits.shape[2:]) for m in (one.T, one))
    depth, slope_x, slope_y = (look_around(m, list(offsets)) for m in planes)
    candidates, prior = [], []
    for j, (dy, dx) in enumerate(offsets):
        own = depth[:, j : j + 1]
        change = slope_y[:, j : j + 1] * (y - dy) + slope_x[:, j : j + 1] * (x - dx)
        candidates.append(
            own + torch.minimum(torch.maximum(change, -FURTHEST * own), FURTHEST * own)
        )
        prior.append(-((y - dy) ** 2 + (x - dx) ** 2) / (2 * SHARPNESS**2))
    weight = (GAIN * logits + torch.stack(prior)).softmax(1)
    return (weight * torch.stack(candidates, 1)).sum(1)
