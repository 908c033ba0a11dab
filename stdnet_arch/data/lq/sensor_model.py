"""The effects of a sensor as options of a dataset, and what they do to a frame."""

import zlib
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from stdnet_arch.data.lq import sensor_effects as effects
from stdnet_arch.data.lq.cameras import CAMERAS, disturb_rgb
from stdnet_arch.data.lq.degradation import Photons, lq_margin
from stdnet_arch.data.lq.sensors import PRESETS, degrade

STEADY = ("", "dtof_peak", "clean_area", "clean_nearest", "clean_stride")
"""Presets that leave nothing to chance and see nothing beyond a block; or none."""
PRESET_MARGIN = 8
"""LR pixels that the other presets see around a pixel, at most but for what stereo hides."""

_SHARES = ("holes", "edge_holes", "dark_holes", "dark_luma")


@dataclass(frozen=True, kw_only=True)
class SensorOptions:
    """Imperfections of the sensor; by default it is perfect.

    Effects come in this order: photons (only ``lq: dtof_histogram``), dark holes, edge holes,
    holes, noise, steps. Colour is misaligned after the depth sensor has seen it.
    """

    signal_photons: float = 1000.0
    """``dtof_histogram``: photons that a white block at a tenth of the range returns."""
    background_photons: float = 100.0
    """``dtof_histogram``: photons per block that arrive at any time alike."""
    noise_m: float = 0.0
    """Standard deviation [m] of Gaussian noise."""
    noise_share: float = 0.0
    """Standard deviation of further Gaussian noise as a share of the depth."""
    step_m: float = 0.0
    """Depth is rounded to multiples of this [m]; 0: it is not."""
    holes: float = 0.0
    """Probability that an LR pixel is lost."""
    edge_holes: float = 0.0
    """Probability that an LR pixel at a depth edge is lost."""
    edge_jump_m: float = 0.3
    """Least difference [m] to one of the four neighbours that makes a depth edge."""
    dark_holes: float = 0.0
    """Probability that an LR pixel on a dark surface is lost."""
    dark_luma: float = 0.1
    """Greatest mean luma of the block of a dark surface, 0 to 1."""
    preset: str = ""
    """A device of :data:`stdnet_arch.data.lq.sensors.PRESETS`, which makes LR depth from GT in the
    place of a rule (``lq: auto``); the other effects come on top."""
    camera: str = ""
    """A camera of :data:`stdnet_arch.data.lq.cameras.CAMERAS`, which RGB is seen through."""
    shift_px: float = 0.0
    """RGB is shifted by at most this [HR px] along each axis; one draw per window or clip."""
    parallax_px: float = 0.0
    """RGB is further shifted by at most this [HR px] over the depth [m]; one draw likewise."""
    offset_m: float = 0.0
    """The colour camera stands at most this [m] beside its place along each axis; the same draw.
    The focal length is that of the source, or the longer side of its frames."""
    seed: int = 0
    """In tests: another number, other noise. Training draws again for every window and epoch."""

    def __post_init__(self) -> None:
        """Check that nothing is negative and shares are at most 1."""
        for name, known in (("preset", PRESETS), ("camera", CAMERAS)):
            value = getattr(self, name)
            if value and value not in known:
                raise ValueError(
                    f"sensor_opt: {name} must be one of {', '.join(known)}; got {value!r}"
                )
        for name, value in vars(self).items():
            if isinstance(value, str):
                continue
            most = 1 if name in _SHARES else float("inf")
            if not 0 <= value <= most:
                wanted = "in [0, 1]" if name in _SHARES else ">= 0"
                raise ValueError(f"sensor_opt: {name} must be {wanted}; got {value!r}")

    @property
    def moves_guide(self) -> bool:
        """Tell whether RGB is misaligned."""
        return self.shift_px > 0 or self.parallax_px > 0 or self.offset_m > 0

    @property
    def is_random(self) -> bool:
        """Tell whether effects other than photons leave anything to chance."""
        chances = (self.noise_m, self.noise_share, self.holes, self.edge_holes, self.dark_holes)
        drawn = self.moves_guide or bool(self.camera) or self.preset not in STEADY
        return drawn or any(chances)

    def margin(self, mode: str) -> int:
        """LR pixels around a crop that LR depth in it may depend on."""
        around = PRESET_MARGIN if self.preset not in STEADY else 0
        return lq_margin(mode) + (1 if self.edge_holes else 0) + around

    def photons(self, rng: np.random.Generator) -> Photons:
        """Photons that ``dtof_histogram`` counts."""
        return Photons(self.signal_photons, self.background_photons, rng)


def frame_rng(seed: int, clip: str, i: int | None = None) -> np.random.Generator:
    """The generator of one frame of a clip, or of what is the same in all its frames."""
    entropy = (seed, zlib.crc32(clip.encode()))
    # The key, because entropy of another length is filled up with zeros, which is frame 0.
    return np.random.default_rng(
        np.random.SeedSequence(entropy, spawn_key=() if i is None else (i,))
    )


def disturb_lq(
    lq_m: NDArray[np.float32],
    rgb_uint8: NDArray[np.uint8],
    options: SensorOptions,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """LR depth as such a sensor would give it.

    Args:
        lq_m: depth [m], ``(h, w)``, 0 where nothing was measured.
        rgb_uint8: colours of the scene, ``(H, W, 3)``, aligned.
        options: effects and their amounts.
        rng: generator of random numbers.

    Returns:
        Depth [m], ``(h, w)``; ``lq_m`` itself if the sensor is perfect.
    """
    o = options
    if o.dark_holes:
        lq_m = effects.drop_dark(lq_m, rgb_uint8, o.dark_holes, o.dark_luma, rng)
    if o.edge_holes:
        lq_m = effects.drop_edges(lq_m, o.edge_holes, o.edge_jump_m, rng)
    if o.holes:
        lq_m = effects.drop_random(lq_m, o.holes, rng)
    if o.noise_m or o.noise_share:
        lq_m = effects.add_noise(lq_m, o.noise_m, o.noise_share, rng)
    return effects.quantize(lq_m, o.step_m) if o.step_m else lq_m


def measure(
    depth_m: NDArray[np.floating],
    rgb_uint8: NDArray[np.uint8],
    scale: int,
    preset: str,
    rngs: tuple[np.random.Generator, np.random.Generator],
) -> tuple[NDArray[np.float32], NDArray[np.uint8] | None]:
    """LR depth as a device of :data:`stdnet_arch.data.lq.sensors.PRESETS` gives it.

    Args:
        depth_m: depth [m], ``(H, W)``; 0, negative and not finite: unknown.
        rgb_uint8: colours of the same pixels, ``(H, W, 3)``.
        scale: HR pixels per LR pixel.
        preset: the device.
        rngs: generators of the clip's device, and of the frame's noise.

    Returns:
        Depth [m], ``(h, w)``, 0 where nothing was measured; confidence from 0 (low) to 2 (high),
        ``(h, w)``, or None of a device that gives none.
    """
    known = np.where(np.isfinite(depth_m) & (depth_m > 0), depth_m, 0).astype(np.float32)
    depth, colour = torch.from_numpy(known)[None, None], _colours(rgb_uint8)
    of_clip, of_frame = (torch_generator(rng) for rng in rngs)
    made = degrade(depth, colour, scale, preset, of_frame, clip_generator=of_clip)
    confidence = None if made.confidence is None else made.confidence[0, 0].numpy()
    return made.lq_m[0, 0].numpy(), confidence


def look_through(
    rgb_uint8: NDArray[np.uint8],
    camera: str,
    rngs: tuple[np.random.Generator, np.random.Generator],
    i: int,
) -> NDArray[np.uint8]:
    """Colours ``(H, W, 3)`` of frame ``i`` through a camera; ``rngs`` as in :func:`measure`."""
    of_clip, of_frame = (torch_generator(rng) for rng in rngs)
    seen = disturb_rgb(_colours(rgb_uint8)[None], camera, of_clip, of_frame, first=i)[0, 0]
    return (seen * 255).round().byte().permute(1, 2, 0).contiguous().numpy()


def torch_generator(rng: np.random.Generator) -> torch.Generator:
    """A generator of PyTorch seeded by one of NumPy."""
    return torch.Generator().manual_seed(int(rng.integers(2**62)))


def _colours(rgb_uint8: NDArray[np.uint8]) -> torch.Tensor:
    """``(1, 3, H, W)`` in [0, 1]."""
    return torch.tensor(rgb_uint8).permute(2, 0, 1)[None].float() / 255


def disturb_guide(
    rgb_uint8: NDArray[np.uint8],
    depth_m: NDArray[np.floating],
    options: SensorOptions,
    rng: np.random.Generator,
    corner: tuple[int, int] = (0, 0),
    focal_px: tuple[float, float] = (0.0, 0.0),
) -> NDArray[np.uint8]:
    """Colour of a misaligned camera; generators in the same state make the same camera.

    Args:
        rgb_uint8: a whole frame, ``(H, W, 3)``.
        depth_m: HR depth of the frame or of a crop [m].
        options: limits of the misalignment.
        rng: generator of random numbers.
        corner: row and column of the crop in the frame.
        focal_px: focal lengths of the frame, along rows and columns; only for ``offset_m``.

    Returns:
        Colours of the pixels of ``depth_m``.
    """
    dy, dx, py, px = rng.uniform(-1, 1, 4)
    shift = (options.shift_px * dy, options.shift_px * dx)
    across, along = (options.parallax_px + options.offset_m * f for f in focal_px)
    parallax = (across * py, along * px)
    return effects.misalign(rgb_uint8, depth_m, shift, parallax, corner)
