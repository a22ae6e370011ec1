"""Whether an array fits into the memory, asked before any of it is taken."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import psutil
from numpy.typing import DTypeLike

from napari_inpaintaff.errors import ImageError

_MOST_PLANES = 10**6
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def available_memory() -> int:
    """Return how many bytes this process could take now without swapping.

    Returns
    -------
    int
        What is free or can be freed; less where the process has a limit of its own.
    """
    available = int(psutil.virtual_memory().available)
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return available
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return available
    taken = int(psutil.Process().memory_info().vms)
    return max(0, min(available, limit - taken))


def check_fits_memory(shape: Sequence[int], dtype: DTypeLike, where: object) -> None:
    """Refuse an array that a file promises, if it is larger than the memory.

    Parameters
    ----------
    shape : sequence of int
        As the header of the file says it: any numbers of 0 or more.
    dtype : dtype-like
        Of its values.
    where : path or str
        The file, for the message.

    Raises
    ------
    ImageError
        If it does not fit.

    Examples
    --------
    >>> check_fits_memory((10**9, 10**9), np.uint16, "slide.tif")
    Traceback (most recent call last):
    ...
    napari_inpaintaff.errors.ImageError: slide.tif ...
    """
    check_bytes_fit_memory(math.prod(int(n) for n in shape) * np.dtype(dtype).itemsize, where)


def check_plane_count(shape: Sequence[int], where: object) -> None:
    """Refuse an image of more planes than can be listed, see `check_fits_memory`.

    Parameters
    ----------
    shape : sequence of int
        Of the image, (..., Y, X).
    where : path or str
        For the message.

    Raises
    ------
    ImageError
        If there are more than a million.
    """
    count = math.prod(int(n) for n in shape[:-2])
    if count > _MOST_PLANES:
        raise ImageError(
            f"{where} promises {count:.3g} planes, and at most {_MOST_PLANES:,} are read: it is "
            "damaged, or has to be cut into parts"
        )


def check_bytes_fit_memory(size: int, where: object) -> None:
    """Refuse what takes more bytes than there are; see `check_fits_memory`."""
    available = available_memory()
    if size > available:
        raise ImageError(
            f"{where} promises {_readable(size)} of pixels, and {_readable(available)} of memory "
            "are free: close other programs, or cut the image into parts"
        )


def _readable(size: int) -> str:
    step = min(max(size.bit_length() - 1, 0) // 10, len(_UNITS) - 1)
    return f"{size / 2 ** (10 * step):.3g} {_UNITS[step]}"
