"""A network on clips of one size, recorded once and replayed: no time is lost between kernels."""

import torch
from torch import Tensor, nn

WARM_UP = 3
"""Calls before recording, in which libraries choose their algorithms."""


class GraphedNetwork:
    """The predictions of a network on CUDA, by replaying a CUDA graph.

    Weights that change in place count at once; weights that are replaced (``load_state_dict(...,
    assign=True)``, ``.to()``) need a new one.

    Args:
        net: in evaluation mode, on CUDA.
        lq: a clip of the size to be replayed, ``(b, t, 1, h, w)``.
        guide: ``(b, t, 3, H, W)``.
        dtype: autocast to this while recording; None: as the weights are.

    Raises:
        ValueError: the clip is not on CUDA, or the network in training mode.
    """

    def __init__(
        self, net: nn.Module, lq: Tensor, guide: Tensor, dtype: torch.dtype | None = None
    ) -> None:
        if lq.device.type != "cuda":
            raise ValueError(f"a CUDA graph needs tensors on CUDA, got {lq.device}")
        if net.training:
            raise ValueError("a CUDA graph needs the network in evaluation mode: net.eval()")
        self.given = lq.clone(), guide.clone()
        enabled = dtype is not None
        # Without autocast's cache: what a recording caches would be gone in the next one.
        context = torch.autocast("cuda", dtype, enabled=enabled, cache_enabled=False)
        with torch.no_grad(), context:
            side = torch.cuda.Stream(lq.device)
            side.wait_stream(torch.cuda.current_stream(lq.device))
            with torch.cuda.stream(side):
                for _ in range(WARM_UP):
                    net(*self.given)
            torch.cuda.current_stream(lq.device).wait_stream(side)
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph):
                self.pred: Tensor = net(*self.given)["pred"]

    def __call__(self, lq: Tensor, guide: Tensor) -> Tensor:
        """Replay.

        Args:
            lq: depth of the recorded size.
            guide: RGB of the recorded size.

        Returns:
            ``(b, t, 1, H, W)``; overwritten by the next call.

        Raises:
            ValueError: another size.
        """
        for kept, new in zip(self.given, (lq, guide), strict=True):
            if kept.shape != new.shape:
                raise ValueError(
                    f"this graph was recorded for {tuple(kept.shape)}, got {tuple(new.shape)}; "
                    f"record another one"
                )
            kept.copy_(new)
        self.graph.replay()
        return self.pred
