"""Low-resolution depth of a whole dataset as files, the same as the datasets make on the fly."""

from collections.abc import Iterator
from pathlib import Path

from stdnet_arch.data.augment import CropBox
from stdnet_arch.data.clip_reader import ClipReader
from stdnet_arch.data.codecs.depth_codec import encode_npy
from stdnet_arch.data.dataset_options import TestOptions
from stdnet_arch.data.sources.clip_list import ClipSpan
from stdnet_arch.data.sources.source import location
from stdnet_arch.utils.whole_file import whole_file


def write_lq(options: TestOptions, out: str) -> Iterator[Path]:
    """Write the LR depth of every listed clip; one npy file per frame, float32 ``(h, w)`` metres.

    A file is called like the frame's depth file, so that it is found beside it. Noise is that of a
    test set with the same ``sensor_opt``. Nothing is limited to ``depth_range_m``.

    Args:
        options: source, scale, clips, ``lq`` and ``sensor_opt``.
        out: folder of a clip's files; ``{clip}`` and ``{scale}`` stand for themselves.

    Yields:
        The folder of each clip when it is finished.

    Raises:
        ValueError: ``out`` does not tell clips or scales apart, an option cannot be stored in LR
            files, or a frame is not fit.
        FileExistsError: a clip's folder already holds files.
    """
    if "{clip}" not in out or "{scale}" not in out:
        raise ValueError(
            f"expected {{clip}} and {{scale}} in the output folder, for example"
            f" 'lq_x{{scale}}/{{clip}}'; got {out!r}"
        )
    if options.source_opt.get("unit", "m") != "m":
        # A source reads LR files as it reads depth.
        raise ValueError(
            f"LR files are in metres, but would be read in unit {options.source_opt['unit']!r}:"
            " leave unit out (16-bit PNG are millimetres by themselves)"
        )
    if options.sensor_opt.moves_guide:
        raise ValueError(
            "shift_px, parallax_px and offset_m misalign RGB, which is not written: set them where"
            " the LR files are read"
        )
    if options.sensor_opt.camera:
        raise ValueError(
            f"camera {options.sensor_opt.camera} changes RGB, which is not written: set it where"
            " the LR files are read"
        )
    reader = ClipReader(options)
    folders = [
        Path(out.replace("{clip}", span.clip).replace("{scale}", str(options.scale))).expanduser()
        for span in reader.spans
    ]
    for folder in folders:
        if folder.is_dir() and any(folder.iterdir()):
            raise FileExistsError(
                f"expected no files in {folder} yet; got some: remove them or write elsewhere"
            )
    for folder, span in zip(folders, reader.spans, strict=True):
        _write_clip(reader, span, folder)
        yield folder


def _write_clip(reader: ClipReader, span: ClipSpan, folder: Path) -> None:
    box = CropBox(0, 0, *reader.lr_size(span.clip))
    for i in range(span.start, span.stop):
        clip = reader.read(span.clip, [i], box, reader.options.sensor_opt.seed)
        source = Path(location(reader.source, span.clip, i, "depth"))
        stem = source.stem if source.suffix else f"{i:06d}"  # some sources have no files
        with whole_file(folder / f"{stem}.npy") as part:
            part.write_bytes(encode_npy(clip["lq"][0]))
