"""Read text, JSON and tables of a user: regular files alone, and any failure names the file."""

import csv
import json
from pathlib import Path
from typing import Any

from stdnet_arch.utils.input_errors import check_regular, reading


def read_text(path: Path) -> str:
    """Read a text file, UTF-8.

    Raises:
        FileNotFoundError: no such file.
        InputError: a pipe, a device, or bytes that are no UTF-8.
    """
    check_regular(path)
    with reading(path, "text in UTF-8"):
        return path.read_text(encoding="utf-8")


def read_json(path: Path) -> Any:  # noqa: ANN401  whatever it holds
    """Read a JSON file.

    Raises:
        FileNotFoundError: no such file.
        InputError: no JSON, or nested too deep.
    """
    text = read_text(path)
    with reading(path, "a JSON file"):
        return json.loads(text)


def read_table(path: Path) -> list[dict[str, str]]:
    """Read a CSV file whose first line names the columns: one mapping for each further line.

    Raises:
        FileNotFoundError: no such file.
        InputError: no such table.
    """
    lines = read_text(path).splitlines()
    with reading(path, "a table in CSV"):
        return list(csv.DictReader(lines, skipinitialspace=True))
