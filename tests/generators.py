"""What tests of long work share."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any


def finish(steps: Generator[Any, None, Any]) -> tuple[list[Any], Any]:
    """Return what long work tells on its way, and its result."""
    seen = []
    while True:
        try:
            seen.append(next(steps))
        except StopIteration as end:
            return seen, end.value
