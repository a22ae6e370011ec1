"""What all units of work have in common."""

from __future__ import annotations

from abc import abstractmethod
from typing import Protocol


class Task(Protocol):
    """A unit of work. It may run in another process, and twice at worst."""

    @property
    def title(self) -> str:
        """What is done, for people."""

    @abstractmethod
    def is_done(self) -> bool:
        """Whether its result is there."""

    @abstractmethod
    def run(self) -> None:
        """Do it, and leave the result where the tasks after it look for it."""
