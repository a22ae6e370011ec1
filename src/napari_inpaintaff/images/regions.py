"""Rectangular regions of an image."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from napari_inpaintaff.errors import ParameterError

#: Rows and columns of a rectangle, both with start and stop inside the image.
Region = tuple[slice, slice]

_RANGE = r"\s*(\d*)\s*:\s*(\d*)\s*"
_REGION = re.compile(f"{_RANGE},{_RANGE}", re.ASCII)


def parse_region(text: str, shape: Sequence[int]) -> Region:
    """Read a region written as ``"Y0:Y1,X0:X1"``.

    Parameters
    ----------
    text : str
        First row and the row after the last, then the same for columns, as in Python
        slices; a bound that is left out is that of the image.
    shape : sequence of int
        Shape of the image; its last two entries are Y and X.

    Returns
    -------
    tuple of (slice, slice)
        Rows and columns, with start and stop.

    Raises
    ------
    ParameterError
        If the text has another form, or the region is empty or reaches outside the image.

    Examples
    --------
    >>> parse_region("10:20,:30", (100, 200))
    (slice(10, 20, None), slice(0, 30, None))
    """
    match = _REGION.fullmatch(text)
    if match is None:
        raise ParameterError(
            f"a region is written Y0:Y1,X0:X1, for example 0:256,0:256, got {text!r}"
        )
    y0, y1, x0, x1 = (int(bound) if bound else None for bound in match.groups())
    return check_region((slice(y0, y1), slice(x0, x1)), shape)


def check_region(region: Region, shape: Sequence[int]) -> Region:
    """Return a region with all bounds filled in, after checking it against an image.

    Parameters
    ----------
    region : tuple of (slice, slice)
        Rows and columns; a missing start or stop is that of the image.
    shape : sequence of int
        Shape of the image; its last two entries are Y and X.

    Raises
    ------
    ParameterError
        If the region is no pair of slices without step, is empty or reaches outside the image.
    """
    if len(region) != 2 or not all(isinstance(part, slice) for part in region):
        raise ParameterError(f"a region must be a pair of slices (rows, columns), got {region!r}")
    height, width = (int(size) for size in shape[-2:])
    rows, columns = (
        (0 if part.start is None else part.start, size if part.stop is None else part.stop)
        for part, size in zip(region, (height, width), strict=True)
    )
    written = f"{rows[0]}:{rows[1]},{columns[0]}:{columns[1]}"
    if any(part.step not in (None, 1) for part in region):
        raise ParameterError(f"a region cannot have a step, got {region!r}")
    if rows[0] >= rows[1] or columns[0] >= columns[1]:
        raise ParameterError(f"the region {written} is empty: each start must be below its end")
    if min(rows[0], columns[0]) < 0 or rows[1] > height or columns[1] > width:
        raise ParameterError(
            f"the region {written} reaches outside the image of {height} rows and {width} columns"
        )
    return slice(*map(int, rows)), slice(*map(int, columns))


def blocks_of(shape: Sequence[int], side: int) -> Iterator[Region]:
    """Cut a plane into blocks.

    Parameters
    ----------
    shape : sequence of int
        Shape of the image; its last two entries are Y and X.
    side : int
        Rows and columns of a block; those at the end of the plane are smaller.

    Yields
    ------
    tuple of (slice, slice)
        Rows and columns, row by row.

    Examples
    --------
    >>> [f"{y.start}:{y.stop},{x.start}:{x.stop}" for y, x in blocks_of((20, 50), 32)]
    ['0:20,0:32', '0:20,32:50']
    """
    height, width = shape[-2:]
    for y in range(0, height, side):
        for x in range(0, width, side):
            yield slice(y, min(y + side, height)), slice(x, min(x + side, width))
