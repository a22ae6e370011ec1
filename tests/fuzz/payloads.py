"""Pickles that leave a trace where they are loaded."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any


class Payload:
    """Makes a file when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.trace,)


def pickled(trace: Path, protocol: int = 2) -> bytes:
    """Return a pickle that makes a file when it is loaded."""
    return pickle.dumps(Payload(trace), protocol=protocol)
