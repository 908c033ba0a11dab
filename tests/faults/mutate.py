"""Ways in which a file may be wrong, drawn by seed."""

import json
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

Mutation = Callable[[bytes, random.Random], bytes]


def flip_bits(data: bytes, draw: random.Random) -> bytes:
    """Turn over one to eight bits."""
    broken = bytearray(data)
    for _ in range(draw.choice((1, 1, 1, 2, 8))):
        place = draw.randrange(len(broken))
        broken[place] ^= 1 << draw.randrange(8)
    return bytes(broken)


def cut(data: bytes, draw: random.Random) -> bytes:
    """Keep the beginning, from nothing to all but a byte."""
    return data[: draw.choice((0, 1, len(data) // 2, len(data) - 1, draw.randrange(len(data))))]


def zero(data: bytes, draw: random.Random) -> bytes:
    """Fill a stretch with zeros, as a power cut does."""
    start = draw.randrange(len(data))
    length = min(draw.choice((1, 16, 512, 4096)), len(data) - start)
    return data[:start] + bytes(length) + data[start + length :]


def insert(data: bytes, draw: random.Random) -> bytes:
    """Put random bytes in between."""
    place = draw.randrange(len(data) + 1)
    return data[:place] + draw.randbytes(draw.choice((1, 4, 100))) + data[place:]


def repeat(data: bytes, draw: random.Random) -> bytes:
    """Write a part twice."""
    start, stop = sorted(draw.randrange(len(data) + 1) for _ in range(2))
    return data[:stop] + data[start:stop] + data[stop:]


def rubbish(data: bytes, draw: random.Random) -> bytes:
    """Put random bytes in the place of all."""
    return draw.randbytes(draw.choice((1, 64, len(data))))


BYTES: tuple[Mutation, ...] = (flip_bits, flip_bits, flip_bits, cut, zero, insert, repeat, rubbish)

ODD_VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 1, 2**31, 10**30, 1e30, -0.5, float("nan"), float("inf"), "", "x", "../x",
    "/etc/passwd", "a\0b", "\ud800", "ü" * 300, [], {}, [[]], [1, 2, 3], {"a": 1}, [None] * 4,
)  # fmt: skip


def change_values(values: Any, draw: random.Random) -> Any:
    """Change one value somewhere in nested mappings and lists: replaced, removed, added."""
    places = list(_places(values))
    if not places:
        return draw.choice(ODD_VALUES)
    holder, key = draw.choice(places)
    way = draw.randrange(6)
    if way == 0:
        del holder[key]
    elif way == 1 and isinstance(holder, dict):
        holder[f"{key}_x"] = holder.pop(key)
    else:
        holder[key] = draw.choice(ODD_VALUES)
    return values


def _places(values: Any) -> Any:
    inner = values.items() if isinstance(values, dict) else enumerate(values)
    for key, value in list(inner):
        yield values, key
        if isinstance(value, dict | list):
            yield from _places(value)


def change_json(data: bytes, draw: random.Random) -> bytes:
    """Change a value of a JSON file, or its bytes."""
    if draw.random() < 0.3:
        return draw.choice(BYTES)(data, draw)
    if draw.random() < 0.05:
        return b"[" * 100_000
    try:
        return json.dumps(change_values(json.loads(data), draw)).encode()
    except ValueError:
        return draw.choice(BYTES)(data, draw)


def change_text(data: bytes, draw: random.Random) -> bytes:
    """Change a word of a text of numbers, or its bytes."""
    words = data.split()
    if draw.random() < 0.4 or not words:
        return draw.choice(BYTES)(data, draw)
    odd = (b"nan", b"inf", b"1e400", b"", b"x", b"-1", b"0", b"\xff", b"1,5", b"9" * 400)
    return data.replace(draw.choice(words), draw.choice(odd), draw.choice((1, -1)))


def declare_size(path: Path, draw: random.Random) -> None:
    """Write a small PNG that declares a large picture."""
    side = draw.choice((20_000, 32_000, 60_000, 2**31 - 1))
    header = struct.pack(">IIBBBBB", side, side, 16, 0, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(5000))), (b"IEND", b"")]
    chunks = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
