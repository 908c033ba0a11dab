"""Optical flow of a clip and what is aligned by it; shared by DVSR and the toolbox's networks."""

from pathlib import Path

import torch
import torch.nn.functional as F
from basicsr.utils.registry import ARCH_REGISTRY
from torch import Tensor, nn

from stdnet_arch.archs.checkpoints.adapters import is_path, read_checkpoint
from stdnet_arch.archs.shared.blocks import leaky_relu
from stdnet_arch.ops.deform_sample import modulated_deform_conv
from stdnet_arch.ops.precision import at_least_float32

SMALLEST = 64
"""SPyNet halves its input five times, from the next multiple of 32: below 33 pixels nothing would
be left."""
NORMALIZATION = frozenset({"mean", "std"})
SHIPPED = Path(__file__).parents[2] / "weights" / "flow"
"""Flow networks of this package; each is known by the name of its file."""


class SpyNetFlow(nn.Module):
    """The toolbox's SPyNet on frames of any size, in float32, weights random unless loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.spynet = ARCH_REGISTRY.get("SpyNet")()

    def load(self, weights: str | Path) -> None:
        """Load a checkpoint of SPyNet; its normalisation constants may be left out.

        Not through SPyNet's ``load_path``, which refuses files that hold these constants.

        Args:
            weights: a file, or ``spynet``: the one that is shipped.

        Raises:
            FileNotFoundError: no such file.
            ValueError: the file holds something else, or a word that names no shipped one.
        """
        own = self.spynet.state_dict()
        constants = {name: own[name] for name in NORMALIZATION}
        try:
            self.spynet.load_state_dict({**constants, **read_checkpoint(find_flow(weights))})
        except RuntimeError as error:
            raise ValueError(f"{weights} holds no weights of SPyNet: {error}") from error

    def forward(self, frame: Tensor, other: Tensor) -> Tensor:
        """Find each pixel of ``frame`` in ``other``.

        Args:
            frame: RGB in [0, 1], ``(b, 3, h, w)``.
            other: the same shape.

        Returns:
            Flow [px], (dx, dy), ``(b, 2, h, w)``, at least float32: half precision would lose
            parts of a pixel.
        """
        h, w = frame.shape[-2:]
        if not len(frame):
            return frame.new_zeros(0, 2, h, w)
        missing = (0, max(SMALLEST - w, 0), 0, max(SMALLEST - h, 0))
        # "replicate" copies the border, however much is missing.
        pair = [F.pad(at_least_float32(x), missing, mode="replicate") for x in (frame, other)]
        with torch.autocast(frame.device.type, enabled=False):
            return self.spynet(*pair)[..., :h, :w]


def find_flow(weights: str | Path) -> Path:
    """Find a checkpoint of a flow network by its path or by the name of a shipped one.

    Raises:
        ValueError: a word without suffix that is neither a file nor shipped.
    """
    if is_path(weights):
        return Path(weights)
    shipped = {file.stem: file for file in sorted(SHIPPED.glob("*.safetensors"))}
    if str(weights) not in shipped:
        raise ValueError(
            f"flow_weights must be a file or one of {', '.join(shipped)}, which are shipped; "
            f"got {str(weights)!r}"
        )
    return shipped[str(weights)]


def neighbor_flows(estimator: nn.Module, frames: Tensor) -> tuple[Tensor, Tensor]:
    """Flows between neighbouring frames.

    Args:
        estimator: ``(frame, other)`` to flow.
        frames: ``(b, t, 3, h, w)``.

    Returns:
        From each frame to the next one and from each to the one before, px, ``(b, t - 1, 2, h,
        w)``.
    """
    clip = (frames.shape[0], frames.shape[1] - 1)
    before, after = (x.flatten(0, 1) for x in (frames[:, :-1], frames[:, 1:]))
    to_next, to_before = estimator(before, after), estimator(after, before)
    return to_next.unflatten(0, clip), to_before.unflatten(0, clip)


class FlowGuidedAlignment(nn.Module):
    """Second-order flow-guided deformable alignment (BasicVSR++, Chan et al. 2022, Eqs. 4-6).

    Parameters are named as in the toolbox's ``SecondOrderDeformableAlignment``
    (basicsr/archs/basicvsrpp_arch.py), which its BasicVSR++ leaves out where there is no CUDA.

    Args:
        num_feat: channels of a map.
        groups: offset groups; half of them look at each of the two neighbours.
        max_residue_px: largest distance of offsets from the flow [px].
    """

    def __init__(self, num_feat: int, groups: int = 16, max_residue_px: float = 10) -> None:
        super().__init__()
        if groups % 2 or (2 * num_feat) % groups:
            raise ValueError(
                f"groups must be even and divide {2 * num_feat} (channels of two maps), "
                f"got {groups}"
            )
        self.groups, self.max_residue_px = groups, max_residue_px
        bound = (2 * num_feat * 9) ** -0.5
        self.weight = nn.Parameter(
            torch.empty(num_feat, 2 * num_feat, 3, 3).uniform_(-bound, bound)
        )
        self.bias = nn.Parameter(torch.zeros(num_feat))
        self.conv_offset = nn.Sequential(
            nn.Conv2d(3 * num_feat + 4, num_feat, 3, padding=1),
            leaky_relu(),
            nn.Conv2d(num_feat, num_feat, 3, padding=1),
            leaky_relu(),
            nn.Conv2d(num_feat, num_feat, 3, padding=1),
            leaky_relu(),
            nn.Conv2d(num_feat, 27 * groups, 3, padding=1),
        )
        for parameter in self.conv_offset[-1].parameters():
            nn.init.zeros_(parameter)

    def forward(self, feat: Tensor, condition: Tensor, flow_1: Tensor, flow_2: Tensor) -> Tensor:
        """Align two earlier maps with the current one.

        Args:
            feat: features one and two steps before, ``(b, 2c, h, w)``.
            condition: those, warped by the flows, around the current features, ``(b, 3c, h, w)``.
            flow_1: from the current frame to one step before, px, (dx, dy), ``(b, 2, h, w)``.
            flow_2: to two steps before.

        Returns:
            ``(b, c, h, w)``.
        """
        raw = self.conv_offset(torch.cat((condition, flow_1, flow_2), 1))
        offset, mask = raw.tensor_split((18 * self.groups,), dim=1)
        # Taps are (dy, dx), flows (dx, dy). Not in half precision: offsets are pixels.
        taps = 9 * self.groups // 2
        flows = [flow.flip(1).repeat(1, taps, 1, 1) for flow in (flow_1, flow_2)]
        offset = self.max_residue_px * at_least_float32(offset).tanh() + torch.cat(flows, 1)
        mask = mask.sigmoid()
        return modulated_deform_conv(feat, offset, mask, self.weight, self.bias, groups=self.groups)
