"""RGB-D video in an LMDB: written, verified, read as one more source."""
