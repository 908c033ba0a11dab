"""The forms in which STDNet can run: the same weights and numbers, at other speeds."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor

from stdnet_arch.archs.stdnet_arch import STDNet
from stdnet_arch.evaluation.published_forms import published_stdnet
from stdnet_arch.inference.cuda_graph import GraphedNetwork

Run = Callable[[], Tensor]


@dataclass(frozen=True)
class Form:
    """One way to run the network."""

    name: str
    plain: bool = False
    """As published: :func:`published_stdnet`."""
    folded: bool = True
    dtype: torch.dtype | None = None
    """Autocast's; None: float32."""
    channels_last: bool = False
    compiled: bool = False
    graphed: bool = False

    def prepare(self, net: STDNet, lq: Tensor, guide: Tensor) -> Run:
        """One run on a clip that lies on its device; the network is left as it is.

        Args:
            net: on the device of the clip.
            lq: ``(b, t, 1, h, w)``.
            guide: ``(b, t, 3, H, W)``.

        Returns:
            A function that returns the prediction, ``(b, t, 1, H, W)``.
        """
        if self.plain:
            own = net.eval()
            return self._in_context(lambda: published_stdnet(own, lq, guide), lq)
        own = deepcopy(net).fuse(self.folded)
        if self.channels_last:
            own = own.to(memory_format=torch.channels_last)
        if self.graphed:
            graph = GraphedNetwork(own, lq, guide, self.dtype)
            return lambda: graph(lq, guide)
        call = torch.compile(own, dynamic=False) if self.compiled else own
        return self._in_context(lambda: call(lq, guide)["pred"], lq)

    def _in_context(self, run: Run, lq: Tensor) -> Run:
        def inside() -> Tensor:
            autocast = torch.autocast(lq.device.type, self.dtype, enabled=self.dtype is not None)
            with torch.no_grad(), autocast:
                return run()

        return inside


PLAIN = Form("plain", plain=True)
CPU_FORMS = (
    PLAIN,
    Form("batched", folded=False),
    Form("fused"),
    Form("fused, channels_last", channels_last=True),
    Form("fused, bf16", dtype=torch.bfloat16),
    Form("fused, bf16, channels_last", dtype=torch.bfloat16, channels_last=True),
)
CPU_COMPILED = (
    Form("fused, channels_last, compile", channels_last=True, compiled=True),
    Form("fused, bf16, channels_last, compile",
         dtype=torch.bfloat16, channels_last=True, compiled=True),
)  # fmt: skip
"""They take minutes to start, so that they are measured only by name."""
CUDA_FORMS = (
    PLAIN,
    Form("batched", folded=False),
    Form("fused"),
    Form("fused, graph", graphed=True),
    Form("fused, bf16", dtype=torch.bfloat16),
    Form("fused, fp16", dtype=torch.float16),
    Form("fused, bf16, channels_last", dtype=torch.bfloat16, channels_last=True),
    Form("fused, bf16, compile", dtype=torch.bfloat16, compiled=True),
    Form("fused, bf16, channels_last, compile",
         dtype=torch.bfloat16, channels_last=True, compiled=True),
    Form("fused, bf16, channels_last, graph",
         dtype=torch.bfloat16, channels_last=True, graphed=True),
    Form("fused, fp16, channels_last, graph",
         dtype=torch.float16, channels_last=True, graphed=True),
)  # fmt: skip
"""The first is what the others are compared with."""


def forms_of(device: torch.device) -> tuple[Form, ...]:
    """All forms that are of use on a device."""
    return CUDA_FORMS if device.type == "cuda" else CPU_FORMS
