"""The difference regularisation's own 195 parameters: differences of features, read as depth."""

from torch import Tensor, nn


class DifferenceMap(nn.Module):
    """Read a difference of features as one map, for the loss to compare with depth.

    The paper's map is conv1x1, bicubic x4, conv1x1. The last one is a single factor, which commutes
    with the enlargement: here both convolutions come first, and the loss enlarges. So carrying the
    map costs 1/16 of the memory, and the network need not know whether anyone reads it.
    """

    def __init__(self, num_feat: int) -> None:
        super().__init__()
        self.conv_reduce = nn.Conv2d(num_feat, 1, 1, bias=False)
        self.conv_scale = nn.Conv2d(1, 1, 1, bias=False)

    def forward(self, difference: Tensor) -> Tensor:
        """``(b, t, c, h, w)`` -> ``(b, t, 1, h, w)``; ``t`` may be 0."""
        maps = self.conv_scale(self.conv_reduce(difference.flatten(0, 1)))
        return maps.unflatten(0, difference.shape[:2])


class DifferenceRegularizer(nn.Module):
    """One reader for sigma, one for phi at distance 1 and one for phi at distance 2."""

    def __init__(self, num_feat: int) -> None:
        super().__init__()
        self.spatial = DifferenceMap(num_feat)
        self.temporal = nn.ModuleList([DifferenceMap(num_feat), DifferenceMap(num_feat)])

    def forward(self, sigma: Tensor, phi: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Maps of one stage.

        Args:
            sigma: ``(b, t, c, h, w)``.
            phi: ``(b, t - distance, c, h, w)`` for distance 1 and 2.

        Returns:
            R(sigma), ``(b, t, 1, h, w)``, and R(phi) for both distances, ``(b, t - distance, 1, h,
            w)``.
        """
        return self.spatial(sigma), [read(x) for read, x in zip(self.temporal, phi, strict=True)]
