"""Show affinities as colours, as Figure 1 of the paper does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.datatypes import Affinities
from napari_inpaintaff.errors import ParameterError


def affinity_colours(affinities: Affinities) -> NDArray[np.uint8]:
    """Colour the cuts between neighbouring pixels: blue along x, red along y.

    Parameters
    ----------
    affinities : Affinities
        Of shape (K, Y, X), with the offsets (-1, 0) and (0, -1) among them.

    Returns
    -------
    ndarray of uint8, shape (Y, X, 4)
        RGBA. Red is ``1 - affinity`` towards the pixel above, blue the same
        towards the pixel on the left, and the opacity is the stronger of both:
        inside a cell, and where nothing was computed, the image shines through.

    Raises
    ------
    ParameterError
        When one of the two local offsets is missing.
    """
    red = _repulsion(affinities, (-1, 0))
    blue = _repulsion(affinities, (0, -1))
    strongest = np.maximum(red, blue)
    colours = np.zeros((*affinities.shape, 4), dtype=np.uint8)
    # Full hue, and the strength in the opacity alone: a weak cut is a faint red,
    # not a dark one.
    divisor = np.where(strongest > 0, strongest, 1.0)
    colours[..., 0] = np.rint(255 * red / divisor)
    colours[..., 2] = np.rint(255 * blue / divisor)
    colours[..., 3] = np.rint(255 * strongest)
    return colours


def _repulsion(affinities: Affinities, offset: tuple[int, int]) -> NDArray[np.float32]:
    if offset not in affinities.offsets:
        raise ParameterError(
            f"the affinities lack the local offset {offset}; they have {affinities.offsets}"
        )
    channel = affinities.offsets.index(offset)
    known = affinities.weight[channel] > 0
    repulsion = np.where(known, 1.0 - affinities.values[channel], 0.0)
    return np.clip(repulsion, 0.0, 1.0).astype(np.float32)
