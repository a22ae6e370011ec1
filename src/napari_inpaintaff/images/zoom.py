"""Fitting the image to the scale of the inpainter's cells, and the affinities back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.datatypes import Affinities, Offset
from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.images.regions import Region
from napari_inpaintaff.images.zoom_window import ZoomWindow, image_offsets, working_shape

_Plane = NDArray[np.float32]
ScalarT = TypeVar("ScalarT", bound=np.generic)


@dataclass(frozen=True)
class Zoom:
    """The relation between image pixels and the pixels that the network works on.

    Attributes
    ----------
    factor : float
        Image pixels per working pixel, positive. Exactly 1 resamples nothing.
    """

    factor: float

    @classmethod
    def between(cls, model_diameter: float, diameter: float | None) -> Zoom:
        """Choose the zoom that makes cells as large as those of the model.

        Parameters
        ----------
        model_diameter : float
            In working pixels.
        diameter : float or None
            In image pixels; None means that of the model.

        Returns
        -------
        Zoom
            1 for a difference of less than 5 percent, which resampling would not mend.

        Raises
        ------
        ParameterError
            If the diameter is not positive, below a tenth of the model's (long offsets
            would shrink to nothing) or above twenty times it.
        """
        if diameter is None:
            return cls(1.0)
        if not diameter > 0:
            raise ParameterError(f"the cell diameter must be positive, got {diameter}")
        factor = diameter / model_diameter
        if not 0.1 <= factor <= 20:
            raise ParameterError(
                f"a cell diameter of {diameter:g} px is too far from the model's "
                f"{model_diameter:g} px; check it, or use another model"
            )
        return cls(1.0 if abs(factor - 1) < 0.05 else factor)

    def window(
        self, shape: tuple[int, int], core: Region, *, halo: int = 0, multiple: int = 1
    ) -> ZoomWindow:
        """Return the working pixels around a part of a plane; see `ZoomWindow.around`."""
        return ZoomWindow.around(self.factor, shape, core, halo=halo, multiple=multiple)

    def shrink(self, image: _Plane) -> _Plane:
        """Resample an image (Y, X) to working pixels.

        A working pixel is the average of the known image pixels around it, and unknown
        (NaN) if these are less than half of its weight.
        """
        return self._whole(image).shrink(image)

    def shrink_mask(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return the working pixels that `enlarge` reads for the image pixels of a mask.

        It returns a few more than these, so that what `enlarge` says about a pixel does
        not depend on the other pixels of the mask.
        """
        if self.factor == 1:
            return mask
        return self._whole(mask).shrink_mask(mask, _all_of(mask))

    def shrink_labels(self, labels: NDArray[ScalarT]) -> NDArray[ScalarT]:
        """Return what a mask or label image (Y, X) says in the middle of every working pixel."""
        if self.factor == 1:
            return labels
        shape = working_shape(labels.shape, self.factor)
        ys, xs = (
            ((np.arange(size) + 0.5) * (length / size)).astype(int)
            for size, length in zip(shape, labels.shape, strict=True)
        )
        return labels[np.ix_(ys, xs)]

    def offsets(self, offsets: Sequence[Offset]) -> tuple[Offset, ...]:
        """Return offsets in image pixels: long ones are scaled, local ones stay local."""
        return image_offsets(offsets, self.factor)

    def enlarge(self, affinities: Affinities, wanted: NDArray[np.bool_]) -> Affinities:
        """Resample affinities to image pixels.

        A pair of image pixels gets the affinities of the pairs of working pixels whose
        middles are nearest to its own, by bilinear interpolation weighted with their
        weights.

        Parameters
        ----------
        affinities : Affinities
            In working pixels, known wherever ``shrink_mask(wanted)`` is true.
        wanted : ndarray of bool, shape (Y, X)
            Image pixels whose affinities are needed; the others get weight 0.

        Returns
        -------
        Affinities
            Of the image's shape, with the offsets of `offsets`.
        """
        if self.factor == 1:
            return affinities
        return self._whole(wanted).enlarge(affinities, wanted, _all_of(wanted))

    def enlarge_map(self, values: _Plane, shape: tuple[int, int]) -> _Plane:
        """Resample a map (Y, X) of working pixels to an image of a shape."""
        whole = slice(0, shape[0]), slice(0, shape[1])
        return ZoomWindow.whole(self.factor, shape).enlarge_map(values, whole)

    def _whole(self, image: NDArray[np.generic]) -> ZoomWindow:
        return ZoomWindow.whole(self.factor, (image.shape[0], image.shape[1]))


def _all_of(image: NDArray[np.generic]) -> Region:
    return slice(0, image.shape[0]), slice(0, image.shape[1])
