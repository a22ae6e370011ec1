"""Fitting the image to the scale of the inpainter's cells, and the affinities back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from skimage.transform import resize

from napari_inpaintaff.datatypes import Affinities, Offset
from napari_inpaintaff.errors import ParameterError


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
            If the diameter is not positive or differs from the model's more than 20 times.
        """
        if diameter is None:
            return cls(1.0)
        if not diameter > 0:
            raise ParameterError(f"the cell diameter must be positive, got {diameter}")
        factor = diameter / model_diameter
        if not 0.05 <= factor <= 20:
            raise ParameterError(
                f"a cell diameter of {diameter:g} px is too far from the model's "
                f"{model_diameter:g} px; check it, or use another model"
            )
        return cls(1.0 if abs(factor - 1) < 0.05 else factor)

    def shrink(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Resample an image (Y, X) to working pixels; what touches NaN becomes NaN."""
        if self.factor == 1:
            return image
        shape = self._working_shape(image.shape)
        unknown = np.isnan(image)
        filled = np.where(unknown, 0, image)
        result = resize(filled, shape, order=1, mode="edge", anti_aliasing=self.factor > 1)
        result[self.shrink_mask(unknown)] = np.nan
        return np.asarray(result, np.float32)

    def shrink_mask(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Resample a mask (Y, X); a working pixel counts if any of its image pixels does."""
        if self.factor == 1:
            return mask
        shape = self._working_shape(mask.shape)
        touched = np.zeros(shape, bool)
        ys, xs = np.nonzero(mask)
        for step in (0, 1):
            rows = np.minimum((ys + step) * shape[0] // mask.shape[0], shape[0] - 1)
            columns = np.minimum((xs + step) * shape[1] // mask.shape[1], shape[1] - 1)
            touched[rows, columns] = True
        near = resize(mask.astype(np.float32), shape, order=1, mode="edge", anti_aliasing=False)
        return np.asarray(touched | (near > 0))

    def enlarge(self, affinities: Affinities, wanted: NDArray[np.bool_]) -> Affinities:
        """Resample affinities to image pixels.

        Parameters
        ----------
        affinities : Affinities
            In working pixels.
        wanted : ndarray of bool, shape (Y, X)
            Image pixels whose affinities are needed; the others get weight 0.

        Returns
        -------
        Affinities
            Of the image's shape; long offsets are scaled, local ones stay local.
        """
        if self.factor == 1:
            return affinities
        offsets = tuple(self._image_offset(offset) for offset in affinities.offsets)
        count = len(offsets)
        values = np.zeros((count, *wanted.shape), np.float32)
        weight = np.zeros_like(values)
        for k in range(count):
            mass = affinities.values[k] * affinities.weight[k]
            known = resize(affinities.weight[k], wanted.shape, order=1, mode="edge")
            same = resize(mass, wanted.shape, order=1, mode="edge")
            partner = _partner_inside(wanted.shape, offsets[k])
            weight[k] = np.where(wanted & partner, known, 0)
            values[k] = np.where(weight[k] > 0, same / np.maximum(known, 1e-6), 0)
        return Affinities(np.clip(values, 0, 1), offsets, weight)

    def _working_shape(self, shape: tuple[int, ...]) -> tuple[int, int]:
        return max(1, round(shape[0] / self.factor)), max(1, round(shape[1] / self.factor))

    def _image_offset(self, offset: Offset) -> Offset:
        if max(abs(offset[0]), abs(offset[1])) == 1:
            return offset
        y, x = (round(step * self.factor) for step in offset)
        return y, x


def _partner_inside(shape: tuple[int, ...], offset: Offset) -> NDArray[np.bool_]:
    inside = [
        (np.arange(length) + step >= 0) & (np.arange(length) + step < length)
        for length, step in zip(shape, offset, strict=True)
    ]
    return inside[0][:, None] & inside[1][None, :]
