"""Writing files so that a failure leaves nothing half-written."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from os import PathLike
from pathlib import Path

from napari_inpaintaff.errors import InpaintAffError, OutputError


class _ReadOnlyFileError(PermissionError):
    """The file to be replaced must not be written, though its folder may."""


@contextlib.contextmanager
def atomic_path(path: str | PathLike[str]) -> Iterator[Path]:
    """Write a file beside its final place and move it there when it is complete.

    Parameters
    ----------
    path : path-like
        The file to write or replace. A symbolic link is followed.

    Yields
    ------
    pathlib.Path
        An empty file in the same folder, to be written in the body.

    Raises
    ------
    OutputError
        If the file cannot be written: no such folder, no permission, disk full. Whatever
        is raised in the body, the temporary file is removed and an existing file stays
        as it was.

    Examples
    --------
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "result.txt"
    >>> with atomic_path(target) as unfinished:
    ...     _ = unfinished.write_text("complete")
    >>> target.read_text()
    'complete'
    """
    path = Path(path)
    try:
        target = _writable_target(path)
        unfinished = _create_beside(target)
    except OSError as error:
        raise _output_error(path, error) from error
    try:
        yield unfinished
        _to_disk(unfinished)
        if target.exists():
            unfinished.chmod(stat.S_IMODE(target.stat().st_mode))
        unfinished.replace(target)
    except BaseException as error:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        if isinstance(error, OSError) and not isinstance(error, InpaintAffError):
            raise _output_error(path, error) from error
        raise


@contextlib.contextmanager
def atomic_folder(path: str | PathLike[str], *, replaces: Callable[[Path], bool]) -> Iterator[Path]:
    """Write a folder of files beside its final place and move it there when it is complete.

    Parameters
    ----------
    path : path-like
        The folder to make or replace; the folder that it lies in must exist.
    replaces : callable
        Whether an existing folder is one that may be replaced. Empty ones always are.

    Yields
    ------
    pathlib.Path
        An empty folder, to be filled in the body.

    Raises
    ------
    OutputError
        If the folder cannot be written, or holds something else than results of this kind.
        Whatever is raised in the body, an existing folder stays as it was.
    """
    path = Path(path)
    check_replaceable(path, replaces=replaces)
    target = Path(os.path.realpath(path))
    unfinished = target.with_name(f".{target.name[:40]}.{secrets.token_hex(6)}.part")
    before = unfinished.with_suffix(".old")
    try:
        unfinished.mkdir()
        yield unfinished
        if target.exists():
            target.replace(before)
        try:
            unfinished.replace(target)
        except OSError:
            if before.exists():
                before.replace(target)
            raise
    except OSError as error:
        if isinstance(error, InpaintAffError):
            raise
        raise _output_error(path, error) from error
    finally:
        for leftover in (unfinished, before):
            shutil.rmtree(leftover, ignore_errors=True)


def check_replaceable(path: str | PathLike[str], *, replaces: Callable[[Path], bool]) -> None:
    """Raise OutputError if a folder of results could not be written, before long work starts.

    Parameters
    ----------
    path : path-like
        The folder to be written later.
    replaces : callable
        Whether an existing folder is one that may be replaced. Empty ones always are.

    Raises
    ------
    OutputError
        If it cannot be written, or holds something else than results of this kind.
    """
    path = Path(path)
    target = Path(os.path.realpath(path))
    try:
        if target.exists() and not target.is_dir():
            raise OSError(errno.EEXIST, "there is a file of that name")
        if target.is_dir() and any(target.iterdir()) and not replaces(target):
            raise OSError(errno.EEXIST, "the folder holds other files: choose a new one")
        _create_beside(target).unlink()
    except OSError as error:
        raise _output_error(path, error) from error


def check_writable(path: str | PathLike[str], *, suffixes: tuple[str, ...] = ()) -> None:
    """Raise OutputError if a result could not be written, before long work starts.

    Parameters
    ----------
    path : path-like
        The file to be written later. Nothing is left there by this check.
    suffixes : tuple of str
        Endings of which the name must have one, such as ``(".tif", ".tiff")``.

    Raises
    ------
    OutputError
        If the name has another ending, the folder does not exist or cannot be written
        to, or something that is not an ordinary writable file has that name.
    """
    path = Path(path)
    if suffixes and path.suffix.lower() not in suffixes:
        raise OutputError(f"{path} cannot be written: the name must end in {' or '.join(suffixes)}")
    try:
        # Creating a file is the only honest test: permission bits say nothing about
        # read-only file systems, network folders and Windows.
        _create_beside(_writable_target(path)).unlink()
    except OSError as error:
        raise _output_error(path, error) from error


def _writable_target(path: Path) -> Path:
    """Return the file that `path` stands for, or raise OSError if it must not be replaced."""
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "it is a folder")
    if target.exists():
        # Replacing /dev/null or a pipe by a file would break more than this program.
        if not target.is_file():
            raise OSError(errno.EINVAL, "it is not an ordinary file")
        if not os.access(target, os.W_OK):
            raise _ReadOnlyFileError(errno.EACCES, "read-only")
    return target


def _create_beside(target: Path) -> Path:
    # Not tempfile.mkstemp: its files are private to the user (0600), results should have
    # the permissions of any new file. The stem is cut because names have a length limit.
    unfinished = target.with_name(f".{target.name[:40]}.{secrets.token_hex(6)}.part")
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
    os.close(os.open(unfinished, flags, 0o666))
    return unfinished


def _to_disk(path: Path) -> None:
    """Wait until a file is on the disk: some file systems report only then that it is full."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def _output_error(path: Path, error: OSError) -> OutputError:
    if isinstance(error, OutputError):
        return error
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        reason = "the disk is full"
    elif error.errno == errno.EFBIG:
        reason = "the file is larger than its disk or this account allows"
    elif error.errno in (errno.ENOENT, errno.ENOTDIR):
        reason = f"there is no folder {path.parent}"
    elif error.errno == errno.EROFS:
        reason = "the disk is read-only"
    elif isinstance(error, _ReadOnlyFileError):
        reason = "the existing file is read-only"
    elif error.errno in (errno.EACCES, errno.EPERM):
        reason = f"no permission to write in {path.parent}"
    else:
        reason = error.strerror or str(error)
    return OutputError(f"{path} cannot be written: {reason}")
