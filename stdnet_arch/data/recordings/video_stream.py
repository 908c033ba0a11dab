"""One picture stream of a video file: its times, and its frames as they are stored."""

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.utils.input_errors import check_regular, reading

LISTS = ("hls", "applehttp", "concat", "dash", "image2", "sdp", "imf")
"""Names that ffmpeg gives to files that name other files."""
GRAY16 = ("gray16le", "gray16be")


@dataclass(frozen=True)
class VideoStream:
    """A stream of a file."""

    path: Path
    index: int = 0
    """Place among the picture streams."""

    def frames(self, start: int = 0, pixels: str = "rgb24") -> Generator[NDArray[Any], None, None]:
        """Decode from frame ``start`` on; those before are decoded, too, as they must be counted.

        Args:
            start: the first frame to yield.
            pixels: the format of PyAV that frames are converted to.

        Raises:
            ValueError: the file or a frame cannot be decoded.
        """
        with closing(open_container(self.path, self.index)) as container:
            stream = container.streams.video[self.index]
            stream.thread_type = "AUTO"
            with decoding(self.path):
                for frame in islice(container.decode(stream), start, None):
                    yield frame.to_ndarray(format=pixels)

    def times_s(self) -> list[float]:
        """Read the presentation times [s] of all frames, in order, without decoding."""
        with closing(open_container(self.path, self.index)) as container, decoding(self.path):
            stream = container.streams.video[self.index]
            packets = [p for p in container.demux(stream) if p.pts is not None and p.size]
            return sorted(float(packet.pts * packet.time_base) for packet in packets)

    def pixel_format(self) -> str:
        """Return what PyAV calls the stored pixels, such as ``gray16le``."""
        with closing(open_container(self.path, self.index)) as container:
            form = container.streams.video[self.index].codec_context.format
            return "pixels of an unknown kind" if form is None else str(form.name)


def open_container(path: Path, index: int = 0) -> Any:  # noqa: ANN401  an optional library
    """Open a video file that has a picture stream.

    Args:
        path: a file that ffmpeg reads.
        index: number of the picture stream that is needed.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is something else, such as a pipe, whose reading may never end.
    """
    av = import_av()
    check_regular(path)
    try:
        # A playlist under the name of a video names files and addresses, which ffmpeg would read.
        container = av.open(str(path), options={"protocol_whitelist": "file"})
    except (av.error.FFmpegError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: expected a video; {error}") from error
    if container.format.name in LISTS:
        container.close()
        raise ValueError(f"{path}: expected a video; got a list of other files ({LISTS})")
    if len(container.streams.video) <= index:
        got = "a file without pictures" if not container.streams.video else "fewer"
        container.close()
        raise ValueError(f"{path}: expected a video with picture stream {index}; got {got}")
    return container


@contextmanager
def decoding(path: Path) -> Iterator[None]:
    """Turn what the decoder raises into an error that names the file."""
    av = import_av()
    try:
        with reading(path, "a readable, whole video"):
            yield
    except av.error.FFmpegError as error:
        raise ValueError(f"{path}: a frame cannot be decoded: {error}") from error


def check_gray16(stream: VideoStream) -> None:
    """Refuse a video that cannot hold depth.

    Raises:
        ValueError: its pixels are not 16-bit grey.
    """
    pixels = stream.pixel_format()
    if pixels not in GRAY16:
        raise ValueError(
            f"{stream.path}: depth video must be 16-bit grey without loss (FFV1 gray16le); got "
            f"{pixels}, whose 8 or 10 bits hold pictures of depth, not metres"
        )


def gray16_frames(stream: VideoStream, start: int = 0) -> Generator[NDArray[np.uint16], None, None]:
    """Yield the stored codes ``(h, w)`` from frame ``start`` on."""
    for codes in stream.frames(start, stream.pixel_format()):
        yield np.asarray(codes).astype(np.uint16, copy=False)


def import_av() -> Any:  # noqa: ANN401  an optional library
    """Import PyAV, or raise an error that says how to get it."""
    try:
        import av
    except ImportError as error:
        raise ImportError(
            "video files need PyAV: pip install 'stdnet_arch[video]'; got no such module"
        ) from error
    return av
