"""Resampling parts of a plane just as the whole plane would be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_inpaintaff.datatypes import Affinities, Offset
from napari_inpaintaff.images.regions import Region
from napari_inpaintaff.images.windows import grown, size_of, within

_Plane = NDArray[np.float32]

#: Gaussians end after so many standard deviations.
_TRUNCATED = 4.0


def working_shape(shape: tuple[int, ...], factor: float) -> tuple[int, int]:
    """Return height and width, in working pixels, of a plane of a shape in image pixels."""
    return max(1, round(shape[0] / factor)), max(1, round(shape[1] / factor))


def image_offsets(offsets: Sequence[Offset], factor: float) -> tuple[Offset, ...]:
    """Return offsets in image pixels: long ones are scaled, local ones stay local."""
    if factor == 1:
        return tuple(offsets)
    return tuple(
        (y, x) if max(abs(y), abs(x)) == 1 else (round(y * factor), round(x * factor))
        for y, x in offsets
    )


@dataclass(frozen=True)
class ZoomWindow:
    """A part of the grid of working pixels of a plane.

    What it says about a pixel does not depend on which part it is.

    Attributes
    ----------
    factor : float
        Image pixels per working pixel, positive. Exactly 1 resamples nothing.
    shape : tuple of int
        Height and width of the whole plane, in image pixels.
    working : tuple of two slices
        Rows and columns of the part, in working pixels.
    """

    factor: float
    shape: tuple[int, int]
    working: Region

    @classmethod
    def whole(cls, factor: float, shape: tuple[int, int]) -> ZoomWindow:
        """Return the grid of a whole plane."""
        rows, columns = working_shape(shape, factor)
        return cls(factor, shape, (slice(0, rows), slice(0, columns)))

    @classmethod
    def around(
        cls,
        factor: float,
        shape: tuple[int, int],
        core: Region,
        *,
        halo: int = 0,
        multiple: int = 1,
    ) -> ZoomWindow:
        """Return the working pixels that a part of the image has to do with.

        Parameters
        ----------
        factor, shape
            See `ZoomWindow`.
        core : tuple of two slices
            Rows and columns of the part, in image pixels.
        halo : int, optional
            Working pixels around those that `shrink_mask` finds.
        multiple : int, optional
            The first row and column are rounded down to a multiple of it.
        """
        whole = cls.whole(factor, shape)
        grid = size_of(whole.working)
        rows, columns = (
            _touched(part, reach, scale, length, size)
            for part, reach, scale, length, size in zip(
                core, whole._mask_reach, whole._scales, shape, grid, strict=True
            )
        )
        return cls(factor, shape, grown((rows, columns), halo, grid, multiple))

    @cached_property
    def image(self) -> Region:
        """Rows and columns of the image, in image pixels, that `shrink` has to be given."""
        if self.factor == 1:
            return self.working
        rows, columns = (
            slice(
                max(0, math.floor((part.start + 0.5) * scale - 0.5) - reach),
                min(length, math.floor((part.stop - 0.5) * scale - 0.5) + 2 + reach),
            )
            for part, scale, length, reach in zip(
                self.working,
                self._scales,
                self.shape,
                (math.ceil(_TRUNCATED * sigma + 0.5) for sigma in self._sigmas),
                strict=True,
            )
        )
        return rows, columns

    def shrink(self, image: _Plane) -> _Plane:
        """Resample the image's part `image` to working pixels; see `Zoom.shrink`."""
        if self.factor == 1:
            return image
        unknown = np.isnan(image)
        if not unknown.any():
            return self._resample(image)
        share = self._resample((~unknown).astype(np.float32))
        mass = self._resample(np.where(unknown, np.float32(0), image))
        return np.where(share < 0.5, np.float32(np.nan), mass / np.maximum(share, 0.5))

    def shrink_mask(self, mask: NDArray[np.bool_], core: Region) -> NDArray[np.bool_]:
        """Return the working pixels that `enlarge` reads for some image pixels.

        Parameters
        ----------
        mask : ndarray of bool
            Of the core's shape.
        core : tuple of two slices
            Rows and columns of the image.

        Returns
        -------
        ndarray of bool
            Of the shape of ``working``; see `Zoom.shrink_mask`.
        """
        around = grown(core, max(self._mask_reach), self.shape)
        near = np.zeros(size_of(around), bool)
        near[within(core, around)] = mask
        if self.factor != 1:
            size = [2 * reach + 1 for reach in self._mask_reach]
            near = ndimage.maximum_filter(near, size=size, mode="constant")
        rows, columns = (
            _middles(part, scale) - first.start
            for part, scale, first in zip(self.working, self._scales, around, strict=True)
        )
        inside = [
            (places >= 0) & (places < length)
            for places, length in zip((rows, columns), near.shape, strict=True)
        ]
        result = np.zeros(size_of(self.working), bool)
        result[np.ix_(*inside)] = near[np.ix_(rows[inside[0]], columns[inside[1]])]
        return result

    def enlarge(
        self, affinities: Affinities, wanted: NDArray[np.bool_], core: Region
    ) -> Affinities:
        """Resample affinities to image pixels.

        Parameters
        ----------
        affinities : Affinities
            Of the working pixels of this part.
        wanted : ndarray of bool
            Pixels of the core whose affinities are needed.
        core : tuple of two slices
            Rows and columns of the image.

        Returns
        -------
        Affinities
            Of the core's shape; see `Zoom.enlarge`.
        """
        if self.factor == 1:
            return affinities.window(within(core, self.working))
        offsets = image_offsets(affinities.offsets, self.factor)
        values = np.zeros((len(offsets), *wanted.shape), np.float32)
        weight = np.zeros_like(values)
        for k, (near, far) in enumerate(zip(affinities.offsets, offsets, strict=True)):
            points = self._pair_positions(core, near, far)
            mass = affinities.values[k] * affinities.weight[k]
            known = self.interpolate(affinities.weight[k], *points)
            same = self.interpolate(mass, *points)
            weight[k] = np.where(wanted & _partner_inside(self.shape, core, far), known, 0)
            values[k] = np.where(weight[k] > 0, same / np.maximum(known, 1e-6), 0)
        return Affinities(np.clip(values, 0, 1), offsets, weight)

    def enlarge_map(self, values: _Plane, core: Region) -> _Plane:
        """Resample a map (Y, X) of the working pixels of this part to the image pixels of a core.

        Parameters
        ----------
        values : ndarray of float32
            Of the shape of ``working``.
        core : tuple of two slices
            Rows and columns of the image.
        """
        if self.factor == 1:
            return values[within(core, self.working)]
        return self.interpolate(values, *self._pair_positions(core, (0, 0), (0, 0)))

    def interpolate(
        self, values: _Plane, rows: NDArray[np.float64], columns: NDArray[np.float64]
    ) -> _Plane:
        """Interpolate a map of this part at working rows and columns of the whole plane."""
        grid = working_shape(self.shape, self.factor)
        down = _between(values, 0, rows, self.working[0].start, grid[0])
        return _between(down, 1, columns, self.working[1].start, grid[1]).astype(np.float32)

    @cached_property
    def _scales(self) -> tuple[float, float]:
        """Image pixels per working pixel along Y and X, of which there are whole numbers."""
        rows, columns = working_shape(self.shape, self.factor)
        return self.shape[0] / rows, self.shape[1] / columns

    @property
    def _sigmas(self) -> tuple[float, float]:
        if not self.factor > 1:
            return 0.0, 0.0
        rows, columns = (max(0.0, (scale - 1) / 2) for scale in self._scales)
        return rows, columns

    @property
    def _mask_reach(self) -> tuple[int, int]:
        if self.factor == 1:
            return 0, 0
        # Interpolation reads working pixels less than 1 away from a point that is up to
        # half a working pixel plus a rounded offset away from the image pixel.
        rows, columns = (math.ceil(1.5 * scale + 1) for scale in self._scales)
        return rows, columns

    def _resample(self, image: _Plane) -> _Plane:
        smooth = ndimage.gaussian_filter(image, self._sigmas, mode="nearest", truncate=_TRUNCATED)
        for axis, scale in enumerate(self._scales):
            part = self.working[axis]
            points = (_counted(part) + 0.5) * scale - 0.5
            smooth = _between(smooth, axis, points, self.image[axis].start, self.shape[axis])
        return np.asarray(smooth, np.float32)

    def _pair_positions(
        self, core: Region, near: Offset, far: Offset
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the rows and columns of the working grid where pairs of image pixels are.

        ``near`` and ``far`` are one offset in working and in image pixels. Pairs are matched
        by their middles: matched by their first pixels, the cuts of the local offsets would
        be displaced by half a working pixel.
        """
        grid = working_shape(self.shape, self.factor)
        rows, columns = (
            (_counted(part) + 0.5 + reach / 2) * (size / length) - 0.5 - step / 2
            for part, length, size, step, reach in zip(
                core, self.shape, grid, near, far, strict=True
            )
        )
        return rows, columns


def _middles(part: slice, scale: float) -> NDArray[np.intp]:
    """Return the image rows (or columns) in the middle of working ones."""
    return ((_counted(part) + 0.5) * scale).astype(np.intp)


def _counted(part: slice) -> NDArray[np.float64]:
    return np.arange(part.start, part.stop, dtype=np.float64)


def _touched(part: slice, reach: int, scale: float, length: int, size: int) -> slice:
    """Return the working rows whose middles lie at most so far from some image rows.

    With no reach at all nothing is resampled.
    """
    if reach == 0:
        return part
    # The middle of row i is in image row floor((i + 0.5) * scale); one more for rounding.
    first = math.floor((part.start - reach) / scale - 0.5) - 1
    last = math.ceil((part.stop + reach) / scale - 0.5) + 1
    return slice(max(0, min(first, size - 1)), max(1, min(last, size)))


def _between(
    values: NDArray[np.floating],
    axis: int,
    points: NDArray[np.float64],
    start: int,
    length: int,
) -> NDArray[np.float64]:
    """Interpolate linearly along an axis of a part that begins at a row of the plane.

    All is counted from the plane's first row, so that parts are rounded like the whole.
    """
    points = np.clip(points, 0, length - 1)
    below = np.floor(points)
    share = points - below
    share = share[:, None] if axis == 0 else share
    first = below.astype(np.intp) - start
    last = values.shape[axis] - 1
    one = values.take(np.clip(first, 0, last), axis=axis)
    other = values.take(np.clip(first + 1, 0, last), axis=axis)
    return np.asarray(one * (1 - share) + other * share, np.float64)


def _partner_inside(shape: tuple[int, int], core: Region, offset: Offset) -> NDArray[np.bool_]:
    rows, columns = (
        (np.arange(part.start, part.stop) + step >= 0)
        & (np.arange(part.start, part.stop) + step < length)
        for part, length, step in zip(core, shape, offset, strict=True)
    )
    return rows[:, None] & columns[None, :]
