"""The development images, found outside the repository."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

#: The dense frames of the HeLa sequence; their truth is silver (computer-generated).
HELA_FRAMES = ("079", "084", "091")
DATA_SETS = ("Fluo-N2DL-HeLa", "BBBC039", "DSB2018")


@dataclass(frozen=True)
class Frame:
    """One image with every nucleus annotated."""

    name: str
    image: NDArray[np.integer]
    ground_truth: NDArray[np.uint16]


def data_folder() -> Path:
    """Find the folder: $INPAINTAFF_DATA, else ../shared/data beside the checkout."""
    named = os.environ.get("INPAINTAFF_DATA")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        raise SystemExit(f"no folder {folder}: set INPAINTAFF_DATA to that of the images")
    return folder


def frames(data_set: str) -> Iterator[Frame]:
    """Read the annotated frames of one of `DATA_SETS`."""
    for image, truth in _paths(data_folder() / data_set):
        yield Frame(image.stem, tifffile.imread(image), tifffile.imread(truth))


def unlabelled_images(data_set: str) -> Iterator[NDArray[np.integer]]:
    """Read the images of one of `DATA_SETS` that are not among its annotated frames."""
    folder = data_folder() / data_set
    if data_set == "Fluo-N2DL-HeLa":
        names = {f"t{frame}.tif" for frame in HELA_FRAMES}
        paths = [path for path in sorted((folder / "01").glob("*.tif")) if path.name not in names]
    else:
        paths = sorted((folder / "unlabelled").glob("**/*.tif"))
    for path in paths:
        yield tifffile.imread(path)


def _paths(folder: Path) -> list[tuple[Path, Path]]:
    if folder.name == "Fluo-N2DL-HeLa":
        return [
            (folder / "01" / f"t{frame}.tif", folder / "01_ST" / "SEG" / f"man_seg{frame}.tif")
            for frame in HELA_FRAMES
        ]
    images = sorted((folder / "labelled" / "img").glob("*.tif"))
    return [(image, folder / "labelled" / "gt" / image.name) for image in images]
