"""How much of the border of images a mask covers: the background is what covers most of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def border_share(masks: NDArray[Any]) -> NDArray[np.float64]:
    """Return the mean of masks over the outermost pixels of an image.

    Parameters
    ----------
    masks : ndarray of bool or float, shape (..., Y, X)
        In [0, 1].

    Returns
    -------
    ndarray of float64, shape (...)
    """
    border = np.ones(masks.shape[-2:], bool)
    border[1:-1, 1:-1] = False
    return np.asarray(masks[..., border].mean(axis=-1, dtype=np.float64))
