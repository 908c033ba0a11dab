"""Photographs as textures of layered scenes."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from stdnet_arch.data.codecs.depth_codec import load_npy
from stdnet_arch.data.synthetic.clip_pool import decode_jpeg
from stdnet_arch.data.synthetic.worlds.library import training_photos


def read_textures(path: Path) -> Tensor:
    """Read square photographs of one size.

    Args:
        path: a ``.npy``, uint8 ``(n, S, S, 3)`` RGB; or the ``photo_textures.npz`` that
            ``scripts/pack_worlds.py`` writes, without the photos of held-out worlds.

    Returns:
        uint8 RGB, ``(n, S, S, 3)``.

    Raises:
        ValueError: a photo cannot be decoded.
    """
    if path.suffix == ".npy":
        return torch.from_numpy(np.array(load_npy(path)))
    coded = (np.frombuffer(image, np.uint8) for image in training_photos(path))
    pictures = [decode_jpeg(image) for image in coded]
    return torch.from_numpy(np.stack(pictures))
