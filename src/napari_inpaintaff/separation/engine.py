"""From an image to affinities: patches on grids from coarse to fine, and their average."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.datatypes import Affinities, Offset
from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.images.patches import origins_with, patch_grids
from napari_inpaintaff.inpainting.inpainter import Inpainter
from napari_inpaintaff.jobs import Job
from napari_inpaintaff.separation.affinities import (
    AffinityAverage,
    check_plane,
    known_pixels,
    merge_affinities,
)
from napari_inpaintaff.separation.parameters import SeparationParameters
from napari_inpaintaff.separation.stream import LeafSketch, PatchLeaves, SplitUpdate, split_patches

#: Larger images are not sketched: their first draft takes long anyway, and memory counts.
_SKETCHED = 4_000_000


@dataclass(frozen=True)
class AffinityDraft:
    """The affinities that a part of the patches gives: of every wanted pixel, but noisier.

    Attributes
    ----------
    affinities : callable
        Returns them as they are now, as new `Affinities` of the image. To be called before
        the next update is asked for; nothing is computed if it is not.
    done, total : int
        Patches.
    """

    affinities: Callable[[], Affinities]
    done: int
    total: int


def iterate_affinities(
    image: NDArray[np.generic],
    inpainter: Inpainter,
    parameters: SeparationParameters | None = None,
    *,
    wanted: NDArray[np.bool_] | None = None,
    previous: Affinities | None = None,
    diameter: float | None = None,
) -> Generator[SplitUpdate | AffinityDraft, None, Affinities]:
    """Take an image apart, one network batch at a time.

    Every patch is split recursively: a first half is evolved by minimising the information
    gain between the two sides (Wolf et al. 2020, equations 8 to 11), and both sides are
    split in turn until one of them runs empty or the evidence is too weak.

    Parameters
    ----------
    image : ndarray, shape (Y, X)
        Raw intensities; NaN marks unknown pixels.
    inpainter : Inpainter
        Predicts hidden pixels.
    parameters : SeparationParameters, optional
        How to split.
    wanted : ndarray of bool, shape (Y, X), optional
        Pixels whose affinities are needed: a foreground, a region. Affinities of these do
        not depend on what else is wanted; the others get weight 0.
    previous : Affinities, optional
        Result of the same call with fewer wanted pixels; only what is missing is computed.
    diameter : float, optional
        Typical diameter of the cells in this image, in pixels. If it is not the inpainter's,
        the image is resampled so that patch, band, Gaussians and offsets fit the cells.

    Yields
    ------
    SplitUpdate or AffinityDraft
        The first after every network batch; the second when the patches of a first coarse grid
        are split in a few parts each, when they are finished, and again whenever the number of
        finished grids has doubled. Not asking for the next one cancels the run.

    Returns
    -------
    Affinities
        Averaged over the patches.

    Raises
    ------
    ImageError
        If the image is not a plane or has no finite pixel, ``wanted`` or ``previous`` has
        another shape, or ``previous`` other offsets.
    ParameterError
        If the diameter is too far from the inpainter's.
    """
    parameters = SeparationParameters() if parameters is None else parameters
    shape = check_plane(image, wanted)
    zoom = inpainter.metadata.zoom(diameter)
    normalised = inpainter.normalise(image)
    wanted = np.ones(shape, bool) if wanted is None else wanted
    if previous is not None:
        _check_previous(previous, shape, zoom.offsets(parameters.offsets))
        wanted = wanted & ~known_pixels(previous)

    def finish(affinities: Affinities) -> Affinities:
        affinities = zoom.enlarge(affinities, wanted)
        return affinities if previous is None else merge_affinities(previous, affinities)

    return (
        yield from take_apart(
            zoom.shrink(normalised),
            zoom.shrink_mask(wanted),
            inpainter,
            parameters,
            zoom=zoom.factor,
            finish=finish,
        )
    )


def _check_previous(
    previous: Affinities, shape: tuple[int, int], offsets: tuple[Offset, ...]
) -> None:
    if previous.shape != shape:
        raise ImageError(f"the previous affinities {previous.shape} are not of this image {shape}")
    if previous.offsets != offsets:
        raise ImageError(
            "the previous affinities have other offsets: they were computed for another cell "
            "diameter or with other parameters"
        )


def take_apart(
    values: NDArray[np.float32],
    wanted: NDArray[np.bool_],
    inpainter: Inpainter,
    parameters: SeparationParameters,
    *,
    zoom: float,
    finish: Callable[[Affinities], Affinities],
    corner: tuple[int, int] = (0, 0),
) -> Generator[SplitUpdate | AffinityDraft, None, Affinities]:
    """Take a plane or a part of one apart, in working pixels.

    Parameters
    ----------
    values : ndarray of float32, shape (Y, X)
        Normalised, at the scale of the inpainter; NaN marks unknown pixels.
    wanted : ndarray of bool, shape (Y, X)
        Pixels whose affinities are needed.
    inpainter : Inpainter
        Predicts hidden pixels.
    parameters : SeparationParameters
        How to split.
    zoom : float
        For the updates only: image pixels per working pixel.
    finish : callable
        Makes of the affinities of ``values`` what is returned, and what drafts hold.
    corner : (int, int), optional
        (y, x) of the first pixel of ``values`` in the plane: multiples of the stride. Of a
        part, pairs are as in the whole plane if it holds all patches with a wanted pixel.

    Yields
    ------
    SplitUpdate or AffinityDraft
        See `iterate_affinities`.

    Returns
    -------
    Affinities
        What ``finish`` made.
    """
    shape = (values.shape[0], values.shape[1])
    average = AffinityAverage(shape, parameters.offsets)
    grids = [
        origins_with(wanted, grid, parameters.patch)
        for grid in patch_grids(shape, parameters.patch, parameters.stride)
    ]
    origins = [origin for grid in grids for origin in grid]
    stages = _stages(grids, per_side=parameters.patch / parameters.stride)
    finished: set[tuple[int, int]] = set()
    # The first draft is what a user waits for.
    urgent = len(stages[0]) if stages else 0
    for update in split_patches(
        values,
        origins,
        inpainter,
        parameters,
        wanted=wanted,
        zoom=zoom,
        urgent=urgent,
        corner=corner,
    ):
        if isinstance(update, SplitUpdate):
            yield update
            continue
        if isinstance(update, LeafSketch):
            if values.size <= _SKETCHED:
                blank = partial(AffinityAverage, shape, parameters.offsets)
                sketch = partial(_sketch, update.patches, blank, corner, finish)
                yield AffinityDraft(sketch, len(finished), len(origins))
            continue
        origin = _seen_from(corner, update.origin)
        average.add(update.leaves, update.wanted, origin)
        finished.add(origin)
        if stages and stages[0] <= finished:
            stages.pop(0)
            yield AffinityDraft(lambda: finish(average.result()), len(finished), len(origins))
    return finish(average.result())


def _sketch(
    patches: Sequence[PatchLeaves],
    blank: Callable[[], AffinityAverage],
    corner: tuple[int, int],
    finish: Callable[[Affinities], Affinities],
) -> Affinities:
    average = blank()
    for patch in patches:
        average.add(patch.leaves, patch.wanted, _seen_from(corner, patch.origin))
    return finish(average.result())


def _seen_from(corner: tuple[int, int], origin: tuple[int, int]) -> tuple[int, int]:
    return origin[0] - corner[0], origin[1] - corner[1]


def _stages(
    grids: Sequence[Sequence[tuple[int, int]]], *, per_side: float
) -> list[set[tuple[int, int]]]:
    """Return the patches after which there are drafts: one, two, four... of the grids.

    The patches of a single grid may touch without an overlap; pairs of neighbours in two of
    them are then in none, and only a second grid makes a draft whole.
    """
    first = 1 if per_side > int(per_side) else 2
    counts = (first << k for k in range(len(grids).bit_length()))
    return [set().union(*grids[:count]) for count in counts if 2 * count <= len(grids)]


def compute_affinities(
    image: NDArray[np.generic],
    inpainter: Inpainter,
    parameters: SeparationParameters | None = None,
    *,
    wanted: NDArray[np.bool_] | None = None,
    previous: Affinities | None = None,
    diameter: float | None = None,
) -> Affinities:
    """Take an image apart; `iterate_affinities` without the updates.

    Parameters
    ----------
    image, inpainter, parameters, wanted, previous, diameter
        See `iterate_affinities`.

    Returns
    -------
    Affinities
        Averaged over the patches.

    Raises
    ------
    ImageError
        See `iterate_affinities`.
    """
    updates = iterate_affinities(
        image, inpainter, parameters, wanted=wanted, previous=previous, diameter=diameter
    )
    return Job(updates, name="affinities").run()
