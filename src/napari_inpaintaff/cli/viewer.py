"""The command that opens napari with everything loaded in the right order: napari."""

from __future__ import annotations

import argparse
import runpy
import sys

from napari_inpaintaff.cli.options import Commands, add_command
from napari_inpaintaff.errors import InstallationError


def add_commands(commands: Commands) -> None:
    """Add napari."""
    command = add_command(
        commands,
        "napari",
        run_napari,
        "open napari, with PyTorch loaded before Qt",
        "The same as the command napari. On Windows, PyTorch 2.9 and later may refuse to load "
        "once Qt is there; here it comes first.",
    )
    command.add_argument("files", metavar="FILE", nargs="*", help="images to open")


def run_napari(options: argparse.Namespace) -> None:
    """Import torch, then run napari until its window is closed."""
    from napari_inpaintaff.widgets.loading import load_torch

    load_torch()
    try:
        import qtpy.QtWidgets  # noqa: F401
    except ImportError as error:
        raise InstallationError(
            f"napari cannot open a window, Qt is not installed ({error}): "
            'pip install "napari[pyqt6]"'
        ) from error
    sys.argv = ["napari", *options.files]
    runpy.run_module("napari", run_name="__main__", alter_sys=True)
