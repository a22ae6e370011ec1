"""Small and faint pieces of a foreground that are no cells; torch-free."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_inpaintaff.images.regions import Region

#: Of a part of a plane: above, below, left and right.
Sides = tuple[bool, bool, bool, bool]

#: In pixels of cells of 25 px; a cell has about 490.
SMALLEST_OBJECT = 30
#: How far up from the level to the highest probability in the image a cell reaches somewhere.
FAINTEST_PEAK = 0.6


def without_specks(mask: NDArray[np.bool_], smallest: float) -> NDArray[np.bool_]:
    """Keep the components (pixels that share a side) of at least so many pixels."""
    labels, _ = ndimage.label(mask)
    large = np.bincount(labels.ravel()) >= smallest
    large[0] = False
    return np.asarray(large[labels], dtype=bool)


def lower_specks(
    probability: NDArray[np.float32],
    *,
    level: float,
    smallest: float,
    highest: float | None = None,
) -> NDArray[np.float32]:
    """Take what is small or faint for background.

    Parameters
    ----------
    probability : ndarray of float32, shape (Y, X)
        Of foreground, in [0, 1].
    level : float
        Components of pixels above it are looked at.
    smallest : float
        Pixels that a component has at least, to count as cells. Its highest probability must
        also be 0.6 of the way from the level to the highest of the image.
    highest : float, optional
        Highest probability of the plane that this is a part of; by default of this.

    Returns
    -------
    ndarray of float32, shape (Y, X)
        Mirrored at one half in the pixels of other components, the same elsewhere.
    """
    above = probability > level
    if not above.any():
        return probability
    highest = float(probability.max()) if highest is None else highest
    labels, sizes, peaks = _measured(probability, above)
    cells = (sizes >= smallest) & (peaks >= faintest_peak(level, highest))
    cells[0] = False
    return np.where(above & ~cells[labels], 1 - probability, probability)


def undecided(
    probability: NDArray[np.float32], core: Region, *, level: float, highest: float, open_: Sides
) -> bool:
    """Tell whether a faint component in a core goes on beyond this part of the plane.

    Parameters
    ----------
    probability : ndarray of float32, shape (Y, X)
        Of a part of a plane.
    core : tuple of two slices
        Rows and columns in it that matter.
    level, highest
        See `lower_specks`.
    open_ : tuple of four bool
        Whether the plane goes on above, below, left and right of this part.
    """
    above = probability > level
    if not above[core].any():
        return False
    labels, _, peaks = _measured(probability, above)
    faint = peaks < faintest_peak(level, highest)
    faint[0] = False
    edges = (labels[0], labels[-1], labels[:, 0], labels[:, -1])
    cut = [np.unique(edge) for edge, goes_on in zip(edges, open_, strict=True) if goes_on]
    beyond = np.unique(np.concatenate([*cut, np.zeros(0, labels.dtype)]))
    return bool(np.isin(np.unique(labels[core]), beyond[faint[beyond]]).any())


def faintest_peak(level: float, highest: float) -> float:
    """Return the probability that a component reaches somewhere, to count as cells."""
    return level + FAINTEST_PEAK * (highest - level)


def _measured(
    probability: NDArray[np.float32], above: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    """Return components, and the size and highest probability of each."""
    labels, count = ndimage.label(above)
    peaks = ndimage.maximum(probability, labels, np.arange(count + 1))
    return labels, np.bincount(labels.ravel(), minlength=count + 1), np.asarray(peaks)
