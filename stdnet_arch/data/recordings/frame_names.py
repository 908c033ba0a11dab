"""Numbers and times in the names of frames, compared by value."""

import re
from collections.abc import Sequence
from decimal import Decimal

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_TIME_UNITS = ((Decimal(10) ** 17, 9), (Decimal(10) ** 14, 6), (Decimal(10) ** 11, 3))
"""From this number on, so many digits stand behind the seconds: ns, us, ms since 1970."""


def natural_key(name: str) -> list[tuple[Decimal, str]]:
    """Return a key that sorts numbers by value: ``a9`` < ``a10``, ``10.1333`` < ``10.2``."""
    key = []
    end = 0
    for match in _NUMBER.finditer(name):
        key += [(Decimal(0), name[end : match.start()]), (Decimal(match[0]), "")]
        end = match.end()
    return [*key, (Decimal(0), name[end:])]


def frame_numbers_of(names: Sequence[str]) -> list[Decimal] | None:
    """Find the number that counts the frames of a folder.

    It is the last number of the names that differs in all of them, else the last one.

    Args:
        names: names without endings, such as ``frame-000012.depth`` or ``1305031453.374112``.

    Returns:
        The number of each name; None if a name has none, or two have the same.
    """
    found = [list(_NUMBER.finditer(name)) for name in names]
    if not found or not all(found):
        return None
    if len({len(matches) for matches in found}) > 1:
        return _if_unique([Decimal(matches[-1][0]) for matches in found])
    columns = list(zip(*found, strict=True))
    values = [[Decimal(match[0]) for match in column] for column in columns]
    chosen = next(
        (i for i in reversed(range(len(values))) if len(set(values[i])) == len(names)), -1
    )
    if _is_counter_behind_point(columns[chosen], names[0]):
        return _if_unique([Decimal(match[0].partition(".")[2]) for match in columns[chosen]])
    return _if_unique(values[chosen])


def are_times(numbers: Sequence[Decimal]) -> bool:
    """Tell whether numbers are times: seconds with a fraction, or ms, us, ns since 1970."""
    return any(number != int(number) or number >= _TIME_UNITS[-1][0] for number in numbers)


def seconds_of(numbers: Sequence[Decimal]) -> list[float]:
    """Convert times to seconds; large ones are ms, us or ns since 1970, as their size says."""
    largest = max(numbers, default=Decimal(0))
    shift = next((digits for least, digits in _TIME_UNITS if largest >= least), 0)
    return [float(number.scaleb(-shift)) for number in numbers]


def _if_unique(numbers: list[Decimal]) -> list[Decimal] | None:
    """Return numbers that tell frames apart; None if two are equal."""
    return numbers if len(set(numbers)) == len(numbers) else None


def _is_counter_behind_point(column: Sequence[re.Match[str]], name: str) -> bool:
    """Tell whether ``render2.0001`` is meant: a name, a point and a counter."""
    parts = {match[0].partition(".")[0] for match in column}
    start = column[0].start()
    return len(parts) == 1 and "." in column[0][0] and start > 0 and name[start - 1].isalpha()
