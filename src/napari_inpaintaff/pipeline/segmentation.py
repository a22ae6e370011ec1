"""Image to labels in one call."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.datatypes import PUBLISHED_OFFSETS, Affinities
from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.images import Region, check_region
from napari_inpaintaff.inpainting import DEFAULT_INPAINTER, Inpainter
from napari_inpaintaff.jobs import Job, Progress
from napari_inpaintaff.partition import (
    DEFAULT_METHOD,
    MUTEX_WATERSHEDS,
    OutlineParameters,
    PartitionParameters,
    partition_outline,
)
from napari_inpaintaff.partition import partition as partition_affinities
from napari_inpaintaff.pipeline.foreground_source import (
    Foreground,
    check_outlines,
    iterate_foreground_mask,
    settled_outlines,
    usual_diameter,
)
from napari_inpaintaff.separation import (
    AffinityDraft,
    AffNet,
    SeparationParameters,
    SplitUpdate,
    Student,
    iterate_affinities,
    iterate_student_affinities,
    load_model,
)


@dataclass(frozen=True)
class Segmentation:
    """The result of `segment`.

    Attributes
    ----------
    labels : ndarray of uint32, shape (Y, X)
        0 is background and everything outside the region; objects count from 1.
    affinities : Affinities
        What the labels were made from; weight 0 outside foreground and region, and
        everywhere if the labels were made from the outline of the foreground alone.
    foreground : ndarray of bool, shape (Y, X)
        Pixels that were labelled.
    moved : float
        By how many pixels the outlines of the foreground were moved to the edges of the image,
        on average; 0 if they stayed.
    """

    labels: NDArray[np.uint32]
    affinities: Affinities
    foreground: NDArray[np.bool_]
    moved: float = 0.0


@dataclass(frozen=True)
class Draft:
    """Labels that a part of the patches gives, for the eye while the run goes on.

    Attributes
    ----------
    labels : ndarray of uint32, shape (Y, X)
        Like those of `Segmentation`: of the whole foreground, but less sure.
    done, total : int
        Patches.
    """

    labels: NDArray[np.uint32]
    done: int
    total: int


def iterate_segmentation(
    image: NDArray[Any],
    *,
    model: str | Path | Inpainter | Student = DEFAULT_INPAINTER,
    foreground: Foreground = "otsu",
    diameter: float | None = None,
    region: Region | None = None,
    separation: SeparationParameters | None = None,
    partition: PartitionParameters | OutlineParameters | None = None,
    outlines: str = "auto",
    drafts: bool = True,
    device: str = "auto",
) -> Generator[SplitUpdate | Draft | Progress, None, Segmentation]:
    """Separate the cells of an image, one network batch at a time.

    An inpainter takes patches of the image apart; a student predicts the same in one pass. A
    partition of the outline needs neither.

    Parameters
    ----------
    image : ndarray, shape (Y, X)
        Raw intensities; NaN marks unknown pixels.
    model : str, Path, Inpainter or Student, optional
        Name, model file or a loaded model: an inpainter, a student or an AffNet. With
        `OutlineParameters` none is loaded, and only a loaded one has a part: its diameter is
        the usual one, and it denoises what a foreground method sees.
    foreground : str, ndarray of shape (Y, X), or FGNet, optional
        A method (see `foreground.FOREGROUND_METHODS`), which sees the image denoised if the
        model does that; a mask or label image, in which what is not zero is foreground; or a
        loaded foreground network.
    diameter : float, optional
        Typical diameter of a cell in pixels; by default the model's. Without a model that of
        the foreground network, else 25.
    region : tuple of two slices, optional
        Rows and columns to label; patches reach beyond it.
    separation : SeparationParameters, optional
        How an inpainter splits patches. A student does not.
    partition : PartitionParameters or OutlineParameters, optional
        How affinities become labels, by default `default_partition`; the minimum size is
        meant for cells of the model's diameter and follows ``diameter``. With
        `OutlineParameters` no affinities are computed: the outline of the foreground becomes
        labels, and its lengths follow ``diameter``.
    outlines : {"auto", "keep"}, optional
        Whether outlines of the foreground that miss the edges of the image are moved there
        (`foreground.fit_outlines`), or stay as they are.
    drafts : bool, optional
        Whether a run of an inpainter stops now and then, for parts of a second, to label
        what it has. The result is the same.
    device : str, optional
        ``auto``, ``cpu``, ``cuda`` or ``mps``; a loaded model stays where it is.

    Yields
    ------
    SplitUpdate, Draft or Progress
        Of an inpainter, the first after every network batch, the second a few times, the
        first time long before the end; of a student, the third after every tile. Not asking
        for the next one cancels the run.

    Returns
    -------
    Segmentation
        Labels, affinities and foreground.

    Raises
    ------
    ImageError
        If the image is not a plane, has no finite pixel, or a mask has another shape.
    ParameterError
        If the region is empty or outside the image, or a parameter cannot work.
    ModelFileError
        If the model cannot be loaded.
    """
    if image.ndim != 2 or image.size == 0:
        raise ImageError(f"the image must be a plane (Y, X), got the shape {image.shape}")
    if not np.isfinite(image).any():
        raise ImageError("the image has no finite pixel; nothing can be computed from it")
    check_outlines(outlines)
    if isinstance(partition, OutlineParameters):
        loaded = None if isinstance(model, str | Path) else model
        return (
            yield from _segment_outline(
                image, loaded, foreground, diameter, outlines, region, partition
            )
        )
    if isinstance(model, str | Path):
        model = load_model(model, device=device)
    scale = model.metadata.zoom(diameter).factor
    partition = (default_partition(model) if partition is None else partition).at_scale(scale)
    mask = yield from iterate_foreground_mask(
        image, foreground, model=model, diameter=diameter, device=device
    )
    mask, moved = settled_outlines(
        image, mask, outlines=outlines, diameter=diameter or usual_diameter(foreground, model)
    )
    mask = _within(region, mask)
    label = partial(partition_affinities, foreground=mask, parameters=partition)
    if isinstance(model, Student):
        affinities = yield from iterate_student_affinities(
            image, model, wanted=mask, diameter=diameter
        )
    else:
        updates = iterate_affinities(image, model, separation, wanted=mask, diameter=diameter)
        affinities = yield from _label_drafts(updates, label if drafts else None)
    return Segmentation(label(affinities), affinities, mask, moved)


def default_partition(model: Inpainter | Student, method: str | None = None) -> PartitionParameters:
    """Return how the affinities of a model are best turned into labels.

    Parameters
    ----------
    model : Inpainter or Student
        An AffNet has learned where cells end, so its affinities are cut by the mutex watershed;
        those of all others are weighed together with the shape of the cells.
    method : str, optional
        A name in `PARTITION_METHODS`, for the parameters that suit the model in it.

    Returns
    -------
    PartitionParameters
        At the scale of the model's cells. A student, and so an AffNet, knows the alpha of its
        mutex watershed.
    """
    if method is None:
        method = "mutex_watershed" if isinstance(model, AffNet) else DEFAULT_METHOD
    chosen = PartitionParameters(method)
    if isinstance(model, Student) and method in MUTEX_WATERSHEDS:
        return replace(chosen, alpha=model.metadata.alpha)
    return chosen


def segment(image: NDArray[Any], **options: Any) -> Segmentation:
    """Separate the cells of an image; `iterate_segmentation` without the updates.

    Parameters
    ----------
    image : ndarray, shape (Y, X)
        Raw intensities; NaN marks unknown pixels.
    **options
        See `iterate_segmentation`; there are no drafts.

    Returns
    -------
    Segmentation
        Labels, affinities and foreground.

    Raises
    ------
    InpaintAffError
        See `iterate_segmentation`.
    """
    return Job(iterate_segmentation(image, drafts=False, **options), name="segmentation").run()


def _label_drafts(
    updates: Generator[SplitUpdate | AffinityDraft, None, Affinities],
    label: Callable[[Affinities], NDArray[np.uint32]] | None,
) -> Generator[SplitUpdate | Draft, None, Affinities]:
    """Make drafts of labels from those of affinities, or leave them out."""
    with closing(updates):
        while True:
            try:
                update = next(updates)
            except StopIteration as end:
                affinities: Affinities = end.value
                return affinities
            if not isinstance(update, AffinityDraft):
                yield update
            elif label is not None:
                yield Draft(label(update.affinities()), update.done, update.total)


def _segment_outline(
    image: NDArray[Any],
    model: Inpainter | Student | None,
    foreground: Foreground,
    diameter: float | None,
    outlines: str,
    region: Region | None,
    partition: OutlineParameters,
) -> Generator[Progress, None, Segmentation]:
    """Label a foreground by its outline: there are no affinities."""
    mask = yield from iterate_foreground_mask(image, foreground, model=model, diameter=diameter)
    diameter = usual_diameter(foreground, model) if diameter is None else diameter
    mask, moved = settled_outlines(image, mask, outlines=outlines, diameter=diameter)
    mask = _within(region, mask)
    labels = partition_outline(mask, partition, diameter=diameter)
    offsets = PUBLISHED_OFFSETS[:2]
    nothing = np.zeros((len(offsets), *image.shape), np.float32)
    return Segmentation(labels, Affinities(nothing, offsets, nothing.copy()), mask, moved)


def _within(region: Region | None, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the part of a mask in a region; None is everywhere."""
    if region is None:
        return mask
    check_region(region, mask.shape)
    inside = np.zeros(mask.shape, bool)
    inside[region] = True
    return mask & inside
