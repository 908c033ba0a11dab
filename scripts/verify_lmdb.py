"""Read everything in an LMDB again: against its checksums and, with --root, the raw files.

python scripts/verify_lmdb.py datasets/DyDToF.lmdb --root datasets/DyDToF
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import stdnet_arch  # noqa: F401  before basicsr: makes it importable

# isort: split
from stdnet_arch.data.database.lmdb_run import verify
from stdnet_arch.utils.commands import add_debug


def main(argv: Sequence[str] | None = None) -> int:
    """Run this command; for the exit code see :func:`verify`."""
    parser = argparse.ArgumentParser(
        description="Read everything in an LMDB again, against its checksums and the raw files."
    )
    parser.add_argument("lmdb", type=Path, help="X.lmdb")
    parser.add_argument("--root", help="raw dataset to compare with, too")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    add_debug(parser)
    args = parser.parse_args(argv)
    return verify(args.lmdb, args.root, args.quiet, args.debug)


if __name__ == "__main__":
    sys.exit(main())
