"""What the commands say while they run: lines, warnings and progress, on standard error."""

from __future__ import annotations

import logging
import shutil
import sys
import time
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from typing import Protocol, TextIO, TypeVar

from napari_inpaintaff.jobs import Job

UpdateT = TypeVar("UpdateT")
ResultT = TypeVar("ResultT")

_SECONDS_BETWEEN_LINES = 10.0
_PERCENT_BETWEEN_LINES = 5.0


def print_line(message: str) -> None:
    """Print one line on standard error, with the program's name.

    Parameters
    ----------
    message : str
        Line breaks in it become spaces.
    """
    for bar in _open_bars:
        bar.hide()
    print(f"inpaintaff: {' '.join(message.split())}", file=sys.stderr, flush=True)


@contextmanager
def warnings_as_lines() -> Iterator[None]:
    """Print warnings as one line each, without Python's source line."""

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        print_line(f"warning: {message}")

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


@contextmanager
def log_as_lines() -> Iterator[None]:
    """Print what the package logs as a warning, one line each."""
    logger, lines = logging.getLogger("napari_inpaintaff"), _LogLines(logging.WARNING)
    logger.addHandler(lines)
    try:
        yield
    finally:
        logger.removeHandler(lines)


class _LogLines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        print_line(f"warning: {record.getMessage()}")


class Counted(Protocol):
    """An update that counts, such as `jobs.Progress` and `separation.SplitUpdate`."""

    @property
    def done(self) -> float:
        """Finished units of work."""

    @property
    def total(self) -> int:
        """All units; 0 when unknown."""


Reading = tuple[float, float, str]
"""Finished units, all units (0 when unknown), and a note."""


def read_count(update: Counted) -> Reading:
    """Read an update that counts."""
    return update.done, update.total, getattr(update, "message", "")


def follow(
    updates: Generator[UpdateT, None, ResultT],
    description: str,
    read: Callable[[UpdateT], Reading],
    *,
    estimate: bool = True,
) -> ResultT:
    """Drain a generator of updates and show how far it is.

    Parameters
    ----------
    updates : generator
        Yields updates and returns the result.
    description : str
        What is being done.
    read : callable
        Makes a reading of an update; `read_count` for those that count.
    estimate : bool, optional
        Whether a bar shows the time that is left; False where the notes tell it.

    Returns
    -------
    object
        What the generator returned.
    """
    display = _Bar(description, estimate) if sys.stderr.isatty() else _Lines(description)
    with closing(display):
        return Job(updates, on_update=lambda update: display.show(*read(update))).run()


class _Bar:
    """A progress bar, for terminals."""

    def __init__(self, description: str, estimate: bool) -> None:
        from tqdm import tqdm

        # Asked for here, because tqdm draws nothing in a terminal that does not know its size.
        columns, rows = shutil.get_terminal_size()
        layout = "{l_bar}{bar}| {elapsed}" + estimate * " < {remaining}" + "{postfix}"
        self._bar = tqdm(
            total=1.0, desc=description, bar_format=layout, ncols=columns - 1, nrows=rows
        )
        _open_bars.append(self)

    def show(self, done: float, total: float, note: str) -> None:
        if note:
            self._bar.set_postfix_str(note, refresh=False)
        self._bar.update((done / total if total else 0.0) - self._bar.n)

    def hide(self) -> None:
        """Clear the line of the terminal; the next update draws the bar again."""
        self._bar.clear()

    def close(self) -> None:
        _open_bars.remove(self)
        self._bar.close()


_open_bars: list[_Bar] = []


class _Lines:
    """A line now and then, for logs: none at all for what takes seconds."""

    def __init__(self, description: str) -> None:
        self._description = description
        self._said = (time.monotonic(), 0.0)

    def show(self, done: float, total: float, note: str) -> None:
        now, percent = time.monotonic(), 100 * done / total if total else 0.0
        # A phase that begins anew goes back to 0 %.
        seconds_ago, percent_ago = now - self._said[0], abs(percent - self._said[1])
        if seconds_ago >= _SECONDS_BETWEEN_LINES and percent_ago >= _PERCENT_BETWEEN_LINES:
            self._said = (now, percent)
            print_line(f"{self._description}: {percent:.0f} %{note and ', '}{note}")

    def close(self) -> None:
        """Nothing to tidy up."""
