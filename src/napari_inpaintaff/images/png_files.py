"""Writing colour pictures."""

from __future__ import annotations

from os import PathLike

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.images.files import atomic_path


def write_png(path: str | PathLike[str], picture: NDArray[np.floating]) -> None:
    """Write a picture as PNG, atomically.

    Parameters
    ----------
    path : str or path-like
        The file; replaced only when the new one is complete.
    picture : ndarray of float, shape (3, Y, X)
        Red, green and blue in [0, 1]; what is beyond is cut off.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    from PIL import Image

    pixels = np.rint(255 * np.clip(np.moveaxis(picture, 0, -1), 0, 1)).astype(np.uint8)
    with atomic_path(path) as unfinished:
        Image.fromarray(np.ascontiguousarray(pixels)).save(unfinished, format="PNG")
