"""Progress of a long measurement: a bar on a screen, lines elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")


def follow(items: Sequence[Item], unit: str, name_of: Callable[[Item], str]) -> Iterator[Item]:
    """Give items one by one and say which one is next.

    On a screen this is a bar. Elsewhere, such as in the log of a job, each item has a line on
    stderr.

    Args:
        items: tasks in their order.
        unit: word for an item.
        name_of: tells an item's name.
    """
    began = time.monotonic()
    bar = tqdm(items, unit=unit, disable=None)
    for number, item in enumerate(bar, 1):
        name = name_of(item)
        bar.set_description(name)
        if bar.disable:
            spent = time.monotonic() - began
            sys.stderr.write(f"{unit} {number} of {len(items)}, after {spent:.0f} s: {name}\n")
            sys.stderr.flush()
        yield item
