"""Consistent depth video from RGB video, after StereoDiff.

python -m stdnet_arch.stereodiff --rgb RGB --poses POSES.txt --intrinsics FX FY CX CY -o OUT
"""

import sys
from pathlib import Path
from typing import Any

import yaml

from stdnet_arch.infer import DRAWING
from stdnet_arch.stereodiff.command import main


def read_yaml(path: Path) -> Any:  # noqa: ANN401  whatever a file holds
    """The content of a YAML file.

    Raises:
        ValueError: it is none.
    """
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: expected a YAML file; {error}") from error


if __name__ == "__main__":
    sys.exit(main(read_yaml=read_yaml, drawing=DRAWING))
