"""Pixels that are read when they are asked for, and what can go wrong then."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from napari_inpaintaff.errors import ImageError


class Pixels(Protocol):
    """What is asked of an array, be it in memory or in a file: NumPy, dask and zarr fit."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of every axis."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a pixel."""
        ...

    def __getitem__(self, index: tuple[int | slice, ...], /) -> Any:
        """Return a part, one place or a slice of every axis; `numpy.asarray` reads it."""
        ...


@contextlib.contextmanager
def reading_pixels(where: object) -> Iterator[None]:
    """Turn every failure to read into an ImageError of one line that names the image.

    Parameters
    ----------
    where : path or str
        The file, or the name of an image in memory.
    """
    try:
        yield
    except ImageError:
        raise
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ImageError(f"there is no file {where}") from error
    except PermissionError as error:
        raise ImageError(f"no permission to read {where}") from error
    except MemoryError as error:
        raise ImageError(f"{where} does not fit into the memory of this computer") from error
    except Exception as error:  # decoders of damaged files raise whatever comes to their mind
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ImageError(f"{where} cannot be read as an image: {reason}") from error


def check_intensities(dtype: np.dtype[Any], where: object) -> None:
    """Raise ImageError unless pixels of this type are intensities."""
    if dtype.kind not in "uif":
        kind = {"b": "a black-and-white mask", "c": "an image of complex numbers"}.get(
            dtype.kind, f"an image of the unknown type {dtype}"
        )
        raise ImageError(f"{where} is {kind}: integer or floating-point intensities are needed")
