"""Taking patches apart one by one, written to be read: no batches, no tensors, no tricks.

Follows Wolf et al. 2020, section 2 and appendix A, and `docs/explanation/method.md`. The
network is asked for one conditional at a time.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from napari_inpaintaff.datatypes import Affinities
from napari_inpaintaff.inpainting import Inpainter
from napari_inpaintaff.separation import SeparationParameters
from napari_inpaintaff.separation.splits import orientation

Mask = NDArray[np.bool_]
Plane = NDArray[np.float64]


def affinities(
    values: Plane, inpainter: Inpainter, parameters: SeparationParameters, wanted: Mask
) -> Affinities:
    """Average the affinities of all patches of a normalised image."""
    height, width = values.shape
    side, stride = parameters.patch, parameters.stride
    same = np.zeros((len(parameters.offsets), height, width))
    weight = np.zeros_like(same)
    for top in range(-10 * side, height, stride):
        for left in range(-10 * side, width, stride):
            patch = Patch(values, (top, left), inpainter, parameters, wanted)
            if not patch.wanted.any():
                continue
            patch.split_recursively(patch.inside, depth=0)
            for k, (dy, dx) in enumerate(parameters.offsets):
                for y, x in np.argwhere(patch.wanted):
                    v, u = y + dy, x + dx
                    if 0 <= v < side and 0 <= u < side and patch.inside[v, u]:
                        together = patch.leaves[y, x] == patch.leaves[v, u]
                        same[k, top + y, left + x] += together
                        weight[k, top + y, left + x] += 1
    return Affinities(
        (same / np.maximum(weight, 1)).astype(np.float32),
        parameters.offsets,
        weight.astype(np.float32),
    )


class Patch:
    """One patch and the leaves that it was taken apart into so far; 0 where none."""

    def __init__(
        self,
        values: Plane,
        origin: tuple[int, int],
        inpainter: Inpainter,
        parameters: SeparationParameters,
        wanted: Mask,
    ) -> None:
        side = parameters.patch
        self.origin = origin
        self.inpainter = inpainter
        self.parameters = parameters
        self.values = np.zeros((side, side))
        self.inside = np.zeros((side, side), bool)
        self.wanted = np.zeros((side, side), bool)
        self.leaves = np.zeros((side, side), int)
        for y in range(side):
            for x in range(side):
                v, u = origin[0] + y, origin[1] + x
                if 0 <= v < values.shape[0] and 0 <= u < values.shape[1]:
                    self.inside[y, x] = True
                    self.values[y, x] = values[v, u]
                    self.wanted[y, x] = wanted[v, u]
        self.observed = self.inside & np.isfinite(self.values)
        self.values[~self.observed] = 0

    def split_recursively(self, region: Mask, depth: int) -> None:
        small = region.sum() < 2 * self.parameters.minimum_side
        sides = None if small or not (region & self.wanted).any() else self.split(region, depth)
        if sides is None:
            self.leaves[region] = self.leaves.max() + 1
        else:
            for part in sides:
                self.split_recursively(part, depth + 1)

    def split(self, region: Mask, depth: int) -> tuple[Mask, Mask] | None:
        parameters = self.parameters
        side = first_half(region, orientation(parameters.seed, self.origin, depth))
        for update in range(parameters.iterations):
            band = neighbourhood(side, region & ~side, half_width(update, parameters))
            from_side, from_other = self.errors_in_band(side, region, band)
            side_error = from_side + smoothed(from_side, parameters.sigmas)
            other_error = from_other + smoothed(from_other, parameters.sigmas)
            for y, x in np.argwhere(band):
                if side_error[y, x] != other_error[y, x]:
                    side[y, x] = side_error[y, x] < other_error[y, x]
            if min(side.sum(), (region & ~side).sum()) < parameters.minimum_side:
                return None
        if self.evidence(side, region) < parameters.minimum_gain:
            return None
        return side, region & ~side

    def errors_in_band(self, side: Mask, region: Mask, band: Mask) -> tuple[Plane, Plane]:
        """Errors in the band, predicted from M and from its complement; 0 elsewhere."""
        counts = band & self.observed
        part = window(region, self.parameters)
        errors = []
        for source in (side, region & ~side):
            known = source & ~band & self.observed
            error = np.zeros_like(self.values)
            error[part] = self.inpainter.errors(
                torch.from_numpy(self.values[part].astype(np.float32))[None],
                torch.from_numpy(known[part])[None],
            )[0].numpy()
            errors.append(np.where(counts, error, 0.0))
        return errors[0], errors[1]

    def evidence(self, side: Mask, region: Mask) -> float:
        """By how much the sides predict themselves better than each other: -IGM_N / |N|."""
        band = neighbourhood(side, region & ~side, max(1, self.parameters.distance // 2))
        from_side, from_other = self.errors_in_band(side, region, band)
        band = band & self.observed
        if not band.any():
            return 0.0
        own = np.where(side, from_side, from_other)
        foreign = np.where(side, from_other, from_side)
        return float((foreign - own)[band].mean())


def window(region: Mask, parameters: SeparationParameters) -> tuple[slice, slice]:
    """Smallest of the windows that holds a region, at the region's first row and column."""
    rows, columns = (np.flatnonzero(region.any(axis)) for axis in (1, 0))
    for size in parameters.windows():
        if max(np.ptp(rows), np.ptp(columns)) < size:
            top, left = (min(part[0], parameters.patch - size) for part in (rows, columns))
            return slice(top, top + size), slice(left, left + size)
    raise AssertionError("a region never exceeds its patch")


def first_half(region: Mask, horizontal: bool) -> Mask:
    """Whole rows (or columns) from the first one on: the number nearest to one half."""
    if not horizontal:
        return first_half(region.T, True).T
    halves = []
    for rows in range(1, len(region) + 1):
        half = region.copy()
        half[rows:] = False
        halves.append(half)
    return min(halves, key=lambda half: abs(int(half.sum()) - region.sum() / 2))


def half_width(update: int, parameters: SeparationParameters) -> int:
    """Constant in the first half of the updates, then falling to 0; every second one is 1."""
    if update % 2 == 1:
        return 1
    half = parameters.iterations / 2
    if update <= half:
        return parameters.distance
    return max(1, round(parameters.distance * (parameters.iterations - update) / half))


def neighbourhood(side: Mask, other: Mask, distance: int) -> Mask:
    """Pixels of the region within a Chebyshev distance of both sides (eqs. 12 and 13)."""
    if not side.any() or not other.any():
        return np.zeros_like(side)
    to_side = ndimage.distance_transform_cdt(~side, metric="chessboard")
    to_other = ndimage.distance_transform_cdt(~other, metric="chessboard")
    return (side | other) & (to_side <= distance) & (to_other <= distance)


def smoothed(error: Plane, sigmas: tuple[float, ...]) -> Plane:
    """Sum of the convolutions with Gaussians, zero outside the patch."""
    reach = len(error)
    total = np.zeros_like(error)
    for sigma in sigmas:
        whole = sum(math.exp(-0.5 * (t / sigma) ** 2) for t in range(-4 * reach, 4 * reach + 1))
        kernel = [math.exp(-0.5 * (t / sigma) ** 2) / whole for t in range(-reach, reach + 1)]
        once = ndimage.convolve1d(error, kernel, axis=0, mode="constant")
        total += ndimage.convolve1d(once, kernel, axis=1, mode="constant")
    return total
