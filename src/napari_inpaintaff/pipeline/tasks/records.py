"""Finished work on disk, by a fingerprint of all that it depends on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import is_dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from napari_inpaintaff.errors import OutputError
from napari_inpaintaff.images import atomic_path

#: Part of every fingerprint; a change of what is computed makes earlier results void.
_VERSION = 5
_DIGITS = 16


def fingerprint(*values: Any) -> str:
    """Return a short name for values: equal ones have the same, others another one.

    Parameters
    ----------
    *values : object
        Numbers, strings, None, and sequences, mappings and dataclasses of them. A `Path`
        stands for the content of its file.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    text = json.dumps([_VERSION, _plain(values)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        stat = value.stat()
        return _digest(value, stat.st_size, stat.st_mtime_ns)
    if is_dataclass(value) and not isinstance(value, type):
        # One level at a time: asdict would copy the paths below.
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return value


@lru_cache(maxsize=4096)
def _digest(path: Path, size: int, changed: int) -> str:
    del size, changed  # part of the key of the cache
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_record(path: Path) -> dict[str, Any] | None:
    """Read a JSON record; None if there is none, or it is not readable."""
    try:
        record = json.loads(path.read_text(encoding="utf8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def write_record(path: Path, record: Mapping[str, Any]) -> None:
    """Write a JSON record atomically.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    make_folder(path.parent)
    with atomic_path(path) as unfinished:
        unfinished.write_text(json.dumps(record, indent=1, sort_keys=True), encoding="utf8")


def make_folder(folder: Path) -> None:
    """Make a folder with those above it.

    Raises
    ------
    OutputError
        If that cannot be done.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"the folder {folder} cannot be made: {error.strerror}") from error
