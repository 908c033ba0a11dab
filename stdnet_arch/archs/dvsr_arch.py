"""DVSR (Sun et al., CVPR 2023): recurrent, flow-guided video depth super-resolution."""

import torch
from basicsr.utils.registry import ARCH_REGISTRY
from torch import Tensor, nn

from stdnet_arch.archs.dvsr.stage import DVSRStage
from stdnet_arch.archs.stdnet.stage import blend
from stdnet_arch.ops.resize import replicate_up
from stdnet_arch.utils.shapes import check_clip


@ARCH_REGISTRY.register()
class DVSR(nn.Module):
    """Direct time-of-flight video super-resolution, the strongest published peer of STDNet.

    Two stages as STDNet's, without its difference modules: motion is optical flow of the RGB, and
    features are propagated over the whole clip by second-order deformable alignment.

    Args:
        scale: H / h: a multiple of 4. Depth enters at H/4 x W/4, replicated.
        num_feat: channels of every feature map, a multiple of 8 (16 offset groups over two maps);
            64 in the paper.
        head_feat: channels of the prediction heads at H x W; 64 in the paper.
        num_block: residual blocks of each pass; 7 in the paper.
        flow_weights: a checkpoint of SPyNet for the flow of both stages, or ``spynet``, the shipped
            one; None: random, trained with the rest.

    Raises:
        ValueError: ``scale`` or ``num_feat`` is not one of these.
    """

    halo = None  # recurrent: every frame takes from every other one
    multiple_of = 1  # lq sides must be divisible by this

    def __init__(
        self,
        scale: int,
        num_feat: int = 64,
        head_feat: int = 64,
        num_block: int = 7,
        flow_weights: str | None = None,
    ) -> None:
        super().__init__()
        if scale < 4 or scale % 4:
            raise ValueError(f"scale must be a multiple of 4 (4, 8, 16 in the paper), got {scale}")
        if num_feat < 8 or num_feat % 8:
            raise ValueError(f"num_feat must be a multiple of 8 (offset groups), got {num_feat}")
        self.scale = scale
        self.guided_stage = DVSRStage(3, num_feat, head_feat, num_block)
        self.refining_stage = DVSRStage(2, num_feat, head_feat, num_block, earlier_feat=num_feat)
        if flow_weights is not None:
            for stage in (self.guided_stage, self.refining_stage):
                stage.flow.load(flow_weights)

    def forward(self, lq: Tensor, guide: Tensor) -> dict[str, Tensor]:
        """Super-resolve a clip.

        A clip of one frame uses neither flow nor alignment (with DDP, training on single frames
        needs ``find_unused_parameters: true``).

        Args:
            lq: low-resolution depth, ``(b, t, 1, h, w)`` in [0, 1].
            guide: RGB, ``(b, t, 3, H, W)`` in [0, 1].

        Returns:
            ``pred``, ``(b, t, 1, H, W)``; and, stages along a leading axis of 2, ``stage_depth``
            and ``stage_confidence`` (softmax weights), ``(2, b, t, 1, H, W)``.

        Raises:
            TypeError, ValueError: see :func:`stdnet_arch.utils.shapes.check_clip`.
        """
        check_clip(lq, guide, self.scale)
        base = replicate_up(lq, self.scale // 4)
        coarse = self.guided_stage(base, guide, guide)
        earlier = torch.cat((coarse.depth, coarse.confidence), 2)
        fine = self.refining_stage(base, earlier, guide, coarse.feat)
        depth = torch.stack((coarse.depth, fine.depth))
        pred, confidence = blend(depth, torch.stack((coarse.confidence, fine.confidence)))
        return {"pred": pred, "stage_depth": depth, "stage_confidence": confidence}
