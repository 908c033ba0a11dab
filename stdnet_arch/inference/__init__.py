"""Networks on users' own recordings."""

from stdnet_arch.inference.streams.streaming import open_stream, stream

__all__ = ["open_stream", "stream"]
