"""The labels as they are measured and written: filtered plane by plane, then linked."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.images import ImageData
from napari_inpaintaff.images.axes import complete_scale
from napari_inpaintaff.images.pixels import Pixels, reading_pixels
from napari_inpaintaff.jobs import Job, Progress
from napari_inpaintaff.measurement.filters import (
    Labels,
    ObjectFilter,
    count_objects,
    filter_objects,
)
from napari_inpaintaff.measurement.linking import MINIMUM_IOU, linking_in_place


@dataclass(frozen=True)
class Prepared:
    """A label image that is ready to be measured and written.

    Attributes
    ----------
    labels : ImageData
        Of an unsigned integer type.
    kept, left_out : int
        Objects, counted plane by plane.
    """

    labels: ImageData
    kept: int
    left_out: int


@dataclass(frozen=True)
class Count:
    """How many objects stay, and how many do not, counted plane by plane."""

    kept: int
    left_out: int


def iterate_preparation(
    labels: Pixels,
    *,
    axes: str = "YX",
    scale: tuple[float, ...] | None = None,
    units: tuple[str, ...] | None = None,
    name: str = "labels",
    wanted: ObjectFilter | None = None,
    link: bool = False,
    minimum_iou: float = MINIMUM_IOU,
) -> Generator[Progress, None, Prepared]:
    """Read, filter and link labels, one plane after the other.

    Parameters
    ----------
    labels : array of integers or bool, one dimension per axis
        0 is background. Arrays of dask and zarr are read plane by plane.
    axes, scale, units
        See `ImageData`; by default one plane without a known scale.
    name : str
        Of the labels, for messages.
    wanted : ObjectFilter, optional
        Which objects stay; by default all.
    link : bool
        Whether objects that overlap in neighbouring frames or planes get the same number,
        see `link_labels`. One plane stays as it is.
    minimum_iou : float
        See `link_planes`.

    Yields
    ------
    Progress
        After every plane.

    Returns
    -------
    Prepared

    Raises
    ------
    ImageError
        If the labels cannot be read, or are no labels.
    ParameterError
        If they do not fit the axes, or have more objects than a label image can have.
    """
    shape = tuple(int(length) for length in labels.shape)
    # Checks that everything fits, before long work; the array takes no memory yet.
    scale, units = complete_scale(axes, scale, units)
    result = ImageData(np.zeros(shape, dtype=np.uint32), axes, scale, units, name)
    if result.data.size == 0:
        raise ParameterError(f"{name} has no pixels (shape {shape})")
    leading = shape[:-2]
    total = int(np.prod(leading))
    kept = left_out = 0
    yield Progress(0, total, "Reading the labels…")
    for done, index in enumerate(np.ndindex(leading), 1):
        filtered, count, fewer = _filtered(labels, index, name, wanted or ObjectFilter())
        if filtered.max() > np.iinfo(np.uint32).max:
            raise ParameterError(f"labels must be below 2**32, got {filtered.max()} in {name}")
        result.data[index] = filtered
        kept, left_out = kept + count, left_out + fewer
        yield Progress(done, total)
    if link and leading:
        yield Progress(0, total, "Linking identities…")
        for done, _ in enumerate(linking_in_place(result.data, minimum_iou), 1):
            yield Progress(done, shape[0])
    return Prepared(result, kept, left_out)


def prepare(
    labels: Pixels,
    *,
    axes: str = "YX",
    scale: tuple[float, ...] | None = None,
    units: tuple[str, ...] | None = None,
    name: str = "labels",
    wanted: ObjectFilter | None = None,
    link: bool = False,
    minimum_iou: float = MINIMUM_IOU,
) -> Prepared:
    """Do what `iterate_preparation` does, without saying how far it is."""
    steps = iterate_preparation(
        labels,
        axes=axes,
        scale=scale,
        units=units,
        name=name,
        wanted=wanted,
        link=link,
        minimum_iou=minimum_iou,
    )
    return Job(steps, name="preparation").run()


def iterate_count(
    labels: Pixels, *, name: str = "labels", wanted: ObjectFilter | None = None
) -> Generator[Progress, None, Count]:
    """Count the objects that a filter leaves, without keeping any labels.

    Parameters
    ----------
    labels, name, wanted
        As for `iterate_preparation`.

    Yields
    ------
    Progress
        After every plane.

    Returns
    -------
    Count

    Raises
    ------
    ImageError
        If the labels cannot be read, or are no labels.
    """
    leading = tuple(int(length) for length in labels.shape[:-2])
    total = int(np.prod(leading))
    result = Count(0, 0)
    for done, index in enumerate(np.ndindex(leading), 1):
        _, kept, left_out = _filtered(labels, index, name, wanted or ObjectFilter())
        result = Count(result.kept + kept, result.left_out + left_out)
        yield Progress(done, total)
    return result


def _filtered(
    labels: Pixels, index: tuple[int, ...], name: str, wanted: ObjectFilter
) -> tuple[Labels, int, int]:
    """Return a plane with the objects that stay, their number, and that of the others."""
    with reading_pixels(name):
        # A copy: the owner of the array may go on painting in it.
        plane = np.array(labels[(*index, slice(None), slice(None))])
    filtered = filter_objects(plane, wanted)
    kept = count_objects(filtered)
    return filtered, kept, count_objects(plane) - kept
