"""Joint bilateral upsampling as a network: the line that a trained one has to pass."""

from basicsr.utils.registry import ARCH_REGISTRY
from torch import Tensor, nn

from stdnet_arch.ops.guided_filters import joint_bilateral_upsample
from stdnet_arch.utils.shapes import check_clip


@ARCH_REGISTRY.register()
class JointBilateral(nn.Module):
    """Upsample each depth frame by means over similar colours; nothing is trained.

    Kopf et al. (SIGGRAPH 2007), :func:`~stdnet_arch.ops.guided_filters.joint_bilateral_upsample`.

    Args:
        scale: H / h.
        radius: radius of the disc of samples, in pixels of the low-resolution depth.
        sigma_space: in such pixels.
        sigma_color: sum over the channels of RGB in [0, 1].
    """

    halo = 0  # frames of context needed on each side
    multiple_of = 1  # lq sides must be divisible by this
    takes_holes = True
    any_range = True

    def __init__(
        self, scale: int, radius: int = 2, sigma_space: float = 0.7, sigma_color: float = 0.1
    ) -> None:
        super().__init__()
        self.scale, self.radius = scale, radius
        self.sigma_space, self.sigma_color = sigma_space, sigma_color

    def forward(self, lq: Tensor, guide: Tensor) -> dict[str, Tensor]:
        """Super-resolve a clip.

        Args:
            lq: low-resolution depth, ``(b, t, 1, h, w)``; 0 is a hole and does not count.
            guide: RGB in [0, 1], ``(b, t, 3, H, W)``.

        Returns:
            ``pred``, ``(b, t, 1, H, W)``; 0 where no sample in reach has depth.

        Raises:
            TypeError, ValueError: see :func:`stdnet_arch.utils.shapes.check_clip`.
        """
        check_clip(lq, guide, self.scale)
        pred = joint_bilateral_upsample(
            lq.flatten(0, 1),
            guide.flatten(0, 1),
            radius=self.radius,
            sigma_space=self.sigma_space,
            sigma_color=self.sigma_color,
        )
        return {"pred": pred.unflatten(0, lq.shape[:2])}
