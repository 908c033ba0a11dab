"""Read YAML as plain values: no code runs, numbers are numbers, size is bounded."""

import re
from pathlib import Path
from typing import Any

import yaml

from stdnet_arch.utils.input_errors import InputError, check_regular, reading

MAX_BYTES = 1 << 20
MAX_DEPTH = 100
MAX_VALUES = 200_000
"""Values that aliases (``*name``) may unfold to, or merges (``<<``) may copy."""
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$")


class PlainLoader(yaml.SafeLoader):
    """Builds plain values only; any other tag (``!!python/...``) is an error.

    YAML 1.1 takes ``1e-4`` for text; here it is a number. The loader is the one in Python, since
    the one in C ends the program on deep nesting.
    """

    merged = 0

    def fetch_flow_collection_start(self, token_class: type[yaml.Token]) -> None:
        """Open a bracket, as deep as options are ever nested; scanning takes depth squared."""
        if self.flow_level > MAX_DEPTH:
            raise yaml.YAMLError(f"expected brackets nested at most {MAX_DEPTH} deep")
        super().fetch_flow_collection_start(token_class)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Copy merged keys, as many as one file may ask for."""
        super().flatten_mapping(node)
        self.merged += len(node.value)
        if self.merged > MAX_VALUES:
            raise yaml.YAMLError(f"expected at most {MAX_VALUES} merged values")


PlainLoader.add_implicit_resolver("tag:yaml.org,2002:float", _NUMBER, list("-+.0123456789"))


def parse_yaml(text: str, where: str | Path = "YAML") -> Any:  # noqa: ANN401  whatever it holds
    """Return the content of a YAML text as plain values.

    Args:
        text: YAML of at most ``MAX_BYTES``.
        where: the file, for errors.

    Raises:
        InputError: no YAML, a tag that is not plain, or aliases that unfold to too much.
    """
    if len(text) > MAX_BYTES:
        raise InputError(f"{where}: expected at most {MAX_BYTES} bytes of YAML; got {len(text)}")
    try:
        with reading(where, "a YAML file"):
            values = yaml.load(text, Loader=PlainLoader)
            unfolded = _count(values, {})
    except InputError as error:
        raise InputError(" ".join(f"{error}".split())) from error.__cause__
    if unfolded > MAX_VALUES:
        raise InputError(f"{where}: expected at most {MAX_VALUES} values; aliases unfold to more")
    return values


def load_yaml(path: Path) -> Any:  # noqa: ANN401  whatever it holds
    """Return the content of a YAML file as plain values; see :func:`parse_yaml`.

    Raises:
        FileNotFoundError: no such file.
        InputError: see :func:`parse_yaml`.
    """
    check_regular(path)
    with reading(path):
        text = path.read_text(encoding="utf-8")
    return parse_yaml(text, path)


def load_mapping(path: Path) -> dict[str, Any]:
    """Return the options in a YAML file: names and values.

    Raises:
        FileNotFoundError: no such file.
        InputError: the file holds something else; see :func:`parse_yaml`.
    """
    values = load_yaml(path)
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise InputError(
            f"{path}: expected a YAML file of options, name: value; got {type(values).__name__}"
        )
    return values


def _count(value: object, known: dict[int, int | None]) -> int:
    """Count the values that an object would unfold to if nothing were shared.

    Raises:
        ValueError: one holds itself, or text is none: half a character can be in no file or log.
    """
    texts = value if isinstance(value, dict) else [value]
    for text in texts:
        if isinstance(text, str):
            text.encode()
    if not isinstance(value, dict | list):
        return 1
    if id(value) in known:
        counted = known[id(value)]
        if counted is None:
            raise ValueError("a YAML value must not hold itself")
        return counted
    known[id(value)] = None
    inner = value.values() if isinstance(value, dict) else value
    counted = 1 + sum(_count(item, known) for item in inner)
    known[id(value)] = counted
    return counted
