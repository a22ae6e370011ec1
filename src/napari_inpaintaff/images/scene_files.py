"""Writing simulated scenes as files that every program can open."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_inpaintaff.errors import OutputError
from napari_inpaintaff.images.png_files import write_png
from napari_inpaintaff.images.writing import write_array


def write_scenes(
    folder: str | PathLike[str], images: NDArray[np.float32], regions: ArrayLike
) -> list[Path]:
    """Write scenes as ``images/scene_00000.png`` and ``masks/scene_00000.tif``, and so on.

    Parameters
    ----------
    folder : path-like
        Made where it is missing. Files of these names are replaced, others stay.
    images : ndarray of float32, shape (N, 3, Y, X)
        Red, green and blue, in [0, 1].
    regions : array of bool or integers, shape (N, Y, X)
        0 is background.

    Returns
    -------
    list of Path
        The written images.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    folder = Path(folder)
    for part in ("images", "masks"):
        try:
            (folder / part).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"the folder {folder / part} cannot be made: {error.strerror}"
            ) from error
    written = []
    for index, (image, region) in enumerate(zip(images, np.asarray(regions), strict=True)):
        path = folder / "images" / f"scene_{index:05}.png"
        write_png(path, image)
        write_array(folder / "masks" / f"scene_{index:05}.tif", region)
        written.append(path)
    return written
