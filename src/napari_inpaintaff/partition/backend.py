"""The solver behind the mutex watershed: affogato where it is, else bioimage-cpp."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

import bioimage_cpp
import numpy as np
from bioimage_cpp.segmentation import mutex_watershed as _bioimage_mutex_watershed
from numpy.typing import NDArray

from napari_inpaintaff.datatypes import Offset


def solve_mutex_watershed(
    strengths: NDArray[np.float32],
    offsets: tuple[Offset, ...],
    attractive: int,
    mask: NDArray[np.bool_],
) -> NDArray[np.integer[Any]]:
    """Run Kruskal's mutex watershed (Wolf et al. 2018, algorithm 1).

    Parameters
    ----------
    strengths : ndarray of float32, shape (K, Y, X)
        Strength of the edge of (y, x) and (y, x) + ``offsets[k]``. Edges are
        visited from the strongest on, zero ones too. Among equals bioimage-cpp
        takes the first channel first, then the first pixel; affogato does not
        define the order.
    offsets : tuple of (int, int)
    attractive : int
        The first so many channels merge, the others forbid a merge.
    mask : ndarray of bool, shape (Y, X)

    Returns
    -------
    ndarray of integers, shape (Y, X)
        Labels >= 1 inside the mask, neither consecutive nor in any order.
        Undefined outside the mask.
    """
    compute = _affogato_function()
    if compute is not None:
        return np.asarray(
            compute(strengths, [list(offset) for offset in offsets], attractive, mask=mask)
        )
    return np.asarray(_bioimage_mutex_watershed(strengths, offsets, attractive, mask=mask))


def mutex_watershed_backend() -> str:
    """Name and version of the library that runs the mutex watershed.

    Returns
    -------
    str
        For example ``"affogato 0.3.3"`` or ``"bioimage-cpp 0.9.0"``.
    """
    if _affogato_function() is None:
        return f"bioimage-cpp {bioimage_cpp.__version__}"
    version = getattr(importlib.import_module("affogato"), "__version__", "")
    return f"affogato {version}".strip()


def _affogato_function() -> Callable[..., NDArray[np.integer[Any]]] | None:
    """Find affogato's mutex watershed, or None when there is no usable affogato.

    Asked for by its function: the package of that name on PyPI is something else.
    """
    try:
        module: ModuleType = importlib.import_module("affogato.segmentation")
    except ImportError:
        return None
    return getattr(module, "compute_mws_segmentation", None)
