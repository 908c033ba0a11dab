"""``use_checkpoint`` changes what is kept for backward, and nothing else."""

import pytest
import torch
from basicsr.archs import build_network
from torch.autograd.graph import saved_tensors_hooks

from stdnet_arch.losses.difference_loss import DifferenceLoss

TINY = {"type": "STDNet", "scale": 4, "num_feat": 16, "head_feat": 16, "init": "balanced"}


def step(clip, use_checkpoint, **options):
    """Loss, gradients and the bytes kept for backward of a training step, the same in each call."""
    torch.manual_seed(1)
    net = build_network({**TINY, **options, "use_checkpoint": use_checkpoint})
    for parameter in (p for n, p in net.named_parameters() if "conv_offset_mask" in n):
        torch.nn.init.normal_(parameter, std=0.05)
    kept = {}

    def keep(x):
        kept[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes()
        return x

    lq, guide = clip(4, 2, 3, 5, 6)
    with saved_tensors_hooks(keep, lambda x: x):
        out = net(lq, guide)
    loss = out["pred"].square().mean() + DifferenceLoss(1.0)(out, torch.rand(2, 3, 1, 20, 24))
    loss.backward()
    return loss.detach(), {n: p.grad for n, p in net.named_parameters()}, sum(kept.values())


@pytest.mark.parametrize("options", [{}, {"causal": True, "num_round": 1}])
def test_loss_and_gradients_are_those_of_the_plain_step(clip, options):
    loss, grads, _ = step(clip, True, **options)
    plain_loss, plain_grads, _ = step(clip, False, **options)
    torch.testing.assert_close(loss, plain_loss, atol=0, rtol=0)
    assert all(grad.any() for grad in plain_grads.values())
    torch.testing.assert_close(grads, plain_grads, atol=1e-6, rtol=1e-4)


def test_far_less_is_kept_for_backward(clip):
    assert step(clip, True)[2] < 0.4 * step(clip, False)[2]


def test_parameters_have_the_same_names():
    with torch.device("meta"):
        options = {**TINY, "init": "paper"}
        nets = [build_network({**options, "use_checkpoint": used}) for used in (True, False)]
    assert nets[0].state_dict().keys() == nets[1].state_dict().keys()
