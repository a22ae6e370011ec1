"""The updates of one long run as those of another."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from typing import TypeVar

Update = TypeVar("Update")
Told = TypeVar("Told")
Result = TypeVar("Result")


def retell(
    updates: Generator[Update, None, Result], tell: Callable[[Update], Told]
) -> Generator[Told, None, Result]:
    """Pass on what a run yields in other words, and return what it returns.

    Parameters
    ----------
    updates : generator
        The run. It is closed when this one is.
    tell : callable
        Turns an update into what is yielded.

    Yields
    ------
    object
        One for each update.

    Returns
    -------
    object
        The result of the run.
    """
    with closing(updates):
        while True:
            try:
                update = next(updates)
            except StopIteration as end:
                result: Result = end.value
                return result
            yield tell(update)
