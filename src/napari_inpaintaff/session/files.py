"""Sessions as files: a zip archive of one JSON text and NumPy arrays; reading runs no code."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from napari_inpaintaff.errors import ImageError, InpaintAffError
from napari_inpaintaff.images.array_archives import check_archive, read_array
from napari_inpaintaff.images.files import atomic_path, check_writable
from napari_inpaintaff.images.pixels import Pixels, reading_pixels
from napari_inpaintaff.session.document import Session
from napari_inpaintaff.session.manifest import FORMAT, VERSION, session_from_json, session_json

SESSION_SUFFIX = ".inpaintaff-session"

_MANIFEST = "session.json"
_MOST_TEXT = 2**26
#: Labels are long runs of equal numbers: more effort gains little and takes long.
_EFFORT = 1


def write_session(path: str | PathLike[str], session: Session) -> Path:
    """Write a session file; an existing one is replaced when the new one is complete.

    Parameters
    ----------
    path : path-like
        A name ending in ``.inpaintaff-session``.
    session : Session

    Returns
    -------
    pathlib.Path
        The written file.

    Raises
    ------
    OutputError
        If it cannot be written; nothing is left behind, an existing file stays.
    ImageError
        If labels cannot be read.
    """
    path = Path(path)
    check_writable(path, suffixes=(SESSION_SUFFIX,))
    with (
        atomic_path(path) as unfinished,
        zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=_EFFORT) as archive,
    ):

        def keep(name: str, pixels: Pixels) -> str:
            with reading_pixels(name):
                array = np.asarray(pixels)
            with archive.open(name, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, array, allow_pickle=False)
            return name

        about = session_json(session, keep)
        archive.writestr(_MANIFEST, json.dumps(about))
    return path


def read_session(path: str | PathLike[str]) -> Session:
    """Read a session file that `write_session` wrote.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    Session
        All arrays are in memory.

    Raises
    ------
    ImageError
        If the file is missing, cut off, damaged, of a newer version, or no session file.
    """
    with _opened(Path(path)) as (archive, about):
        return session_from_json(about, lambda name: read_array(archive, name))


def read_session_text(path: str | PathLike[str]) -> dict[str, Any]:
    """Read the description in a session file, without the arrays; raises as `read_session`."""
    with _opened(Path(path)) as (_, about):
        return about


@contextmanager
def _opened(path: Path) -> Iterator[tuple[zipfile.ZipFile, dict[str, Any]]]:
    """Open a file, and turn whatever goes wrong with it into a sentence."""
    try:
        with path.open("rb") as file:
            if not zipfile.is_zipfile(file):
                raise ImageError(f"{path.name} is no session file, or it is cut off")
            with zipfile.ZipFile(file) as archive:
                check_archive(archive, path.name)
                yield archive, _manifest(archive, path.name)
    except InpaintAffError:
        raise
    except FileNotFoundError as error:
        raise ImageError(f"there is no file {path}") from error
    except MemoryError as error:
        raise ImageError(f"{path.name} does not fit into the memory of this computer") from error
    except PermissionError as error:
        raise ImageError(f"{path} may not be read: {error.strerror}") from error
    except Exception as error:  # zipfile, zlib, json and NumPy each have errors of their own
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        if isinstance(error, KeyError):
            reason = f"{reason} is missing"
        raise ImageError(f"{path.name} is a damaged session file: {reason}") from error


def _manifest(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    if _MANIFEST not in archive.namelist():
        raise ImageError(f"{name} is no session file")
    if archive.getinfo(_MANIFEST).file_size > _MOST_TEXT:
        raise ValueError("its description is too large")
    about = json.loads(archive.read(_MANIFEST))
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise ImageError(f"{name} is no session file")
    version = about.get("version")
    if not isinstance(version, int) or version < 1:
        raise ValueError(f"version {version!r}")
    if version > VERSION:
        raise ImageError(
            f"{name} was saved by a newer version of napari-inpaintaff: update the plugin to open "
            f"it (format {version}, this one knows {VERSION})"
        )
    return about
