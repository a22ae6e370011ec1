"""How a foreground is found by inpainting error maximisation, and what it reports; torch-free."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ParameterError

#: Side of the images of the publication: the sides of its squares and its lambda are for them.
REFERENCE_SIDE = 128


@dataclass(frozen=True)
class IEMParameters:
    """How to maximise the inpainting error; the defaults are those of Savarese et al. 2021.

    Attributes
    ----------
    sigma : float
        Standard deviation of the inpainter's kernel in pixels. The kernel is applied as two
        passes, each a square that reaches ``radius`` far.
    radius : int
        Reach of one pass in pixels: 5 makes two passes of 11x11 pixels, 21x21 together.
    diversity : float
        Lambda, at least 0: how much each layer's deviation from its mean costs, for images of
        128x128 pixels; see `for_pixels`.
    iterations : int
        Updates of the mask.
    squares : tuple of float
        Sides of the centred squares that a search begins with, as parts of the image's shorter
        side: 44, 78 and 92 of 128 pixels.
    boundary_only : bool
        Whether an update changes only pixels at the boundary of the mask.
    smoothing : bool
        Whether every update ends with the majority of each 3x3 neighbourhood.
    """

    sigma: float = 5.0
    radius: int = 5
    diversity: float = 0.001
    iterations: int = 150
    squares: tuple[float, ...] = (44 / 128, 78 / 128, 92 / 128)
    boundary_only: bool = True
    smoothing: bool = True

    def __post_init__(self) -> None:
        if not (math.isfinite(self.sigma) and self.sigma > 0):
            raise ParameterError(f"sigma must be a number of pixels above 0, got {self.sigma}")
        if self.radius < 1:
            raise ParameterError(f"the radius must be at least 1 pixel, got {self.radius}")
        if not (math.isfinite(self.diversity) and self.diversity >= 0):
            raise ParameterError(f"the diversity weight must be at least 0, got {self.diversity}")
        if self.iterations < 1:
            raise ParameterError(f"there must be at least 1 iteration, got {self.iterations}")
        if not self.squares or not all(0 < side < 1 for side in self.squares):
            raise ParameterError(
                f"the sides of the squares must lie between 0 and 1, got {self.squares}"
            )

    @property
    def kernel_side(self) -> int:
        """Side of the square that the inpainter looks at, in pixels."""
        return 4 * self.radius + 1

    def for_pixels(self, count: int) -> float:
        """Return lambda for an image of so many pixels.

        The inpainting error is a mean and the deviation a sum: without this, lambda would
        mean something else for every size.
        """
        return self.diversity * REFERENCE_SIDE**2 / count


@dataclass(frozen=True)
class IEMUpdate:
    """Where a search stands.

    Attributes
    ----------
    done, total : int
        Updates of masks so far, and at most altogether, over all images and starts.
    iteration : int
        Update that the present group of images has reached.
    changed : int
        Pixels that the last update of the group changed.
    """

    done: int
    total: int
    iteration: int
    changed: int


@dataclass(frozen=True)
class IEMResult:
    """Masks of a number of images.

    Attributes
    ----------
    masks : ndarray of bool, shape (B, Y, X)
        The foreground of each image: of all starts the mask with the highest inpainting error.
    errors : ndarray of float32, shape (B,)
        Its inpainting error, for intensities of standard deviation 0.5. 0 where the
        search has lost the foreground or the background.
    starts : ndarray of int, shape (B,)
        The start that it came from.
    """

    masks: NDArray[np.bool_]
    errors: NDArray[np.float32]
    starts: NDArray[np.intp]
