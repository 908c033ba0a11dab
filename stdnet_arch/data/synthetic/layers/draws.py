"""Random numbers of scenes, all from one generator on one device."""

import math

import torch
from torch import Tensor


class Draws:
    """Random tensors on a device, all from one seed; nothing here waits for a GPU.

    Args:
        device: device of the tensors.
        seed: equal seeds give equal numbers on equal devices.
    """

    def __init__(self, device: torch.device | str, seed: int) -> None:
        self.device = torch.device(device)
        self.generator = torch.Generator(device=self.device).manual_seed(seed)

    def uniform(self, *shape: int, lo: float = 0.0, hi: float = 1.0) -> Tensor:
        """Numbers spread evenly over ``[lo, hi)``."""
        return torch.rand(shape, generator=self.generator, device=self.device) * (hi - lo) + lo

    def log_uniform(self, *shape: int, lo: float, hi: float) -> Tensor:
        """Numbers whose logarithm is spread evenly; ``0 < lo < hi``."""
        return self.uniform(*shape, lo=math.log(lo), hi=math.log(hi)).exp()

    def normal(self, *shape: int, std: float = 1.0) -> Tensor:
        """Gaussian numbers around 0."""
        return torch.randn(shape, generator=self.generator, device=self.device) * std

    def chance(self, *shape: int, p: float) -> Tensor:
        """Bool, true with probability ``p``."""
        return torch.rand(shape, generator=self.generator, device=self.device) < p

    def below(self, n: int, *shape: int) -> Tensor:
        """Whole numbers from 0 to ``n - 1``."""
        return torch.randint(n, shape, generator=self.generator, device=self.device)
