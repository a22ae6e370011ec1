"""Tables as comma-separated values."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from napari_inpaintaff.images.files import atomic_path, check_writable

#: Endings of the files that `write_csv` writes.
TABLE_SUFFIXES = (".csv",)


def write_csv(
    path: str | PathLike[str], columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> Path:
    """Write a table as comma-separated values, with its head.

    Parameters
    ----------
    path : path-like
        A name ending in ``.csv``; replaced only when the table is complete.
    columns : sequence of str
        The head.
    rows : iterable of sequences
        Numbers are written in full.

    Returns
    -------
    pathlib.Path
        ``path``.

    Raises
    ------
    OutputError
        If the name has another ending or the file cannot be written.
    """
    path = Path(path)
    check_writable(path, suffixes=TABLE_SUFFIXES)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(columns)
    table.writerows(rows)
    with atomic_path(path) as unfinished:
        unfinished.write_bytes(text.getvalue().encode())
    return path
