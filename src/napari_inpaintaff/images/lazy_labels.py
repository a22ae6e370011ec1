"""Label images that are in memory or read block by block: their type and their pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.images.pixels import Pixels
from napari_inpaintaff.images.regions import Region, blocks_of

_LARGEST = int(np.iinfo(np.uint32).max)
_LARGEST_SHORT = int(np.iinfo(np.uint16).max)

#: Side of the blocks in which labels are read, a multiple of the chunks that are written.
BLOCK = 2048


def label_dtype(labels: Pixels, largest: int | None = None) -> np.dtype[Any]:
    """Choose the type in which a label image is written.

    Parameters
    ----------
    labels : Pixels
        0 is background. They are read, block by block, where their type leaves the answer open.
    largest : int, optional
        The largest label, where it is known; the labels are not read then.

    Returns
    -------
    dtype
        uint16 where the largest label allows, otherwise uint32.

    Raises
    ------
    ParameterError
        If the labels are not integers, are negative or larger than uint32 allows.
    """
    dtype = np.dtype(labels.dtype)
    if dtype.kind not in "bui":
        raise ParameterError(f"labels must be integers, got {dtype}")
    if largest is None and dtype.kind != "i" and dtype.itemsize <= 2:
        return np.dtype(np.uint16)
    if largest is None:
        low, largest = _range(labels)
        _check(low, largest)
    if not 0 <= largest <= _LARGEST:
        raise ParameterError(f"the largest label must be from 0 to 2**32 - 1, got {largest}")
    return np.dtype(np.uint16 if largest <= _LARGEST_SHORT else np.uint32)


def read_block(
    labels: Pixels, index: tuple[int, ...], region: Region, dtype: np.dtype[Any]
) -> NDArray[Any]:
    """Read a part of a plane of labels.

    Parameters
    ----------
    labels : Pixels
        Of shape (..., Y, X).
    index : tuple of int
        Position along the leading axes.
    region : tuple of (slice, slice)
        Rows and columns.
    dtype : dtype
        Unsigned integers.

    Raises
    ------
    ParameterError
        If a label does not fit into the type.
    """
    block = np.asarray(labels[(*index, *region)])
    if block.dtype != dtype and block.dtype.kind != "b":
        low, high = int(block.min()), int(block.max())
        _check(low, high)
        if high > np.iinfo(dtype).max:
            raise ParameterError(f"there is a label {high}, which is more than was announced")
    return block.astype(dtype, copy=False)


def _range(labels: Pixels) -> tuple[int, int]:
    low = high = 0
    shape = tuple(int(length) for length in labels.shape)
    for index in np.ndindex(shape[:-2]):
        for region in blocks_of(shape, BLOCK):
            block = np.asarray(labels[(*index, *region)])
            low, high = min(low, int(block.min())), max(high, int(block.max()))
    return low, high


def _check(low: int, high: int) -> None:
    if low < 0:
        raise ParameterError(f"labels must not be negative, got {low}")
    if high > _LARGEST:
        raise ParameterError(f"labels must be below 2**32, got {high}")
