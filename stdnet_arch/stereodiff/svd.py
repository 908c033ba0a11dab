"""Stage 2's network: Stable Video Diffusion's parts, from a folder that the user supplies.

Nothing is ever downloaded. The libraries are the extra ``diffusion``.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stdnet_arch.utils.input_errors import reading

CONTEXTS = ("clip", "zeros")
FPS, MOTION, NOISE_AUGMENTATION = 7, 127, 0.02
"""The ids that DepthCrafter gives its network for time, motion and noise."""
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_DEVIATION = (0.26862954, 0.26130258, 0.27577711)
WEIGHTS = "diffusion_pytorch_model"
SAMPLED = 1 << 20  # bytes at the start of a file that name it


class Parts(NamedTuple):
    """Networks and settings of a diffusion step."""

    unet: Any
    """``UNetSpatioTemporalConditionModel`` with 8 channels in."""
    vae: Any
    """``AutoencoderKLTemporalDecoder``."""
    scheduler: Any
    """``EulerDiscreteScheduler``."""
    image_encoder: Any = None
    """``CLIPVisionModelWithProjection``; None: zeros stand for its picture of each frame."""


def load_parts(folder: Path, unet: Path | None = None, context: str = "clip") -> Parts:
    """Read the parts of Stable Video Diffusion from local folders in diffusers' layout.

    Args:
        folder: holds ``vae``, ``scheduler``, ``unet`` and ``image_encoder``.
        unet: another folder with a network of the same kind and its ``config.json``, such as one
            that was trained to make depth; it wins over ``folder/unet``.
        context: ``clip``, or ``zeros``: no image encoder.

    Raises:
        FileNotFoundError: a part is missing.
        ValueError: weights do not fit their ``config.json``, or another ``context``.
        ImportError: the extra ``diffusion`` is not installed.
    """
    if context not in CONTEXTS:
        raise ValueError(f"context must be one of {', '.join(CONTEXTS)}; got {context!r}")
    diffusers = import_diffusers()
    kinds = {
        "unet": (diffusers.UNetSpatioTemporalConditionModel, unet or folder / "unet"),
        "vae": (diffusers.AutoencoderKLTemporalDecoder, folder / "vae"),
    }
    parts = {name: _load(kind, place) for name, (kind, place) in kinds.items()}
    _expect(folder / "scheduler" / "scheduler_config.json")
    scheduler = diffusers.EulerDiscreteScheduler.from_pretrained(
        folder / "scheduler", local_files_only=True
    )
    encoder = _load_encoder(folder / "image_encoder") if context == "clip" else None
    return Parts(parts["unet"], parts["vae"], scheduler, encoder)


def check_folders(folder: Path, unet: Path | None = None, context: str = "clip") -> None:
    """Look for all that :func:`load_parts` reads, without loading it: hours later is too late.

    Args:
        folder: see :func:`load_parts`, as the others.
        unet: wins over ``folder/unet``.
        context: ``clip`` needs the image encoder.

    Raises:
        FileNotFoundError: a part, its configuration or its weights are missing.
        ImportError: the extra ``diffusion`` is not installed.
    """
    import_diffusers()
    for place in (unet or folder / "unet", folder / "vae"):
        _expect_part(place)
    _expect(folder / "scheduler" / "scheduler_config.json")
    if context == "clip":
        import_encoder()
        _expect_encoder(folder / "image_encoder")


def fingerprint(folder: Path, unet: Path | None = None) -> str:
    """A name for the weights: sizes, beginnings and configurations of the files (not all bytes:
    there are gigabytes).
    """
    digest = hashlib.sha256()
    places = [folder] if unet is None else [folder, unet]
    files = [(path, place) for place in places for path in sorted(place.rglob("*"))]
    for path, place in files:
        if path.suffix in {".json", ".safetensors", ".bin"}:
            digest.update(f"{path.relative_to(place)} {path.stat().st_size} ".encode())
            with path.open("rb") as file:
                digest.update(file.read(SAMPLED))
    return digest.hexdigest()


class SVDStep:
    """One diffusion step on a window of depth, after StereoDiff.

    The depth's latent gets noise of an early step's strength. The network takes all of it away in a
    single step, with the RGB of the frames beside it. Of ``steps`` noise levels (SVD's with 4: 700,
    70.5, 2.27, 0.002) the window is noised to number ``start`` and lands on the next one.

    Args:
        parts: the networks; they are moved to the device.
        steps: number of steps of the schedule, the paper's T.
        start: index of the noise level, the paper's t = 2.
        device: target device.
        half: the UNet in float16, for CUDA; the VAE stays float32, as its weights ask for.
        frames_at_once: that the VAE takes; bounds its memory.

    Raises:
        ValueError: a step that is none, or parts that do not fit one another.
    """

    def __init__(
        self,
        parts: Parts,
        steps: int = 4,
        start: int = 2,
        device: torch.device | str = "cpu",
        half: bool = False,
        frames_at_once: int = 8,
    ) -> None:
        if not 0 <= start < steps or frames_at_once < 1:
            raise ValueError(
                "a diffusion step needs 0 <= start < steps and frames_at_once >= 1; got "
                f"{start}, {steps}, {frames_at_once}"
            )
        latent = parts.vae.config.latent_channels
        if parts.unet.config.in_channels != 2 * latent:
            raise ValueError(
                f"the UNet must take the latents of depth and RGB, {2 * latent} channels; got "
                f"{parts.unet.config.in_channels}"
            )
        self.steps, self.start, self.at_once = steps, start, frames_at_once
        self.device = torch.device(device)
        self.dtype = torch.float16 if half else torch.float32
        unet, vae = (module.eval().to(self.device) for module in (parts.unet, parts.vae))
        encoder = parts.image_encoder
        self.parts = Parts(
            unet.half() if half else unet.float(),
            vae.float(),
            parts.scheduler,
            None if encoder is None else encoder.eval().to(self.device),
        )

    @torch.no_grad()
    def refine(self, disparity: Tensor, rgb: Tensor, seed: int) -> Tensor:
        """Refine a window.

        Args:
            disparity: in [0, 1], ``(t, 1, H, W)``; sides divisible by 64.
            rgb: the same frames, uint8, ``(t, 3, H, W)``.
            seed: seed of the noise.

        Returns:
            Disparity up to scale and shift, float32 on the CPU, ``(t, 1, H, W)``.
        """
        depth_latent = self._encode(disparity.expand(-1, 3, -1, -1))
        depth_latent = depth_latent * self.parts.vae.config.scaling_factor
        noise = torch.randn(depth_latent.shape, generator=torch.Generator().manual_seed(seed))
        clean = self.step(depth_latent, self._encode(rgb), self._context(rgb), noise)
        return self._decode(clean / self.parts.vae.config.scaling_factor)

    def step(self, latent: Tensor, rgb_latent: Tensor, context: Tensor, noise: Tensor) -> Tensor:
        """Noise up, then one Euler step down; all ``(t, c, h, w)``, but ``context (t, 1, d)``."""
        kind = type(self.parts.scheduler)
        scheduler: Any = kind.from_config(self.parts.scheduler.config, timestep_spacing="trailing")
        scheduler.set_timesteps(self.steps)
        scheduler.set_begin_index(self.start)
        time = scheduler.timesteps[self.start]
        noisy = latent + float(scheduler.sigmas[self.start]) * noise.to(latent)
        both = torch.cat([scheduler.scale_model_input(noisy, time), rgb_latent], 1)[None]
        ids = torch.tensor([[FPS, MOTION, NOISE_AUGMENTATION]], device=self.device)
        with context_per_frame(self.parts.unet, context.to(self.dtype)):
            output = self.parts.unet(
                both.to(self.dtype), time.to(self.device), context[:1].to(self.dtype),
                added_time_ids=ids.to(self.dtype), return_dict=False,
            )[0]  # fmt: skip
        return scheduler.step(output[0].float(), time, noisy).prev_sample

    def _encode(self, pictures: Tensor) -> Tensor:
        """The most probable latent of pictures, uint8 or in [0, 1]."""
        vae = self.parts.vae
        parts = (_in_unit(part.to(self.device)) for part in pictures.split(self.at_once))
        return torch.cat([vae.encode(2 * part - 1).latent_dist.mode() for part in parts])

    def _decode(self, latent: Tensor) -> Tensor:
        """The mean of the colours, in [0, 1] but for overshoots."""
        pictures = [
            self.parts.vae.decode(part, num_frames=len(part)).sample.mean(1, keepdim=True).cpu()
            for part in latent.split(self.at_once)
        ]
        return torch.cat(pictures) / 2 + 0.5

    def _context(self, colors: Tensor) -> Tensor:
        """Embed each frame by CLIP, ``(t, 1, d)``."""
        encoder = self.parts.image_encoder
        if encoder is None:
            width = self.parts.unet.config.cross_attention_dim
            return torch.zeros(len(colors), 1, width, device=self.device)
        side = encoder.config.image_size
        mean, deviation = (torch.tensor(x).view(3, 1, 1) for x in (CLIP_MEAN, CLIP_DEVIATION))
        seen = []
        for part in colors.split(self.at_once):
            small = F.interpolate(_in_unit(part), (side, side), mode="bicubic", antialias=True)
            normal = (small.clamp(0, 1) - mean) / deviation
            seen.append(encoder(normal.to(self.device)).image_embeds)
        return torch.cat(seen).unsqueeze(1)


@contextmanager
def context_per_frame(unet: nn.Module, context: Tensor) -> Iterator[None]:
    """Inside, every block of the UNet sees each frame's own context, as DepthCrafter's does.

    The library repeats the first frame's for all; the network itself is not touched.

    Args:
        unet: ``UNetSpatioTemporalConditionModel``.
        context: ``(b * t, 1, d)``.
    """

    def own(_: nn.Module, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
        if "encoder_hidden_states" in kwargs:
            kwargs = {**kwargs, "encoder_hidden_states": context}
        return args, kwargs

    net: Any = unet
    blocks = [*net.down_blocks, net.mid_block, *net.up_blocks]
    hooks = [block.register_forward_pre_hook(own, with_kwargs=True) for block in blocks]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _in_unit(pictures: Tensor) -> Tensor:
    """In [0, 1], whether they are bytes or that already."""
    return pictures.float() / 255 if pictures.dtype == torch.uint8 else pictures


def import_diffusers() -> Any:  # noqa: ANN401  an optional library
    """The library, or an error that says how to get it."""
    try:
        import diffusers
    except ImportError as error:
        raise ImportError(
            "stage 2 needs diffusers: pip install 'stdnet_arch[diffusion]'; got no such module"
        ) from error
    return diffusers


def _load(kind: Any, place: Path) -> Any:  # noqa: ANN401  classes of an optional library
    _expect_part(place)
    plain = any(place.glob(f"{WEIGHTS}.safetensors*")) or any(place.glob(f"{WEIGHTS}-*"))
    half = not plain and any(place.glob(f"{WEIGHTS}.fp16*"))
    try:
        net, report = kind.from_pretrained(
            place, local_files_only=True, low_cpu_mem_usage=False, output_loading_info=True,
            variant="fp16" if half else None,
        )  # fmt: skip
    except (OSError, RuntimeError, ValueError) as error:
        raise ValueError(f"{place}: the weights cannot be loaded: {error}") from error
    _check_complete(place, report)
    return net


def import_encoder() -> Any:  # noqa: ANN401  a class of an optional library
    """The class of CLIP's image encoder, or an error that says how to get it."""
    try:
        from transformers import CLIPVisionModelWithProjection
    except ImportError as error:
        raise ImportError(
            "CLIP's image encoder needs transformers: pip install 'stdnet_arch[diffusion]'; got no "
            "such module"
        ) from error
    return CLIPVisionModelWithProjection


def _load_encoder(place: Path) -> Any:  # noqa: ANN401  a class of an optional library
    _expect_encoder(place)
    half = not any(place.glob("model.safetensors")) and any(place.glob("model.fp16.*"))
    net, report = import_encoder().from_pretrained(
        place, local_files_only=True, output_loading_info=True, variant="fp16" if half else None
    )
    _check_complete(place, report)
    return net.float()


def _check_complete(place: Path, report: dict[str, Any]) -> None:
    """A parameter without stored values would be random, and nobody would see it."""
    wrong = {name: list(report.get(name) or ()) for name in ("missing_keys", "mismatched_keys")}
    said = [f"{len(keys)} {name}, such as {keys[0]}" for name, keys in wrong.items() if keys]
    if said:
        raise ValueError(f"{place}: the weights do not fit config.json: {'; '.join(said)}")


def _expect_encoder(place: Path) -> None:
    if not (place / "config.json").is_file():
        raise FileNotFoundError(
            f"expected CLIP's image encoder at {place}; it is not there (context: zeros does "
            "without, which is not how SVD was trained)"
        )
    _expect_part(place)


def _expect_part(place: Path) -> None:
    """Raise unless a folder has a configuration, weights, and every file that an index names."""
    _expect(place / "config.json")
    found = [*place.glob("*.safetensors"), *place.glob("*.bin")]
    if not any(path.stat().st_size for path in found):
        raise FileNotFoundError(f"expected weights (*.safetensors or *.bin) in {place}; got none")
    for index in place.glob("*.index*.json"):
        with reading(index, "JSON with a weight_map"):
            names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        for name in sorted(names):
            _expect(place / Path(name).name)


def _expect(path: Path) -> None:
    if not path.is_file():
        raise FileNotFoundError(f"expected {path} (diffusers' layout); it does not exist")
