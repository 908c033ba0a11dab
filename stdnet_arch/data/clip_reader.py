"""Frames of a clip, cropped, checked and cleaned: the one way from a source to both datasets."""

import logging
from collections.abc import Sequence

import numpy as np
import torch

from stdnet_arch.data.augment import FLOW, Clip, CropBox, as_tensor
from stdnet_arch.data.database.lmdb_source import LmdbSource, find_spans, open_source
from stdnet_arch.data.dataset_options import ReadOptions
from stdnet_arch.data.lq.degradation import RANDOM_LQ_MODES, make_lq
from stdnet_arch.data.lq.sensor_model import (
    disturb_guide,
    disturb_lq,
    frame_rng,
    look_through,
    measure,
)
from stdnet_arch.data.sources.clip_list import ClipSpan
from stdnet_arch.data.sources.source import Sliceable, location

LOGGER = logging.getLogger("stdnet_arch")


class ClipReader:
    """Reads windows of clips as the options say; the clips are looked up on construction.

    Args:
        options: options of reading.
        far_frames: a frame whose every depth is beyond the range is read, once another was within
            it. The first such frame is told. Without it, each is an error. Wrong units show in the
            first frame; a training must not end hours later at a view into the distance.
    """

    def __init__(self, options: ReadOptions, far_frames: bool = False) -> None:
        """Build the source and resolve the clip list."""
        self.options = options
        self._far_frames, self._was_within, self._told = far_frames, False, False
        self.source = open_source(options)
        self.spans = find_spans(self.source, options.clips)
        self.range_m = float(options.depth_range_m or self.source.default_range_m)
        self._lr_sizes = {
            span.clip: self._probe(span, first=k == 0) for k, span in enumerate(self.spans)
        }

    def lr_size(self, clip: str) -> tuple[int, int]:
        """LR height and width of a listed clip."""
        return self._lr_sizes[clip]

    @property
    def is_random(self) -> bool:
        """Tell whether another seed makes other frames."""
        return self.options.lq in RANDOM_LQ_MODES or self.options.sensor_opt.is_random

    def read(self, clip: str, frames: Sequence[int], box: CropBox, seed: int = 0) -> Clip:
        """Some frames of a clip within ``box``; the same for the same arguments.

        Returns:
            ``lq (t', h, w)`` and ``gt (t, H, W)`` float32 metres, finite and >= 0; ``valid
            (t, H, W)`` bool; ``guide (t, H, W, 3)`` uint8. Only every ``lq_every``-th of the frames
            has LR depth, so ``t'`` is ``ceil(t / lq_every)``. ``confidence (t', h, w)`` uint8 from
            0 to 2, if the device of ``sensor_opt: {preset: ..}`` gives it.
        """
        every = self.options.lq_every
        parts = [self._read_frame(clip, i, box, seed, k % every == 0) for k, i in enumerate(frames)]
        return {name: np.stack([p[name] for p in parts if name in p]) for name in parts[0]}

    def variation(self, clip: str, i: int, box: CropBox) -> float:
        """Measure how much depth varies in a box of frame ``i``, in metres.

        Standard deviation of the depths in range, on every ``scale``-th pixel: about what the LR
        frame would show, without simulating one per candidate.
        """
        step = self.options.scale
        depth = np.asarray(self.source.depth_m(clip, i)[box.hr(step)][::step, ::step])
        inside = depth[(depth > 0) & (depth <= self.range_m)]
        return float(inside.std()) if inside.size else 0.0

    def _probe(self, span: ClipSpan, first: bool) -> tuple[int, int]:
        """LR size of a clip; raises here what is wrong with its first frame, not hours later.

        Of drawn clips, which know their size, only the first one (of each part) is drawn for it.
        """
        ask = None if first else getattr(self.source, "frame_size", None)
        known = ask(span.clip) if ask else None
        height, width = known or self.source.depth_m(span.clip, span.start).shape
        scale = self.options.scale
        if height % scale or width % scale:
            name = location(self.source, span.clip, span.start, "depth")
            raise ValueError(
                f"{name}: expected sides that are multiples of scale {scale}; got {height}x{width}"
            )
        size = height // scale, width // scale
        self._stored_lq(span.clip, span.start, size)
        return size

    def _read_frame(self, clip: str, i: int, box: CropBox, seed: int, measured: bool) -> Clip:
        scale, sensor = self.options.scale, self.options.sensor_opt
        whole = self.source.depth_m(clip, i)
        rgb = self.source.guide(clip, i)
        h, w = self.lr_size(clip)
        self._check_size(whole.shape, (h * scale, w * scale), clip, i, "depth")
        self._check_size(rgb.shape[:2], (h * scale, w * scale), clip, i, "guide")
        guide = rgb[box.hr(scale)]
        depth = np.array(whole[box.hr(scale)])
        self._check_no_negative(depth, clip, i, "depth")
        gt, valid = clean_depth(depth, self.range_m, self.options.beyond_range)
        if valid.any():
            self._was_within = True
        else:
            self._check_any_valid(np.asarray(whole), clip, i)
        part = {"gt": gt, "valid": valid}
        if measured:
            rngs = frame_rng(seed, clip), frame_rng(seed, clip, i)
            part |= self._low_resolution(whole, rgb, (clip, i), box, rngs)
        if sensor.moves_guide:
            corner = (box.top * scale, box.left * scale)
            rng, focal_px = (
                frame_rng(seed, clip),
                self._focal_px(clip) if sensor.offset_m else (0, 0),
            )
            guide = disturb_guide(np.asarray(rgb), depth, sensor, rng, corner, focal_px)
        if sensor.camera:
            # Other numbers than the depth sensor's, which has the frame's own generator.
            rngs = frame_rng(seed, f"{clip}/rgb"), frame_rng(seed, f"{clip}/rgb", i)
            guide = look_through(np.asarray(guide), sensor.camera, rngs, i)
        return {**part, "guide": guide}

    def _low_resolution(
        self,
        whole: Sliceable,
        rgb: Sliceable,
        frame: tuple[str, int],
        box: CropBox,
        rngs: tuple[np.random.Generator, np.random.Generator],
    ) -> Clip:
        options, (clip, i), rng = self.options, frame, rngs[1]
        confidence: np.ndarray | None = None
        mode = "dtof_peak" if options.lq == "auto" else options.lq
        size = self.lr_size(clip)
        # With what effects and kernels see beyond the crop, it gets the LR of the whole frame.
        seen = box.grown(options.sensor_opt.margin(mode), *size)
        colour = rgb[seen.hr(options.scale)]
        stored = self._stored_lq(clip, i, size)
        if options.sensor_opt.preset:
            depth = np.array(whole[seen.hr(options.scale)])
            preset = options.sensor_opt.preset
            lq, confidence = measure(depth, np.asarray(colour), options.scale, preset, rngs)
        elif stored is None:
            depth = np.array(whole[seen.hr(options.scale)])
            sensor = options.dtof_range_m, options.dtof_bins, options.sensor_opt.photons(rng)
            lq = make_lq(mode, depth, colour, options.scale, *sensor)
        else:
            lq = np.array(stored[seen.lr()])
            self._check_no_negative(lq, clip, i, f"lq{options.scale}")
        lq = clean_lq(lq, self.range_m, options.beyond_range)
        inner = box.within(seen).lr()
        lq = disturb_lq(lq, colour, options.sensor_opt, rng)[inner]
        made = {"lq": clean_lq(lq, self.range_m, options.beyond_range)}
        if confidence is not None:
            # What further effects have lost has none.
            made["confidence"] = np.where(made["lq"] > 0, confidence[inner], np.uint8(0))
        return made

    def _focal_px(self, clip: str) -> tuple[float, float]:
        """Focal length along rows and columns; the longer side where the source knows none."""
        ask = getattr(self.source, "intrinsics_px", None)
        camera = ask(clip) if ask else None
        if camera is None:
            side = float(max(self.lr_size(clip)) * self.options.scale)
            return side, side
        return float(camera[1]), float(camera[0])

    def _stored_lq(self, clip: str, i: int, size: tuple[int, int]) -> np.ndarray | None:
        options = self.options
        if options.lq not in {"auto", "files"}:
            return None
        stored = self.source.lq_m(clip, i, options.scale)
        if stored is not None:
            if options.lq == "auto" and isinstance(self.source, LmdbSource):
                sensor = options.dtof_range_m, options.dtof_bins
                self.source.check_lq_auto(clip, i, options.scale, *sensor)
            self._check_size(stored.shape, size, clip, i, f"lq{options.scale}")
        elif options.lq == "files":
            on_disk = options.io_backend["type"] == "disk"
            unnamed = on_disk and options.source == "Folder" and "lq" not in options.source_opt
            hint = ' (name their folder: source_opt: {lq: "lq_x{scale}"})' if unnamed else ""
            raise FileNotFoundError(
                f"lq is files: expected x{options.scale} LR files for clip {clip!r} under"
                f" {options.dataroot!r}; got none{hint}"
            )
        return stored

    def _check_size(
        self, got: Sequence[int], expected: Sequence[int], clip: str, i: int, what: str
    ) -> None:
        if tuple(got) != tuple(expected):
            name = location(self.source, clip, i, what)
            raise ValueError(
                f"{name}: expected {expected[0]}x{expected[1]}, as the clip's first depth frame at"
                f" scale {self.options.scale} demands; got {'x'.join(map(str, got))}"
            )

    def _check_no_negative(self, depth_m: np.ndarray, clip: str, i: int, what: str) -> None:
        if (depth_m < 0).any():
            name = location(self.source, clip, i, what)
            raise ValueError(f"{name}: expected depth >= 0 m; got {np.nanmin(depth_m):g} m")

    def _check_any_valid(self, whole: np.ndarray, clip: str, i: int) -> None:
        # A crop may well show only sky; a whole frame without a valid pixel is a broken file.
        if clean_depth(whole, self.range_m, self.options.beyond_range)[1].any():
            self._was_within = True
            return
        finite = whole[np.isfinite(whole)]
        if self._far_frames and self._was_within and (finite > self.range_m).any():
            if not self._told:
                LOGGER.warning(
                    "%s: every depth is beyond depth_range_m (%g m), so that none of it counts; "
                    "further frames like this are not told",
                    location(self.source, clip, i, "depth"),
                    self.range_m,
                )
            self._told = True
            return
        got = f"{finite.min():g}..{finite.max():g} m" if finite.size else "no finite value"
        raise ValueError(
            f"{location(self.source, clip, i, 'depth')}: expected at least one valid pixel, in"
            f" (0, {self.range_m:g}] m; got {got} (is the unit or depth_range_m right?)"
        )


def clean_depth(depth_m: np.ndarray, range_m: float, beyond: str) -> tuple[np.ndarray, np.ndarray]:
    """GT without a number that must not count.

    Args:
        depth_m: any shape, metres, >= 0 or not finite.
        range_m: the farthest depth that counts.
        beyond: treatment of farther depths: ``invalid``, ``clip`` (become ``range_m``) or ``keep``.

    Returns:
        Metres with every invalid pixel 0, and the mask of the valid ones.
    """
    valid = np.isfinite(depth_m) & (depth_m > 0)
    if beyond == "invalid":
        valid &= depth_m <= range_m
    gt = np.where(valid, depth_m, np.float32(0))
    return (np.minimum(gt, np.float32(range_m)) if beyond == "clip" else gt), valid


def clean_lq(lq_m: np.ndarray, range_m: float, beyond: str) -> np.ndarray:
    """LR depth as the network may see it: finite, 0 for "no return", at most the range.

    A return beyond the range becomes the range rather than 0, "at least this far": a 0 would pull
    the interpolated surroundings of far pixels to the camera. ``beyond="keep"`` leaves it.
    """
    lq = np.where(np.isfinite(lq_m), lq_m, np.float32(0))
    return lq if beyond == "keep" else np.minimum(lq, np.float32(range_m))


def to_item(
    clip: Clip, range_m: float, span: ClipSpan, name: str, *, as_bytes: bool = False
) -> dict[str, object]:
    """Arrays of :meth:`ClipReader.read` as one item of a dataset.

    Args:
        clip: lq and gt in metres; guide uint8, or float32 in [0, 1].
        range_m: divisor of depths [m].
        span: the frames that were read.
        name: name of the clip in tables.
        as_bytes: leave a uint8 guide as it is.

    Returns:
        ``lq (t',1,h,w)``, ``gt (t,1,H,W)``, ``guide (t,3,H,W)`` float32, ``valid (t,1,H,W)`` bool,
        ``depth_range_m`` (scalar tensor), ``clip``, ``frame`` (index of the first frame).
        ``flow_px (t-1,2,H,W)`` float32 and ``confidence (t',1,h,w)`` uint8 if the clip has them.
    """
    # Ordered while it is small: bytes move faster than floats.
    guide = np.ascontiguousarray(clip["guide"].transpose(0, 3, 1, 2))
    if guide.dtype == np.uint8 and not as_bytes:
        guide = guide.astype(np.float32) / 255
    extras = {}
    if FLOW in clip:
        extras[FLOW] = as_tensor(clip[FLOW].transpose(0, 3, 1, 2).astype(np.float32))
    if "confidence" in clip:
        extras["confidence"] = as_tensor(clip["confidence"][:, None])
    return {
        **extras,
        "lq": as_tensor(clip["lq"][:, None] / np.float32(range_m)),
        "guide": as_tensor(guide),
        "gt": as_tensor(clip["gt"][:, None] / np.float32(range_m)),
        "valid": as_tensor(clip["valid"][:, None]),
        "depth_range_m": torch.tensor(range_m, dtype=torch.float32),
        "clip": name,
        "frame": span.start,
    }
