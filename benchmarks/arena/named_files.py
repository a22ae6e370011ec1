"""Options of the form NAME=PATH."""

from __future__ import annotations

import argparse
from pathlib import Path


def named_file(text: str) -> tuple[str, Path]:
    """Read ``DATASET=FILE``."""
    name, _, path = text.partition("=")
    if not path or not Path(path).is_file():
        raise argparse.ArgumentTypeError(f"expected DATASET=FILE, got {text!r}")
    return name, Path(path)


def named_folder(text: str) -> tuple[str, Path]:
    """Read ``NAME=FOLDER``."""
    name, _, path = text.partition("=")
    if not path or not Path(path).is_dir():
        raise argparse.ArgumentTypeError(f"expected NAME=FOLDER, got {text!r}")
    return name, Path(path)
