"""What the commands that write a label image say in the end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

TIFF = (".tif", ".tiff")
ZARR = (".zarr",)


def report_labels(path: Path, labels: NDArray[np.integer[Any]]) -> None:
    """Print how many objects there are.

    Parameters
    ----------
    path : Path
        The file.
    labels : ndarray of int, shape (..., Y, X)
        0 is background; objects count anew in every plane.
    """
    planes = labels.reshape(-1, *labels.shape[-2:])
    report_counts(path, [int(np.count_nonzero(np.unique(plane))) for plane in planes])


def report_counts(path: Path, counts: Sequence[int]) -> None:
    """Print how many objects there are, given those of every plane."""
    where = f" in {len(counts)} planes" if len(counts) > 1 else ""
    print(f"{path}: {sum(counts)} objects{where}")


def report_moved(pixels: Sequence[float]) -> None:
    """Print by how much outlines of the foreground were moved, if they were.

    Parameters
    ----------
    pixels : sequence of float
        Of every plane; 0 where they stayed.
    """
    moved = [distance for distance in pixels if distance]
    if moved:
        where = f" in {len(moved)} of {len(pixels)} planes" if len(pixels) > 1 else ""
        print(
            f"the outlines of the foreground were moved by {sum(moved) / len(moved):.1f} px on "
            f"average to the edges of the image{where}; with --outlines keep they stay"
        )
