"""Planes one after the other: a plane that cannot be used is left out, the others go on."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.images import Plane, SkippedImage

PlaneIndex: TypeAlias = tuple[int, ...]

#: Gets the position of a plane and its pixels; yields updates and returns labels.
SegmentPlane: TypeAlias = Callable[
    [PlaneIndex, NDArray[Any]], Generator[Any, None, NDArray[np.integer[Any]]]
]


@dataclass(frozen=True)
class PlaneShare:
    """How far a run over planes is.

    Attributes
    ----------
    name : str
        Of the plane, or the file, that is worked on.
    done, total : int
        Planes, or files, that are over; and all.
    share : float
        Finished part of the one that is worked on, in [0, 1].
    """

    name: str
    done: int
    total: int
    share: float = 0.0


@dataclass(frozen=True, eq=False)
class PlaneDone:
    """The labels of a plane.

    Attributes
    ----------
    index : tuple of int
        Position along the leading axes.
    labels : ndarray of int, shape (Y, X)
        0 is background; objects count from 1 in every plane.
    """

    index: PlaneIndex
    labels: NDArray[np.integer[Any]]


@dataclass(frozen=True)
class PlaneKept:
    """A plane that has labels already, which stay.

    Attributes
    ----------
    index : tuple of int
        Position along the leading axes.
    """

    index: PlaneIndex


PlaneUpdate: TypeAlias = PlaneShare | PlaneDone | PlaneKept | SkippedImage


def iterate_planes(
    planes: Mapping[PlaneIndex, Plane],
    segment: SegmentPlane,
    *,
    keeps: Callable[[PlaneIndex], bool] | None = None,
) -> Generator[PlaneUpdate, None, None]:
    """Label planes one after the other, each of them on its own.

    A plane is read when its turn comes, and nothing of it is kept.

    Parameters
    ----------
    planes : mapping of tuple of int to Plane
        By their position along the leading axes.
    segment : callable
        Labels a plane; its updates may count (``done`` and ``total``).
    keeps : callable, optional
        Says of a position whether there are labels already, which shall stay. It is asked
        when the turn of the plane comes.

    Yields
    ------
    PlaneShare, PlaneDone, PlaneKept or SkippedImage
        The last for a plane that cannot be read or used, with the reason. Not asking for
        the next one cancels the run.

    Raises
    ------
    InpaintAffError
        If ``segment`` raises anything but an ImageError.
    """
    for number, (index, plane) in enumerate(planes.items()):
        if keeps is not None and keeps(index):
            yield PlaneKept(index)
            continue
        yield PlaneShare(plane.name, number, len(planes))
        try:
            image = plane.read()
            check_contrast(image, plane.name)
            with closing(segment(index, image)) as updates:
                labels = yield from _shares(updates, plane.name, number, len(planes))
        except ImageError as error:
            yield SkippedImage.because(plane.name, error)
            continue
        yield PlaneDone(index, labels)
        del image, labels


def check_contrast(image: NDArray[Any], name: str) -> None:
    """Raise ImageError for a plane in which no cell can be seen, such as a black frame.

    Parameters
    ----------
    image : ndarray, shape (Y, X)
        Intensities; NaN marks unknown pixels.
    name : str
        For the message.
    """
    known = image[np.isfinite(image)] if image.dtype.kind == "f" else image
    if known.size == 0:
        raise ImageError(f"{name} has no finite pixel")
    if known.min() == known.max():
        raise ImageError(f"{name} is empty: every pixel is {known.flat[0]:g}")


def _shares(
    updates: Generator[Any, None, NDArray[np.integer[Any]]], name: str, done: int, total: int
) -> Generator[PlaneShare, None, NDArray[np.integer[Any]]]:
    """Tell of every update only how far it is."""
    share = 0.0
    while True:
        try:
            update = next(updates)
        except StopIteration as end:
            labels: NDArray[np.integer[Any]] = end.value
            return labels
        of = getattr(update, "total", 0)
        if of:
            share = min(1.0, update.done / of)
        yield PlaneShare(name, done, total, share)
