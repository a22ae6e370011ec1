"""What was painted: on which planes, and how it is meant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.layers import Layer
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.widgets.foreground_settings import LabelMeaning, PaintedLabels
from napari_inpaintaff.widgets.paint_layers import BACKGROUND_LABEL
from napari_inpaintaff.widgets.planes import Plane, pixels_of


@dataclass(frozen=True)
class PaintedPlane:
    """A plane with paint.

    Attributes
    ----------
    index : tuple of int
        Along the leading axes of the image.
    targets : ndarray of int8, shape (Y, X)
        1 foreground, 0 background, -1 unlabelled.
    """

    index: tuple[int, ...]
    targets: NDArray[np.int8]


@dataclass(frozen=True)
class FoundPaint:
    """What was painted.

    Attributes
    ----------
    planes : tuple of PaintedPlane
        One at least; the plane that the user looks at comes first, if it has paint.
    description : str
        For people, such as ``"strokes in 2 planes"``.
    only_cells : bool
        Whether no background is labelled.
    """

    planes: tuple[PaintedPlane, ...]
    description: str
    only_cells: bool


def misfit(layer: Layer, source: Layer) -> str:
    """Say why an image cannot be learned from with some labels; empty when it can.

    Labels have the pixels of the image, or of one plane of it.
    """
    labels, image = tuple(pixels_of(layer).shape), tuple(pixels_of(source).shape)
    leading = labels[:-2]
    one_plane = all(length == 1 for length in leading) and len(leading) <= len(image) - 2
    if labels[-2:] == image[-2:] and (labels == image or one_plane):
        return ""
    return (
        f"The labels {layer.name} have the shape {labels}, the image {source.name} {image}: "
        'choose labels of the same image, or press "Paint labels".'
    )


def find_paint(labels: PaintedLabels, current: Plane, diameter: float) -> FoundPaint:
    """Read what was painted, in a worker thread.

    Parameters
    ----------
    labels : PaintedLabels
        What the user painted.
    current : Plane
        Of the image, which the user looks at.
    diameter : float
        Typical diameter of a cell, in pixels.

    Returns
    -------
    FoundPaint

    Raises
    ------
    ImageError
        If nothing is painted, nothing but cells, or too little.
    """
    from napari_inpaintaff.foreground import targets_of_planes

    planes = _painted(labels, current)
    if not planes:
        where = "" if labels.box is None else " in the chosen region"
        raise ImageError(f"Nothing is painted in {labels.name}{where}: paint over a few cells.")
    sparse = [_is_sparse(values, labels, diameter) for values in planes.values()]
    seen = [
        _with_background(values, labels.ours and not one)
        for values, one in zip(planes.values(), sparse, strict=True)
    ]
    targets = targets_of_planes(seen, sparse)
    if labels.box is not None:
        targets = [_in_box(one, labels.box, current.shape) for one in targets]
    kinds = {"strokes" if one else "every cell" for one in sparse}
    where = " of a region" if labels.box is not None else ""
    count = "1 plane" if len(planes) == 1 else f"{len(planes)} planes"
    return FoundPaint(
        tuple(PaintedPlane(*pair) for pair in zip(planes, targets, strict=True)),
        f"{' and '.join(sorted(kinds))}{where} in {count}",
        only_cells=not any((one == 0).any() for one in targets),
    )


def _painted(labels: PaintedLabels, current: Plane) -> dict[tuple[int, ...], NDArray[Any]]:
    """Read the planes that have paint, within the box, by their index in the image."""
    leading = tuple(labels.data.shape[:-2])
    found = {}
    for own_index in np.ndindex(leading):
        plane = np.array(labels.data[own_index])
        if labels.box is not None:
            plane = plane[labels.box]
        if plane.any():
            same = len(leading) == len(current.index) and leading != (1,) * len(leading)
            found[own_index if same else labels.index] = plane
    return dict(sorted(found.items(), key=lambda item: item[0] != current.index))


def _is_sparse(values: NDArray[Any], labels: PaintedLabels, diameter: float) -> bool:
    from napari_inpaintaff.foreground import cells_are_whole, looks_like_strokes

    if labels.meaning is not LabelMeaning.AUTOMATIC:
        return labels.meaning is LabelMeaning.STROKES
    if not labels.ours:
        return looks_like_strokes(values)
    # Only a box says where all cells were painted.
    has_background = bool((values == BACKGROUND_LABEL).any())
    return labels.box is None or has_background or not cells_are_whole(values, diameter)


def _with_background(values: NDArray[Any], one_is_background: bool) -> NDArray[Any]:
    return np.where(values == BACKGROUND_LABEL, 0, values) if one_is_background else values


def _in_box(
    targets: NDArray[np.int8], box: tuple[slice, slice], shape: tuple[int, int]
) -> NDArray[np.int8]:
    """Put targets of a box into a plane that is unlabelled elsewhere."""
    whole = np.full(shape, -1, np.int8)
    whole[box] = targets
    return whole
