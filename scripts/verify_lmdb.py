"""Read everything in an LMDB again: against its checksums and, with --root, the raw files.

python scripts/verify_lmdb.py datasets/DyDToF.lmdb --root datasets/DyDToF
"""

import sys

import stdnet_arch  # noqa: F401  before basicsr: makes it importable

# isort: split
from stdnet_arch.data.database.lmdb_command import verify

if __name__ == "__main__":
    sys.exit(verify())
