"""Active stereo, as RealSense D4xx cameras do it: what matching windows and two views get wrong.

Source of the numbers: Intel, "Tuning depth cameras for best performance" and "Projectors for D400
series": a baseline of 50 mm, disparities in 32nds of a pixel, errors of about 0.05 to 0.2 pixels.
They are fixed in disparity, so that depth errors grow with the square of depth.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from stdnet_arch.data.lq.sensor_draws import SensorClip, SensorView

SUBPIXELS = 32


def realsense(view: SensorView) -> SensorClip:
    """Depth by stereo matching.

    - Disparity (``20 to 50 px m`` over depth) has noise and steps of a 32nd of a pixel.
    - Where there is no texture, foreground grows over the background by half a window, and the
      depth of plain surfaces waves.
    - Left of things lies the part of the background that the right camera does not see: a hole.
    - Holes, too: very dark or plain places, single pixels, and nearer than 0.15 to 0.3 m.
    """
    exact = view.middle_m()
    product = view.log_uniform(20, 50)  # focal length in sensor pixels times baseline [px m]
    native = view.log_uniform(1.0, 4.0)  # sensor pixels per LR pixel
    # Depth that is not known must not count as a thing at the camera, which would hide all else.
    disparity = torch.where(exact > 0, product / exact.clamp_min(0.05), 0)
    texture = view.texture()
    plain = texture < view.log_uniform(0.004, 0.05) * torch.exp(0.4 * view.spots(texture, 4))
    grown = _grow(view, disparity)
    disparity = torch.where(plain | (view.uniform() < 0.3), grown, disparity)
    noise = view.normal(exact) * view.log_uniform(0.02, 0.15)
    waves = view.spots(exact, 6) * view.log_uniform(0.02, 0.2) * (0.3 + plain)
    seen = disparity + noise + waves
    stepped = ((seen * SUBPIXELS).round() / SUBPIXELS).clamp_min(1 / SUBPIXELS)
    lq_m = product / stepped
    hidden = _hidden(disparity / native) & (view.uniform() < 0.85)
    measured = ~hidden & ~_unmatched(view, plain) & (exact > view.uniform(0.15, 0.3))
    median = lq_m.flatten(1).median(1).values
    step_m = median**2 / (product.flatten() * SUBPIXELS)
    return view.clip(lq_m, measured, step_m)


def _grow(view: SensorView, disparity: Tensor) -> Tensor:
    """The nearest surface within half a matching window: 1 or 2 LR pixels, in ragged places."""
    one = F.max_pool2d(disparity, 3, 1, 1)
    two = F.max_pool2d(disparity, 5, 1, 2)
    wide = view.spots(disparity, 3) + view.uniform(-2, 1.5)
    return torch.where(wide > 1, two, torch.where(wide > -0.3, one, disparity))


def _hidden(shift: Tensor) -> Tensor:
    """Pixels that the right camera sees behind something: their place there is taken.

    A pixel at ``x`` is seen at ``x - shift``. It is hidden if one further right comes to lie at or
    left of that place.
    """
    place = torch.arange(shift.shape[-1], device=shift.device) - shift
    further = F.pad(place[..., 1:], (0, 1), value=float("inf"))
    return place >= further.flip(-1).cummin(-1).values.flip(-1)


def _unmatched(view: SensorView, plain: Tensor) -> Tensor:
    """Pixels without a match: dark, plain in places, or by bad luck."""
    dark = view.luma() < view.uniform(-0.02, 0.06)
    patchy = view.spots(plain.float(), 5) > view.uniform(0.3, 3.0)
    luck = view.normal(plain.float()) > view.uniform(2.2, 4.0)
    return dark | (plain & patchy) | luck
