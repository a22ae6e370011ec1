"""Strokes and corrections on disk while they are made, to be found again after a crash.

Every process has a folder of its own, with a lock that the system releases when the process
ends, however that happens: what lies in folders without a lock was left behind.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_data_path

from napari_inpaintaff.errors import ImageError, OutputError
from napari_inpaintaff.session.document import Session
from napari_inpaintaff.session.files import SESSION_SUFFIX, read_session_text, write_session

#: What nobody came back for in that time is removed.
KEPT_FOR = timedelta(days=30)

_LOCK = "in-use.lock"
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Unsaved:
    """An autosaved file that its process left behind.

    Attributes
    ----------
    path : Path
        A session file with one record of labels.
    saved : datetime
        When.
    role : str
        That of the labels.
    fingerprints : frozenset of str
        Of the image that they belong to, and of the labels before they were corrected.
    """

    path: Path
    saved: datetime
    role: str
    fingerprints: frozenset[str]


def autosave_folder() -> Path:
    """Return the folder in which all processes save."""
    return Path(user_data_path("napari-inpaintaff", appauthor=False)) / "autosave"


class AutosaveRun:
    """The files of one process.

    Parameters
    ----------
    root : Path
        See `autosave_folder`. Nothing is made there before something is saved.
    """

    def __init__(self, root: Path) -> None:
        stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
        self.folder = root / f"{stamp}-{os.getpid()}-{secrets.token_hex(3)}"
        self._lock = FileLock(self.folder / _LOCK, thread_local=False)

    def new_path(self) -> Path:
        """Return a name for a file that there is not yet."""
        return self.folder / f"{secrets.token_hex(6)}{SESSION_SUFFIX}"

    def write(self, path: Path, session: Session) -> Path:
        """Write a session to a path of `new_path`; may run in any thread.

        Raises
        ------
        OutputError
            If it cannot be written; what was saved before stays.
        """
        try:
            self._take_lock()
        except OSError as error:
            raise OutputError(f"{self.folder} cannot be used: {error}") from error
        return write_session(path, session)

    def adopt(self, path: Path) -> Path:
        """Take over a file that another process left behind, and return its new path.

        Raises
        ------
        OutputError
            If it cannot be moved; it stays where it is.
        """
        mine = self.new_path()
        try:
            self._take_lock()
            path.replace(mine)
        except OSError as error:
            raise OutputError(f"{path} cannot be moved: {error}") from error
        _remove_if_empty(path.parent)
        return mine

    def forget(self, path: Path) -> None:
        """Remove a file, because what is in it is safe elsewhere or not wanted."""
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)

    def _take_lock(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        # Without locks every file is offered, which is better than none.
        with contextlib.suppress(NotImplementedError):
            if not self._lock.is_locked:
                # Nobody else wants it, unless somebody is just looking.
                self._lock.acquire(timeout=2)

    def close(self) -> None:
        """Release the lock, as the end of the process does; for tests."""
        self._lock.release(force=True)


@cache
def autosave_run(root: Path) -> AutosaveRun:
    """Return the run of this process in a folder."""
    return AutosaveRun(root)


def find_unsaved(
    root: Path,
    *,
    run: AutosaveRun | None = None,
    in_use: Collection[Path] = (),
    now: datetime | None = None,
) -> list[Unsaved]:
    """Find what was left behind, the newest first.

    Parameters
    ----------
    root : Path
        See `autosave_folder`; need not be there.
    run : AutosaveRun, optional
        This process's. What lies there was left behind, too, unless it is in use.
    in_use : collection of Path
        Files of layers that are still there.
    now : datetime, optional
        Older files than `KEPT_FOR` before this are removed.

    Returns
    -------
    list of Unsaved
        Damaged files are left out.
    """
    now = now or datetime.now().astimezone()
    found = []
    with contextlib.suppress(OSError):
        for folder in sorted(root.iterdir()):
            mine = run is not None and folder == run.folder
            if not folder.is_dir() or (not mine and _is_in_use(folder)):
                continue
            for path in set(folder.glob(f"*{SESSION_SUFFIX}")).difference(in_use):
                unsaved = _described(path)
                if unsaved is not None and now - unsaved.saved < KEPT_FOR:
                    found.append(unsaved)
                elif unsaved is not None or _age(path, now) > KEPT_FOR:
                    discard(path)
            if not mine:
                _remove_if_empty(folder)
    return sorted(found, key=lambda unsaved: unsaved.saved, reverse=True)


def discard(path: Path) -> None:
    """Remove a file that a process left behind, and its folder after the last one."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
    if not _is_in_use(path.parent):
        _remove_if_empty(path.parent)


def _described(path: Path) -> Unsaved | None:
    try:
        about = read_session_text(path)
        labels = about["labels"][0]
        prints = {str(labels["origin"])} | {str(image["fingerprint"]) for image in about["images"]}
        saved = datetime.fromisoformat(about["saved"]).astimezone()
        return Unsaved(path, saved, str(labels["role"]), frozenset(prints - {""}))
    except (ImageError, LookupError, TypeError, ValueError) as error:
        _logger.warning("an autosaved file is left out: %s", error)
        return None


def _is_in_use(folder: Path) -> bool:
    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    except (OSError, NotImplementedError):
        return False
    lock.release()
    return False


def _age(path: Path, now: datetime) -> timedelta:
    with contextlib.suppress(OSError):
        return now - datetime.fromtimestamp(path.stat().st_mtime).astimezone()
    return timedelta(0)


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        if any(folder.glob(f"*{SESSION_SUFFIX}")):
            return
        # What a killed process was writing is of no use.
        for leftover in (folder / _LOCK, *folder.glob(".*.part")):
            leftover.unlink(missing_ok=True)
        folder.rmdir()
