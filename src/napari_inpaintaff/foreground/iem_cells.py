"""Inpainting error maximisation for microscopy, where many cells share an image.

The publication looks for one object in the middle of a photograph. Here the search begins with
two thresholds, and all lengths follow the diameter of the cells. The figures behind the choices
are in ``docs/how-to/find-a-foreground-without-labels.md``.
"""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_otsu
from skimage.transform import resize

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.foreground.iem import iterate_searches
from napari_inpaintaff.foreground.iem_images import standardised
from napari_inpaintaff.foreground.iem_objective import IEMObjective
from napari_inpaintaff.foreground.iem_parameters import IEMParameters
from napari_inpaintaff.foreground.otsu import (
    LEVEL,
    REFERENCE_DIAMETER,
    SMALLEST_HOLE,
    ConstantImageWarning,
    otsu_probability,
)
from napari_inpaintaff.foreground.specks import SMALLEST_OBJECT, without_specks
from napari_inpaintaff.images.regions import Region
from napari_inpaintaff.jobs import Job, Progress, retell

ScalarT = TypeVar("ScalarT", bound=np.generic)

#: Sigma of the inpainter, in cell diameters.
SIGMA = 0.1
#: Side of the square whose median is the background of its centre, in cell diameters.
BACKGROUND_REACH = 5.0
#: The background is sampled so often per cell diameter.
_SAMPLES = 6
#: Tiles have at least so many pixels to a side; the second in reaches of the kernel.
_TILE, _TILE_REACHES = 128, 32
#: Part of a tile's border that belongs to its neighbours, in reaches of the kernel.
_HALO_REACHES = 8

_MESSAGE = "Finding the foreground by inpainting…"
_ABOVE_LEVEL = np.nextafter(np.float32(LEVEL), np.float32(1))


def cell_parameters(diameter: float) -> IEMParameters:
    """Return the parameters for cells of a diameter, in pixels."""
    sigma = SIGMA * diameter
    return IEMParameters(sigma=sigma, radius=max(1, round(sigma)))


def iem_probability(
    image: NDArray[np.float64], *, diameter: float, device: str = "auto"
) -> NDArray[np.float32]:
    """Find the foreground of cells; `iterate_iem_probability` without the updates."""
    return Job(iterate_iem_probability(image, diameter=diameter, device=device)).run()


def iterate_iem_probability(
    image: NDArray[np.float64], *, diameter: float, device: str = "auto"
) -> Generator[Progress, None, NDArray[np.float32]]:
    """Foreground of cells by inpainting error maximisation, without labels or learning.

    From the intensities their local median is taken, and the root of what is above, so that dim
    cells count beside bright ones. The search begins once with `otsu_probability` and once with
    Otsu's threshold of those values, in tiles; of the two masks that with the higher inpainting
    error in the whole image is taken. Specks are removed and small holes filled as by
    `otsu_probability`.

    The probability of a pixel is ``b / (b + f)``, with b the error of inpainting it from the
    background and f that from the foreground; where that contradicts the mask, it is 0.5 in
    background and just above in foreground. So ``probability > 0.5`` is the mask.

    Parameters
    ----------
    image : ndarray of float64, shape (Y, X)
        Raw intensities; pixels that are not finite are unknown, and background.
    diameter : float > 0
        Typical diameter of the cells, in pixels.
    device : str, optional
        ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Yields
    ------
    Progress
        Every few updates of a group of tiles.

    Returns
    -------
    ndarray of float32, shape (Y, X)
        In [0, 1].

    Raises
    ------
    ImageError
        If the image is smaller than the inpainter's kernel.

    Warns
    -----
    ConstantImageWarning
        When all known pixels are equal; the probability is 0 everywhere then.
    """
    parameters = cell_parameters(diameter)
    if min(image.shape) < parameters.kernel_side:
        raise ImageError(
            f"the image has {image.shape[0]} x {image.shape[1]} pixels; to find cells of "
            f"{diameter:g} pixels with IEM each side must have at least {parameters.kernel_side}"
        )
    yield Progress(0, 0, _MESSAGE)
    known = np.isfinite(image)
    values = above_background(image, diameter)
    starts = _starts(image, values, known, diameter)
    if not starts:
        warnings.warn(
            "the image has no contrast: no foreground was found", ConstantImageWarning, stacklevel=2
        )
        return np.zeros(image.shape, np.float32)
    tiling = _Tiling.of(image.shape, parameters)
    scaled = standardised(np.where(known, values, np.nan)[None, None])[0][0, 0]
    tiles, there = tiling.cut(scaled)[:, None], tiling.cut(known)[:, None]
    given = np.stack([tiling.cut(start) for start in starts], axis=1)
    searches = iterate_searches(tiles, there, given, parameters, device)
    masks, _ = yield from retell(
        searches, lambda update: Progress(update.done, update.total, _MESSAGE)
    )
    candidates = [
        _judged(tiling, tiles, there, masks[:, number], parameters) for number in range(len(starts))
    ]
    best = max(candidates, key=lambda candidate: candidate.error)
    return _cleaned(best, known, diameter)


def above_background(image: NDArray[np.float64], diameter: float) -> NDArray[np.float64]:
    """Return the root of what the intensities are above the local median.

    Parameters
    ----------
    image : ndarray of float64, shape (Y, X)
        Not finite where unknown.
    diameter : float
        Of the cells, in pixels.

    Returns
    -------
    ndarray of float64, shape (Y, X)
        At least 0; 0 in unknown pixels. Of the brightest, all above the 99.5th percentile
        are equal: dirt must not outweigh the cells.
    """
    known = np.isfinite(image)
    filled = np.where(known, image, np.median(image[known]))
    step = max(1, round(diameter / _SAMPLES))
    reach = BACKGROUND_REACH * diameter / step
    background = ndimage.median_filter(filled[::step, ::step], size=int(reach) | 1)
    background = ndimage.gaussian_filter(background, reach / 4)
    above = filled - resize(background, image.shape, order=1, mode="edge", anti_aliasing=False)
    above = np.where(known, np.maximum(above, 0), 0)
    if above.any():
        above = np.minimum(above, np.percentile(above[above > 0], 99.5))
    return np.asarray(np.sqrt(above))


@dataclass(frozen=True)
class _Candidate:
    """A mask of a whole image, its inpainting error, and the shares of the errors."""

    mask: NDArray[np.bool_]
    error: float
    share: NDArray[np.float32]


@dataclass(frozen=True)
class _Tiling:
    """Tiles of one size that overlap; each is right in its core."""

    shape: tuple[int, ...]
    corners: tuple[tuple[int, int], ...]
    side: tuple[int, int]
    halo: int

    @classmethod
    def of(cls, shape: tuple[int, ...], parameters: IEMParameters) -> _Tiling:
        halo = _HALO_REACHES * parameters.radius
        tile = max(_TILE, _TILE_REACHES * parameters.radius)
        height, width = (min(tile, size) for size in shape)
        tops, lefts = (
            sorted({min(first, size - side) for first in range(0, size, max(1, tile - 2 * halo))})
            for size, side in zip(shape, (height, width), strict=True)
        )
        corners = tuple((top, left) for top in tops for left in lefts)
        return cls(shape, corners, (height, width), halo)

    def cut(self, plane: NDArray[ScalarT]) -> NDArray[ScalarT]:
        height, width = self.side
        return np.stack([plane[y : y + height, x : x + width] for y, x in self.corners])

    def paste(self, tiles: NDArray[ScalarT]) -> NDArray[ScalarT]:
        plane = np.zeros(self.shape, tiles.dtype)
        for tile, (inner, core) in zip(tiles, self._cores(), strict=True):
            plane[core] = tile[inner]
        return plane

    def _cores(self) -> Iterator[tuple[Region, Region]]:
        """Yield the part of every tile that counts, in the tile and in the plane."""
        for corner in self.corners:
            inner, core = [], []
            for first, side, size in zip(corner, self.side, self.shape, strict=True):
                start = 0 if first == 0 else self.halo
                stop = side if first + side == size else side - self.halo
                inner.append(slice(start, stop))
                core.append(slice(first + start, first + stop))
            yield (inner[0], inner[1]), (core[0], core[1])


def _starts(
    image: NDArray[np.float64],
    values: NDArray[np.float64],
    known: NDArray[np.bool_],
    diameter: float,
) -> list[NDArray[np.bool_]]:
    """Return the masks to begin with that have two sides; of a plane without contrast none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConstantImageWarning)
        found = [otsu_probability(image, diameter=diameter) > LEVEL]
    seen = values[known]
    if seen.min() < seen.max():
        found.append(known & (values > threshold_otsu(seen)))
    return [start for start in found if start.any() and not start[known].all()]


def _judged(
    tiling: _Tiling,
    tiles: NDArray[np.float32],
    there: NDArray[np.bool_],
    masks: NDArray[np.bool_],
    parameters: IEMParameters,
) -> _Candidate:
    """Put tiles together and measure the inpainting error of the whole."""
    mask = tiling.paste(masks & there[:, 0])
    objective = IEMObjective(
        torch.from_numpy(tiles), torch.from_numpy(there).float(), replace(parameters, diversity=0)
    )
    pixels = torch.from_numpy(tiling.cut(mask)[:, None]).float()
    with torch.no_grad():
        from_foreground, from_background = (
            tiling.paste(np.abs(seen.numpy() - tiles)[:, 0]) for seen in objective.inpainted(pixels)
        )
    outside = tiling.paste(there[:, 0]) & ~mask
    if not mask.any() or not outside.any():
        return _Candidate(mask, 0.0, np.zeros(mask.shape, np.float32))
    error = float(from_background[mask].mean() + from_foreground[outside].mean())
    total = from_background + from_foreground
    share = np.divide(from_background, total, out=np.full_like(total, LEVEL), where=total > 0)
    return _Candidate(mask, error, share)


def _cleaned(found: _Candidate, known: NDArray[np.bool_], diameter: float) -> NDArray[np.float32]:
    """Return the probability, without specks and small holes."""
    scale = (diameter / REFERENCE_DIAMETER) ** 2
    cells = without_specks(found.mask, SMALLEST_OBJECT * scale)
    cells = ~without_specks(~cells, SMALLEST_HOLE * scale) & known
    share = np.where(cells, np.maximum(found.share, _ABOVE_LEVEL), np.minimum(found.share, LEVEL))
    return np.where(known, share, 0).astype(np.float32)
