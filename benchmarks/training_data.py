"""The unlabelled development images that may be trained on: both sets are CC0."""

from __future__ import annotations

from development_data import data_folder
from napari_inpaintaff.images import Plane, gather_planes

FOLDERS = ("BBBC039/unlabelled", "DSB2018/unlabelled")


def unlabelled_planes() -> list[Plane]:
    """Gather them."""
    return list(gather_planes([data_folder() / folder for folder in FOLDERS]).planes)
