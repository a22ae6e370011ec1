"""What all units of work have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator
from typing import Any


class Task(ABC):
    """A unit of work. It may run in another process, on another computer, and twice at worst."""

    @property
    @abstractmethod
    def title(self) -> str:
        """What is done, for people."""

    @abstractmethod
    def is_done(self) -> bool:
        """Whether its result is there."""

    @abstractmethod
    def run(self) -> None:
        """Do it, and leave the result where the tasks after it look for it."""

    def updates(self) -> Generator[Any, None, None]:
        """Do it in steps: updates that may count (``done`` and ``total``), if it has any."""
        self.run()
        yield from ()
