"""Corrections as a file: labels, locks, seeds, and everything that can be undone."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError, InpaintAffError
from napari_inpaintaff.images.array_archives import read_arrays
from napari_inpaintaff.images.files import atomic_path, check_writable
from napari_inpaintaff.partition.corrections.edits import Edit, LabelImage
from napari_inpaintaff.partition.corrections.history import Corrections, EditHistory

#: Endings of the files that `write_corrections` writes.
CORRECTION_SUFFIXES = (".npz",)

_FORMAT = "inpaintaff corrections"
_VERSION = 1


@dataclass(frozen=True, eq=False)
class SavedCorrections:
    """What a file of corrections holds.

    Attributes
    ----------
    corrections : Corrections
        Labels, locks and history, at the position where they were.
    strokes : ndarray of integers, shape (Y, X), or None
        Seeds or strokes that were painted but not applied.
    purpose : str
        What the strokes are for, ``"split"`` or ``"relink"``; empty without any.
    """

    corrections: Corrections
    strokes: LabelImage | None = None
    purpose: str = ""


def write_corrections(path: str | PathLike[str], saved: SavedCorrections) -> Path:
    """Write corrections to a compressed ``.npz`` file that holds arrays and JSON only.

    Parameters
    ----------
    path : path-like
        A name ending in ``.npz``.
    saved : SavedCorrections

    Returns
    -------
    pathlib.Path
        The written file.

    Raises
    ------
    OutputError
        If the file cannot be written; nothing is left behind, an existing file stays.
    """
    path = Path(path)
    check_writable(path, suffixes=CORRECTION_SUFFIXES)
    # An open file, because savez adds .npz to any other name.
    with atomic_path(path) as unfinished, unfinished.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **pack_corrections(saved))
    return path


def pack_corrections(saved: SavedCorrections) -> dict[str, NDArray[Any]]:
    """Put corrections into arrays that later corrections do not change.

    Parameters
    ----------
    saved : SavedCorrections

    Returns
    -------
    dict of str to ndarray
        Numbers and one text, for `unpack_corrections`.
    """
    state, history = saved.corrections.state, saved.corrections.history
    edits = history.edits
    none = np.zeros(0, state.labels.dtype)
    about = {
        "format": _FORMAT,
        "version": _VERSION,
        "locked": sorted(state.locked),
        "position": history.position,
        "purpose": saved.purpose,
        "edits": [
            {
                "name": edit.name,
                "window": [bound for part in edit.window for bound in (part.start, part.stop)],
                "locked": sorted(edit.locked),
                "unlocked": sorted(edit.unlocked),
            }
            for edit in edits
        ],
    }
    arrays = {
        "about": np.array(json.dumps(about)),
        "labels": state.labels.copy(),
        "old": np.concatenate([none, *(edit.old.ravel() for edit in edits)]),
        "new": np.concatenate([none, *(edit.new.ravel() for edit in edits)]),
    }
    if saved.strokes is not None:
        arrays["strokes"] = saved.strokes.copy()
    return arrays


def read_corrections(path: str | PathLike[str]) -> SavedCorrections:
    """Read a file that `write_corrections` wrote; loading never executes code.

    Raises
    ------
    ImageError
        If the file is missing, damaged, or no file of corrections of this version.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            if not zipfile.is_zipfile(file):
                raise ImageError(f"{path} is no file of corrections, or it is cut off")
            file.seek(0)
            arrays = read_arrays(file, path)
    except InpaintAffError:
        raise
    except FileNotFoundError as error:
        raise ImageError(f"there is no file {path}") from error
    except Exception as error:  # zipfile, zlib and NumPy each have errors of their own
        raise _damaged(path, error) from error
    return unpack_corrections(arrays, path)


def unpack_corrections(
    arrays: Mapping[str, NDArray[Any]], path: str | PathLike[str]
) -> SavedCorrections:
    """Make corrections of what `pack_corrections` returned.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        Read from a file: anything may be in them.
    path : path-like
        Of the file, for messages.

    Raises
    ------
    ImageError
        If they are no corrections of this version.
    """
    try:
        return _restored(Path(path), arrays)
    except InpaintAffError:
        raise
    except Exception as error:
        raise _damaged(path, error) from error


def _damaged(path: str | PathLike[str], error: Exception) -> ImageError:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return ImageError(f"{path} is a damaged file of corrections: {reason}")


def _restored(path: Path, arrays: Mapping[str, NDArray[Any]]) -> SavedCorrections:
    about = json.loads(str(arrays["about"])) if "about" in arrays else {}
    if about.get("format") != _FORMAT:
        raise ImageError(f"{path} is no file of corrections")
    if about["version"] != _VERSION:
        raise ImageError(
            f"{path} is a file of corrections of version {about['version']!r}, "
            f"this program reads version {_VERSION}"
        )
    labels, old, new = arrays["labels"], arrays["old"], arrays["new"]
    edits, start = [], 0
    for entry in about["edits"]:
        top, bottom, left, right = entry["window"]
        if not (0 <= top <= bottom <= labels.shape[0] and 0 <= left <= right <= labels.shape[1]):
            raise ValueError(f"an edit of pixels that are not there: {entry['window']}")
        shape = (bottom - top, right - left)
        stop = start + shape[0] * shape[1]
        edits.append(
            Edit(
                entry["name"],
                (slice(top, bottom), slice(left, right)),
                old[start:stop].reshape(shape),
                new[start:stop].reshape(shape),
                frozenset(entry["locked"]),
                frozenset(entry["unlocked"]),
            )
        )
        start = stop
    strokes = arrays.get("strokes")
    if strokes is not None and strokes.shape != labels.shape:
        raise ImageError(f"{path} is a damaged file of corrections: strokes of another shape")
    history = EditHistory(edits, about["position"])
    corrections = Corrections(labels, locked=about["locked"], history=history)
    return SavedCorrections(corrections, strokes, about["purpose"])
