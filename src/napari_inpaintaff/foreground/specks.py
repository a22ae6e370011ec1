"""Small and faint pieces of a foreground that are no cells; torch-free."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

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
    probability: NDArray[np.float32], *, level: float, smallest: float
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

    Returns
    -------
    ndarray of float32, shape (Y, X)
        Mirrored at one half in the pixels of other components, the same elsewhere.
    """
    above = probability > level
    if not above.any():
        return probability
    labels, count = ndimage.label(above)
    peaks = ndimage.maximum(probability, labels, np.arange(count + 1))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    faintest = level + FAINTEST_PEAK * (float(probability.max()) - level)
    cells = (sizes >= smallest) & (np.asarray(peaks) >= faintest)
    cells[0] = False
    return np.where(above & ~cells[labels], 1 - probability, probability)
