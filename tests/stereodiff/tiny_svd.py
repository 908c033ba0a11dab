"""Stable Video Diffusion's parts, tiny, with random weights, as a user's folder would hold them."""

import pytest
import torch

UNET = {
    "in_channels": 8,
    "out_channels": 4,
    "down_block_types": ("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
    "up_block_types": ("UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"),
    "block_out_channels": (32, 64),
    "addition_time_embed_dim": 8,
    "projection_class_embeddings_input_dim": 24,
    "layers_per_block": 1,
    "cross_attention_dim": 16,
    "num_attention_heads": (2, 4),
}
VAE = {
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "block_out_channels": (32, 32, 32, 32),
    "latent_channels": 4,
    "layers_per_block": 1,
}
SCHEDULER = {  # as SVD's scheduler_config.json has it
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "v_prediction",
    "interpolation_type": "linear",
    "use_karras_sigmas": True,
    "sigma_min": 0.002,
    "sigma_max": 700.0,
    "timestep_spacing": "leading",
    "timestep_type": "continuous",
    "steps_offset": 1,
}


def make_parts():
    """Networks of a few thousand weights; always the same."""
    diffusers = pytest.importorskip("diffusers")
    torch.manual_seed(7)
    return (
        diffusers.UNetSpatioTemporalConditionModel(**UNET).eval(),
        diffusers.AutoencoderKLTemporalDecoder(**VAE).eval(),
        diffusers.EulerDiscreteScheduler(**SCHEDULER),
    )


def write_folder(folder):
    """The parts in diffusers' layout, without an image encoder."""
    for name, part in zip(("unet", "vae", "scheduler"), make_parts(), strict=True):
        part.save_pretrained(folder / name)
    return folder
