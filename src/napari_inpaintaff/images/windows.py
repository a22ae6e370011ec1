"""Windows: parts of a plane that is never in memory as a whole."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from napari_inpaintaff.images.regions import Region


class PlaneReader(Protocol):
    """A plane (Y, X) of which parts can be read."""

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width, in pixels."""
        ...

    def read_region(self, region: Region) -> NDArray[Any]:
        """Return the pixels of some rows and columns, with start and stop inside the plane."""
        ...


@dataclass(frozen=True, eq=False)
class ArrayPlane:
    """A plane that is in memory.

    Attributes
    ----------
    pixels : ndarray, shape (Y, X)
        All of it.
    """

    pixels: NDArray[Any]

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width, in pixels."""
        return self.pixels.shape[0], self.pixels.shape[1]

    def read_region(self, region: Region) -> NDArray[Any]:
        """Return a part of it, as a view."""
        return self.pixels[region]


def grown(core: Region, halo: int, shape: tuple[int, int], multiple: int = 1) -> Region:
    """Return a part of a plane with its surroundings.

    Parameters
    ----------
    core : tuple of two slices
        Rows and columns, with start and stop.
    halo : int
        Pixels that are added on every side, as far as the plane has them.
    shape : tuple of int
        Height and width of the plane.
    multiple : int, optional
        The first row and column are rounded down to a multiple of it.

    Returns
    -------
    tuple of two slices
        Rows and columns inside the plane.
    """
    rows, columns = (
        slice(
            max(0, part.start - halo) // multiple * multiple,
            min(length, part.stop + halo),
        )
        for part, length in zip(core, shape, strict=True)
    )
    return rows, columns


def size_of(region: Region) -> tuple[int, int]:
    """Return height and width of a region, in pixels."""
    rows, columns = region
    return rows.stop - rows.start, columns.stop - columns.start


def within(inner: Region, outer: Region) -> Region:
    """Return rows and columns of a region, counted from the first pixel of another one."""
    rows, columns = (
        slice(part.start - around.start, part.stop - around.start)
        for part, around in zip(inner, outer, strict=True)
    )
    return rows, columns


def sample_windows(
    plane: PlaneReader, *, most_pixels: int = 16_000_000, side: int = 1024
) -> list[NDArray[Any]]:
    """Read windows that stand for a plane where its intensities are summed up.

    Parameters
    ----------
    plane : PlaneReader
        To be summed up.
    most_pixels : int > 0, optional
        A plane of at most so many pixels is read as a whole; the windows of a larger one have
        together no more.
    side : int > 0, optional
        Of the windows, in pixels.

    Returns
    -------
    list of ndarray, shape (Y, X)
        The whole plane, or windows that are evenly spread over it and do not overlap. The same
        for every run.
    """
    height, width = plane.shape
    if height * width <= most_pixels:
        return [plane.read_region((slice(0, height), slice(0, width)))]
    side = min(side, math.isqrt(most_pixels))
    tall, wide = min(side, height), min(side, width)
    count = max(1, most_pixels // (tall * wide))
    down = max(1, min(height // tall, count, round(math.sqrt(count * height / width))))
    right = max(1, min(width // wide, count // down))
    down = max(1, min(height // tall, count // right))
    return [
        plane.read_region((slice(y, y + tall), slice(x, x + wide)))
        for y in _spread(height, tall, down)
        for x in _spread(width, wide, right)
    ]


def _spread(length: int, side: int, count: int) -> list[int]:
    """Return the starts of windows in the middle of as many equal parts of a length."""
    return [(2 * k + 1) * length // (2 * count) - side // 2 for k in range(count)]
