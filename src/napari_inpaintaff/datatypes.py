"""The small dataclasses that several rooms share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ParameterError

Offset = tuple[int, int]

#: The published neighbourhood (Wolf et al. 2020, appendix C): two attractive
#: local edges, then ten repulsive long-range ones, each as (y, x).
PUBLISHED_OFFSETS: tuple[Offset, ...] = (
    (-1, 0),
    (0, -1),
    (-9, 0),
    (0, -9),
    (-9, -9),
    (9, -9),
    (-9, -4),
    (-4, -9),
    (4, -9),
    (9, -4),
    (-27, 0),
    (0, -27),
)


@dataclass(frozen=True)
class Prediction:
    """What an inpainter says about every pixel.

    Attributes
    ----------
    mean : ndarray of float32, shape (..., Y, X)
        Location of the predicted distribution, in normalised intensity.
    scale : ndarray of float32, shape (..., Y, X), or None
        Scale b > 0 of the Laplace distribution; None for an inpainter that
        was trained with a plain L1 loss.
    """

    mean: NDArray[np.float32]
    scale: NDArray[np.float32] | None


@dataclass(frozen=True)
class Affinities:
    """Probabilities that pairs of pixels belong to the same object.

    Attributes
    ----------
    values : ndarray of float32, shape (K, Y, X)
        ``values[k, y, x]``, in [0, 1], is the affinity of pixel (y, x) and pixel
        (y, x) + ``offsets[k]``: the fraction of the patches that hold both in
        which they were in the same leaf region. 0 where ``weight`` is 0.
    offsets : tuple of (int, int)
        K offsets in (y, x) order, the two local ones first.
    weight : ndarray of float32, shape (K, Y, X)
        How many patches contributed. 0 where nothing was computed: outside a
        given foreground, and where the partner lies outside the image.
    """

    values: NDArray[np.float32]
    offsets: tuple[Offset, ...]
    weight: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.values.ndim != 3 or self.values.shape[0] != len(self.offsets):
            raise ParameterError(
                f"affinities must have the shape (offsets, Y, X) with {len(self.offsets)} "
                f"offsets, got {self.values.shape}"
            )
        if self.weight.shape != self.values.shape:
            raise ParameterError(
                f"the weight must have the shape of the affinities {self.values.shape}, "
                f"got {self.weight.shape}"
            )

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the image, in pixels."""
        return self.values.shape[1], self.values.shape[2]

    def window(self, window: tuple[slice, ...]) -> Affinities:
        """Return those of some rows and columns, as views; partners may lie outside."""
        return Affinities(self.values[:, *window], self.offsets, self.weight[:, *window])
