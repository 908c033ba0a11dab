"""Store raw RGB-D video in an LMDB; killed at any moment, the same command goes on.

python scripts/create_lmdb.py --source DyDToF --root datasets/DyDToF --out datasets/DyDToF.lmdb
"""

import sys

import stdnet_arch  # noqa: F401  before basicsr: makes it importable

# isort: split
from stdnet_arch.data.database.lmdb_command import create

if __name__ == "__main__":
    sys.exit(create())
