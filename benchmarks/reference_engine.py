"""Taking patches apart one by one, written to be read: no batches, no windows, no tricks.

Follows Wolf et al. 2020, section 2 and appendix A, and `docs/explanation/method.md`. The
network is asked for one conditional at a time. Tests compare the engine with it, and
`performance.py` their speed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

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
    values: Plane,
    inpainter: Inpainter,
    parameters: SeparationParameters,
    wanted: Mask,
    *,
    windows: Sequence[int] = (),
) -> Affinities:
    """Average the affinities of all patches of a normalised image.

    The network sees whole patches; ``windows`` lets it see only the smallest square of
    these sides that holds a region, as the engine does.
    """
    side, stride = parameters.patch, parameters.stride
    offsets = np.array(parameters.offsets)
    same = np.zeros((len(offsets), *values.shape))
    weight = np.zeros_like(same)
    around = [(2 * side, 2 * side)] * 2
    known = np.pad(values, around, constant_values=np.nan)
    inside = np.pad(np.ones(values.shape, bool), around)
    needed = np.pad(wanted, around)
    for top in range(-(side // stride) * stride, values.shape[0], stride):
        for left in range(-(side // stride) * stride, values.shape[1], stride):
            cut = np.s_[2 * side + top :, 2 * side + left :]
            part = [plane[cut][:side, :side] for plane in (known, inside, needed)]
            if not part[2].any():
                continue
            patch = Patch(*part, (top, left), inpainter, parameters, windows)
            patch.split_recursively(patch.inside, depth=0)
            y, x = np.nonzero(patch.wanted)
            for k, (dy, dx) in enumerate(offsets):
                v, u = y + dy, x + dx
                pairs = (v >= 0) & (v < side) & (u >= 0) & (u < side)
                pairs[pairs] = patch.inside[v[pairs], u[pairs]]
                here, there = (y[pairs], x[pairs]), (v[pairs], u[pairs])
                place = (k, top + here[0], left + here[1])
                same[place] += patch.leaves[here] == patch.leaves[there]
                weight[place] += 1
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
        inside: Mask,
        wanted: Mask,
        origin: tuple[int, int],
        inpainter: Inpainter,
        parameters: SeparationParameters,
        windows: Sequence[int],
    ) -> None:
        self.origin = origin
        self.inpainter = inpainter
        self.parameters = parameters
        self.windows = windows
        self.inside = inside
        self.wanted = wanted
        self.observed = inside & np.isfinite(values)
        self.values = np.where(self.observed, values, 0)
        self.leaves = np.zeros(inside.shape, int)

    def split_recursively(self, region: Mask, depth: int) -> None:
        """Split a region and its parts until nothing can be split any more."""
        small = region.sum() < 2 * self.parameters.minimum_side
        sides = None if small or not (region & self.wanted).any() else self.split(region, depth)
        if sides is None:
            self.leaves[region] = self.leaves.max() + 1
        else:
            for part in sides:
                self.split_recursively(part, depth + 1)

    def split(self, region: Mask, depth: int) -> tuple[Mask, Mask] | None:
        """Evolve one split; None if a side ran empty or the evidence is too weak."""
        parameters = self.parameters
        side = first_half(region, orientation(parameters.seed, self.origin, depth))
        for update in range(parameters.iterations):
            band = neighbourhood(side, region & ~side, half_width(update, parameters))
            from_side, from_other = self.errors_in_band(side, region, band)
            side_error = from_side + smoothed(from_side, parameters.sigmas)
            other_error = from_other + smoothed(from_other, parameters.sigmas)
            decided = band & (side_error != other_error)
            side[decided] = (side_error < other_error)[decided]
            if min(side.sum(), (region & ~side).sum()) < parameters.minimum_side:
                return None
        if self.evidence(side, region) < parameters.minimum_gain:
            return None
        return side, region & ~side

    def errors_in_band(self, side: Mask, region: Mask, band: Mask) -> tuple[Plane, Plane]:
        """Errors in the band, predicted from M and from its complement; 0 elsewhere."""
        counts = band & self.observed
        part = window(region, self.windows)
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


def window(region: Mask, sizes: Sequence[int]) -> tuple[slice, slice]:
    """Smallest of the windows that holds a region, at the region's first row and column."""
    rows, columns = (np.flatnonzero(region.any(axis)) for axis in (1, 0))
    side = len(region)
    for size in (*sizes, side):
        if max(np.ptp(rows), np.ptp(columns)) < size:
            top, left = (min(part[0], side - size) for part in (rows, columns))
            return slice(top, top + size), slice(left, left + size)
    raise AssertionError("a region never exceeds its patch")


def first_half(region: Mask, horizontal: bool) -> Mask:
    """Whole rows (or columns) from the first one on: the number nearest to one half."""
    if not horizontal:
        return first_half(region.T, True).T
    upto = np.cumsum(region.sum(1))
    rows = int(np.abs(upto - region.sum() / 2).argmin()) + 1
    half = region.copy()
    half[rows:] = False
    return half


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
