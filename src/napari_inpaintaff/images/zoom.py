"""Fitting the image to the scale of the inpainter's cells, and the affinities back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.transform import resize

from napari_inpaintaff.datatypes import Affinities, Offset
from napari_inpaintaff.errors import ParameterError

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

    def shrink(self, image: _Plane) -> _Plane:
        """Resample an image (Y, X) to working pixels.

        A working pixel is the average of the known image pixels around it, and unknown
        (NaN) if these are less than half of its weight.
        """
        if self.factor == 1:
            return image
        unknown = np.isnan(image)
        if not unknown.any():
            return self._resample(image)
        share = self._resample((~unknown).astype(np.float32))
        mass = self._resample(np.where(unknown, np.float32(0), image))
        return np.where(share < 0.5, np.float32(np.nan), mass / np.maximum(share, 0.5))

    def shrink_mask(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return the working pixels that `enlarge` reads for the image pixels of a mask.

        It returns a few more than these, so that what `enlarge` says about a pixel does
        not depend on the other pixels of the mask.
        """
        if self.factor == 1:
            return mask
        shape = self._working_shape(mask.shape)
        scales = [length / size for length, size in zip(mask.shape, shape, strict=True)]
        # Interpolation reads working pixels less than 1 away from a point that is up to
        # half a working pixel plus a rounded offset away from the image pixel.
        reach = [2 * math.ceil(1.5 * scale + 1) + 1 for scale in scales]
        near = ndimage.maximum_filter(mask, size=reach, mode="constant")
        return self.shrink_labels(near)

    def shrink_labels(self, labels: NDArray[ScalarT]) -> NDArray[ScalarT]:
        """Return what a mask or label image (Y, X) says in the middle of every working pixel."""
        if self.factor == 1:
            return labels
        shape = self._working_shape(labels.shape)
        ys, xs = (
            ((np.arange(size) + 0.5) * (length / size)).astype(int)
            for size, length in zip(shape, labels.shape, strict=True)
        )
        return labels[np.ix_(ys, xs)]

    def offsets(self, offsets: Sequence[Offset]) -> tuple[Offset, ...]:
        """Return offsets in image pixels: long ones are scaled, local ones stay local."""
        if self.factor == 1:
            return tuple(offsets)
        return tuple(self._image_offset(offset) for offset in offsets)

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
        offsets = self.offsets(affinities.offsets)
        values = np.zeros((len(offsets), *wanted.shape), np.float32)
        weight = np.zeros_like(values)
        for k, (near, far) in enumerate(zip(affinities.offsets, offsets, strict=True)):
            points = _pair_positions(wanted.shape, affinities.shape, near, far)
            mass = affinities.values[k] * affinities.weight[k]
            known = ndimage.map_coordinates(affinities.weight[k], points, order=1, mode="nearest")
            same = ndimage.map_coordinates(mass, points, order=1, mode="nearest")
            weight[k] = np.where(wanted & _partner_inside(wanted.shape, far), known, 0)
            values[k] = np.where(weight[k] > 0, same / np.maximum(known, 1e-6), 0)
        return Affinities(np.clip(values, 0, 1), offsets, weight)

    def _resample(self, image: _Plane) -> _Plane:
        shape = self._working_shape(image.shape)
        result = resize(image, shape, order=1, mode="edge", anti_aliasing=self.factor > 1)
        return np.asarray(result, np.float32)

    def _working_shape(self, shape: tuple[int, ...]) -> tuple[int, int]:
        return max(1, round(shape[0] / self.factor)), max(1, round(shape[1] / self.factor))

    def _image_offset(self, offset: Offset) -> Offset:
        if max(abs(offset[0]), abs(offset[1])) == 1:
            return offset
        y, x = (round(step * self.factor) for step in offset)
        return y, x


def _pair_positions(
    image: tuple[int, ...], working: tuple[int, int], near: Offset, far: Offset
) -> NDArray[np.float64]:
    """Return where in the working image the pairs of image pixels are: (2, Y, X).

    ``near`` and ``far`` are one offset in working and in image pixels. Pairs are matched
    by their middles: matched by their first pixels, the cuts of the local offsets would
    be displaced by half a working pixel.
    """
    axes = []
    for length, size, step, reach in zip(image, working, near, far, strict=True):
        middle = np.arange(length) + 0.5 + reach / 2
        axes.append(middle * (size / length) - 0.5 - step / 2)
    return np.stack(np.meshgrid(*axes, indexing="ij"))


def _partner_inside(shape: tuple[int, ...], offset: Offset) -> NDArray[np.bool_]:
    inside = [
        (np.arange(length) + step >= 0) & (np.arange(length) + step < length)
        for length, step in zip(shape, offset, strict=True)
    ]
    return inside[0][:, None] & inside[1][None, :]
