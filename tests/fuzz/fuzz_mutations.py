"""Damage for files: bytes, blocks, numbers in headers, and values in the texts inside them.

Files that protect what they hold by checksums (zip, PNG, safetensors) are taken apart first, and
put together again with checksums that fit: a reader must not rely on them.
"""

from __future__ import annotations

import io
import json
import random
import re
import struct
import zipfile
import zlib
from typing import Any

#: A file, or the files of a folder by their relative names.
Files = dict[str, bytes]

_NUMBERS = (0, 1, -1, 2, 127, 128, 255, 256, 32767, 65535, 2**31 - 1, 2**31, 2**32 - 1, 2**40)
_HUGE = (*_NUMBERS, 2**53, 2**62, 2**63 - 1, 2**63, 2**64, 10**30, 10**400)
_VALUES: tuple[Any, ...] = (
    *_HUGE,
    *(None, True, False, 0.5, -0.0, 1e-320, 1e308, float("nan"), float("inf"), -1e308),
    *("", "x", "0", "\0", "é" * 40, "../../etc/passwd", "/dev/zero", "nan", "{}", "a\nb"),
    *([], {}, [[]], [0], [1, 2, 3], {"x": 1}, [None], [[[]]], ["a"]),
)


def damage(files: Files, draw: random.Random) -> Files:
    """Return files with one to three kinds of damage in one of them."""
    files = dict(files)
    name = draw.choice(sorted(files))
    content = files[name]
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        content = _damage_file(content, draw)
    if len(files) > 1 and draw.random() < 0.02:
        del files[name]
        return files
    files[name] = content
    return files


def _damage_file(content: bytes, draw: random.Random) -> bytes:
    if draw.random() < 0.5:
        for taken_apart in (_damage_zip, _damage_png, _damage_safetensors, _damage_json):
            other = taken_apart(content, draw)
            if other is not None:
                return other
    return damage_bytes(content, draw)


def damage_bytes(content: bytes, draw: random.Random) -> bytes:
    """Return bytes with one damage: flips, cuts, insertions, swaps, other numbers."""
    if not content:
        return draw.randbytes(draw.randrange(64))
    kind = draw.choice((_flip, _flip, _cut, _insert, _repeat, _swap, _number, _number, _digits))
    return kind(content, draw)


def _place(content: bytes, draw: random.Random) -> int:
    # Headers lie at the beginning or the end, and matter most.
    near = min(len(content), draw.choice((16, 64, 512, len(content))))
    place = draw.randrange(near)
    return place if draw.random() < 0.7 else len(content) - 1 - place


def _flip(content: bytes, draw: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(draw.choice((1, 1, 2, 8))):
        changed[_place(content, draw)] ^= draw.choice((1, 2, 4, 8, 16, 32, 64, 128, 255))
    return bytes(changed)


def _cut(content: bytes, draw: random.Random) -> bytes:
    start = _place(content, draw)
    if draw.random() < 0.5:
        return content[:start]
    return content[:start] + content[start + draw.choice((1, 2, 4, 8, 100, 1000)) :]


def _insert(content: bytes, draw: random.Random) -> bytes:
    start = _place(content, draw)
    block = draw.choice((draw.randbytes(draw.randrange(1, 40)), b"\0" * 8, b"\xff" * 8))
    return content[:start] + block + content[start:]


def _repeat(content: bytes, draw: random.Random) -> bytes:
    start = _place(content, draw)
    block = content[start : start + draw.choice((1, 4, 12, 100))]
    return content[:start] + block * draw.choice((2, 3, 50)) + content[start + len(block) :]


def _swap(content: bytes, draw: random.Random) -> bytes:
    size = draw.choice((1, 2, 4, 12, 64))
    first, second = sorted((_place(content, draw), _place(content, draw)))
    if second < first + size:
        return _flip(content, draw)
    between = content[first + size : second]
    one, other = content[first : first + size], content[second : second + size]
    return content[:first] + other + between + one + content[second + size :]


def _number(content: bytes, draw: random.Random) -> bytes:
    form, size = draw.choice((("H", 2), ("I", 4), ("Q", 8)))
    start = _place(content, draw)
    value = draw.choice(_NUMBERS) % 2 ** (8 * size)
    block = struct.pack(draw.choice("<>") + form, value)
    return content[:start] + block + content[start + size :]


def _digits(content: bytes, draw: random.Random) -> bytes:
    """Replace a number that is written as text, such as a length in a header."""
    found = list(re.finditer(rb"\d+", content[:100_000]))
    if not found:
        return _flip(content, draw)
    match = draw.choice(found)
    value = str(draw.choice(_HUGE[:-1])).encode()
    return content[: match.start()] + value + content[match.end() :]


def _damage_zip(content: bytes, draw: random.Random) -> bytes | None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
    except Exception:
        return None
    if not members:
        return None
    chosen = draw.choice(sorted(members))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", draw.choice((zipfile.ZIP_STORED, 8))) as archive:
        for name, data in members.items():
            if name != chosen:
                archive.writestr(name, data)
                continue
            match draw.randrange(10):
                case 0:
                    pass  # the member is missing
                case 1:
                    archive.writestr(draw.choice(sorted(members)), data)
                case _:
                    archive.writestr(name, _damage_json(data, draw) or damage_bytes(data, draw))
    return packed.getvalue()


def _damage_png(content: bytes, draw: random.Random) -> bytes | None:
    if not content.startswith(b"\x89PNG\r\n\x1a\n"):
        return None
    chunks, start = [], 8
    while start + 12 <= len(content):
        (length,) = struct.unpack(">I", content[start : start + 4])
        chunks.append((content[start + 4 : start + 8], content[start + 8 : start + 8 + length]))
        start += 12 + length
    if not chunks:
        return None
    chosen = draw.randrange(len(chunks))
    packed = content[:8]
    for number, (name, data) in enumerate(chunks):
        if number == chosen:
            raw = _inflated(data) if name == b"IDAT" else None
            damaged = damage_bytes(data if raw is None else raw, draw)
            data = damaged if raw is None else zlib.compress(damaged)
        packed += struct.pack(">I", len(data)) + name + data
        packed += struct.pack(">I", zlib.crc32(name + data))
    return packed


def _inflated(data: bytes) -> bytes | None:
    try:
        return zlib.decompress(data)
    except zlib.error:
        return None


def _damage_safetensors(content: bytes, draw: random.Random) -> bytes | None:
    if len(content) < 16 or content[8:9] != b"{":
        return None
    (length,) = struct.unpack("<Q", content[:8])
    header = _damage_json(content[8 : 8 + length], draw) if length < len(content) else None
    if header is None:
        return None
    return struct.pack("<Q", len(header)) + header + content[8 + length :]


def _damage_json(content: bytes, draw: random.Random) -> bytes | None:
    """Change a value anywhere in a JSON text, in texts inside it, too."""
    try:
        about = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(about, dict | list):
        return None
    if draw.random() < 0.01:
        return b"[" * 100_000
    return json.dumps(_other_value(about, draw)).encode()


def _other_value(value: Any, draw: random.Random) -> Any:
    if isinstance(value, str) and value[:1] in ("{", "["):
        inner = _damage_json(value.encode(), draw)
        if inner is not None and draw.random() < 0.9:
            return inner.decode()
    if draw.random() < 0.08 or not isinstance(value, dict | list) or not value:
        return draw.choice(_VALUES)
    if isinstance(value, list):
        place = draw.randrange(len(value))
        match draw.randrange(6):
            case 0:
                return value[:place] + value[place + 1 :]
            case 1:
                return [*value, value[place]]
            case _:
                return [*value[:place], _other_value(value[place], draw), *value[place + 1 :]]
    key = draw.choice(sorted(value))
    match draw.randrange(8):
        case 0:
            return {name: entry for name, entry in value.items() if name != key}
        case 1:
            return {**value, draw.choice(("unknown", "", "shape")): draw.choice(_VALUES)}
        case _:
            return {**value, key: _other_value(value[key], draw)}
