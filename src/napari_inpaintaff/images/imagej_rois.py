"""Outlines of objects as ImageJ regions of interest, one .zip for the ROI Manager."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.images.axes import ImageData
from napari_inpaintaff.images.files import atomic_path, check_writable
from napari_inpaintaff.jobs import Job, Progress

if TYPE_CHECKING:
    from roifile import ImagejRoi

#: Endings of the files that `write_rois` writes.
ROI_SUFFIXES = (".zip",)

# Pixels that touch by a corner belong together.
_CORNERS_TOO = np.ones((3, 3), dtype=bool)


def write_rois(path: str | PathLike[str], labels: ImageData) -> Path:
    """Write the outline of every object as an ImageJ polygon.

    Parameters
    ----------
    path : path-like
        A name ending in ``.zip``, which ImageJ's ROI Manager opens.
    labels : ImageData
        0 is background.

    Returns
    -------
    pathlib.Path
        The written file. ROIs are named by label, ``0012``, in stacks after the frame and the
        plane, ``T003-Z001-0012``, counted from 1 as ImageJ does, and bound to that position.
        The pixels whose centre lies in the polygon are those of the object with its holes
        filled. An object of several pieces has a ROI for each: ``0012-2`` is the second.

    Raises
    ------
    ParameterError
        If the labels are no integers, or there is no object.
    OutputError
        If the file cannot be written; an existing file stays.
    """
    return Job(iterate_rois(path, labels), name="outlines").run()


def iterate_rois(path: str | PathLike[str], labels: ImageData) -> Generator[Progress, None, Path]:
    """Do what `write_rois` does, and say how far it is after every plane."""
    from roifile import roiwrite

    path = Path(path)
    if labels.data.dtype.kind not in "bui":
        raise ParameterError(f"labels must be integers, got {labels.data.dtype}")
    if not labels.data.any():
        raise ParameterError("there is no object to outline")
    check_writable(path, suffixes=ROI_SUFFIXES)
    leading = labels.data.shape[:-2]
    total = int(np.prod(leading))
    with atomic_path(path) as unfinished:
        unfinished.unlink()  # or it would be taken for an archive to add to
        yield Progress(0, total, "Outlining the objects…")
        for done, index in enumerate(np.ndindex(leading), 1):
            roiwrite(unfinished, _rois(labels, index), mode="w" if done == 1 else "a")
            yield Progress(done, total)
    return path


def object_outlines(plane: NDArray[Any]) -> Iterator[tuple[int, int, NDArray[np.float64]]]:
    """Trace the outer border of every piece of every object.

    Parameters
    ----------
    plane : ndarray of integers or bool, shape (Y, X)
        0 is background.

    Yields
    ------
    label : int
        Ascending.
    piece : int
        From 1; pixels that share a side or a corner are one piece.
    outline : ndarray of float64, shape (N, 2)
        Corners (x, y) of the polygon in ImageJ's coordinates, in which the first pixel
        reaches from 0 to 1.
    """
    from skimage.measure import find_contours

    values, index = np.unique(plane, return_inverse=True)
    compact = index.reshape(plane.shape) + int(values[0] != 0)
    for value, box in zip(values[values != 0], ndimage.find_objects(compact), strict=True):
        pieces, count = ndimage.label(plane[box] == value, structure=_CORNERS_TOO)
        for piece in range(1, count + 1):
            mask = np.pad(ndimage.binary_fill_holes(pieces == piece), 1)
            contours = find_contours(mask.astype(np.float32), 0.5, fully_connected="high")
            outline = max(contours, key=len)[:-1, ::-1]
            # Away with the padding; the centre of a pixel is at one half.
            yield int(value), piece, outline - 0.5 + [box[1].start, box[0].start]


def _rois(labels: ImageData, index: tuple[int, ...]) -> Iterator[ImagejRoi]:
    from roifile import ImagejRoi

    position: dict[str, int] = dict(zip(labels.axes[:-2].lower(), index, strict=True))
    where = "".join(f"{axis.upper()}{place + 1:03}-" for axis, place in position.items())
    if len(index) == 1:
        # Stacks of one axis are counted through, and not every stack is a hyperstack.
        position["position"] = index[0]
    for label, piece, outline in object_outlines(labels.data[index]):
        name = f"{where}{label:04}" + (f"-{piece}" if piece > 1 else "")
        yield ImagejRoi.frompoints(outline, name=name, **position)
