"""The toolbox's perceptual loss on clips: SoSR's feature term for its video models."""

from basicsr.utils.registry import LOSS_REGISTRY
from torch import Tensor, nn


@LOSS_REGISTRY.register()
class ClipPerceptualLoss(nn.Module):
    """``PerceptualLoss`` of the toolbox, which knows only images, on every frame of a clip.

    Args:
        options: as of ``PerceptualLoss``: ``layer_weights``, ``vgg_type``, ``perceptual_weight``...
    """

    def __init__(self, **options: object) -> None:
        super().__init__()
        self.loss = LOSS_REGISTRY.get("PerceptualLoss")(**options)

    def forward(self, pred: Tensor, target: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Feature and style term, as ``perceptual_opt`` of the toolbox's models takes them.

        Args:
            pred: ``(b, t, 3, H, W)``.
            target: the same shape.

        Raises:
            ValueError: other shapes.
        """
        if pred.ndim != 5 or pred.shape != target.shape:
            raise ValueError(
                "ClipPerceptualLoss needs clips (b, t, 3, H, W) of one shape, got "
                f"{tuple(pred.shape)} and {tuple(target.shape)}; images: PerceptualLoss"
            )
        return self.loss(pred.flatten(0, 1), target.flatten(0, 1))
