"""Checks of options that several models share; all before anything is computed."""

from collections.abc import Mapping
from typing import Any


def refuse_unknown(section: str, given: Mapping[str, Any], known: frozenset[str]) -> None:
    """Raise unless every key of a section is known; ``section`` names it."""
    unknown = sorted(given.keys() - known)
    if unknown:
        raise ValueError(
            f"{section}: expected only the keys {', '.join(sorted(known))}; "
            f"got {', '.join(unknown)}"
        )


def require(condition: bool, key: str, required: str, got: object) -> None:
    """Raise unless ``condition``: ``key`` must be ``required``."""
    if not condition:
        raise ValueError(f"{key} must be {required}, got {got!r}")


def refuse_equal_names(datasets: Mapping[str, Mapping[str, Any]]) -> None:
    """Tables, best values and predictions are kept by the name of a dataset."""
    names = [dataset["name"] for key, dataset in datasets.items() if key != "train"]
    if len(set(names)) < len(names):
        raise ValueError(f"datasets to judge need names of their own, got {', '.join(names)}")
