"""The shell's face of the package: the command ``inpaintaff``."""

from napari_inpaintaff.cli.app import main

__all__ = ["main"]
