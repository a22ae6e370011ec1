"""The methods that compete: from a foreground, an image and affinities to labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.feature import peak_local_max
from skimage.segmentation import watershed

from napari_inpaintaff.datatypes import Affinities
from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.foreground import fit_outlines
from napari_inpaintaff.images import read_labels
from napari_inpaintaff.partition import (
    OutlineParameters,
    PartitionParameters,
    distance_watershed,
    foreground_components,
    partition,
    with_outline,
)
from napari_inpaintaff.partition.fragments import absorb_fragments
from napari_inpaintaff.partition.region_merging import merge_history

Mask = NDArray[np.bool_]
Labels = NDArray[np.integer]
Setting = tuple[float, ...]

#: Lengths of the grids are for cells of this diameter.
_DIAMETER = 25.0
WATERSHEDS = tuple(product((0.5, 1.0, 2.0, 3.0), (3.0, 5.0, 8.0, 12.0)))
BRIGHTNESS_WATERSHEDS = tuple(product((1.0, 2.0, 3.0, 4.0), (3.0, 5.0, 8.0, 12.0)))
ALPHAS = tuple((alpha,) for alpha in (0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0))


@dataclass(frozen=True)
class Case:
    """A frame with its foreground, ready to be separated again and again.

    Attributes
    ----------
    name : str
        Of the data set and of the frame, with a slash between.
    image, foreground : ndarray, shape (Y, X)
        What is separated.
    found_again : ndarray of bool, shape (Y, X)
        `found_again` of the foreground.
    diameter : float
        Of the cells, in pixels.
    affinities : Affinities or None
        For methods that read them.
    """

    name: str
    image: NDArray[Any]
    foreground: Mask
    found_again: Mask
    diameter: float
    affinities: Affinities | None = None

    @property
    def fitted(self) -> Case:
        """The same within the outlines that the image has, if the given ones miss them."""
        return replace(self, foreground=self.found_again)


def found_again(image: NDArray[Any], foreground: Mask, diameter: float) -> Mask:
    """Return the foreground with the outlines that the program would give it."""
    fit = fit_outlines(image, foreground, diameter=diameter)
    return fit.mask if fit.better else foreground


@dataclass(frozen=True)
class Method:
    """A way to separate cells.

    Attributes
    ----------
    name : str
        In tables.
    evidence : str
        Which affinities it reads: ``""``, a mode of the information gain such as ``"draft"``,
        ``"student"`` or ``"affnet"``.
    grid : sequence of tuple of float
        Settings that are tried on the tuning half.
    default : tuple of float or None
        The one among them that nothing has to be tuned for.
    run : callable
        All settings of a case, one after another.
    """

    name: str
    evidence: str
    grid: Sequence[Setting]
    default: Setting | None
    run: Callable[[Case, Sequence[Setting]], list[Labels]]


def _components(case: Case, grid: Sequence[Setting]) -> list[Labels]:
    return [foreground_components(case.foreground)] * len(grid)


def _distance(case: Case, grid: Sequence[Setting]) -> list[Labels]:
    scale = case.diameter / _DIAMETER
    return [
        distance_watershed(case.foreground, sigma=sigma * scale, minimum_distance=apart * scale)
        for sigma, apart in grid
    ]


def _brightness(case: Case, grid: Sequence[Setting]) -> list[Labels]:
    """Cut along the valleys of the smoothed image, as is often done with bright cells."""
    scale = case.diameter / _DIAMETER
    components = foreground_components(case.foreground)
    found: list[Labels] = []
    for sigma, apart in grid:
        smooth = ndimage.gaussian_filter(case.image.astype(np.float32), sigma * scale)
        peaks = peak_local_max(
            smooth,
            min_distance=max(1, round(apart * scale)),
            labels=components.astype(np.int32),
            exclude_border=False,
        )
        markers = np.zeros(components.shape, np.int32)
        markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
        segments = watershed(-smooth, markers, mask=case.foreground)
        missed = case.foreground & (segments == 0)
        found.append(np.where(missed, components + len(peaks), segments))
    return found


def _image(case: Case, grid: Sequence[Setting]) -> list[Labels]:
    assert case.affinities is not None
    usual = PartitionParameters().at_scale(case.diameter / _DIAMETER)
    return [
        partition(
            case.affinities,
            foreground=case.foreground,
            parameters=PartitionParameters(usual.method, alpha, usual.minimum_size),
        )
        for (alpha,) in grid
    ]


def _merging(case: Case, grid: Sequence[Setting]) -> list[Labels]:
    assert case.affinities is not None
    least = PartitionParameters().at_scale(case.diameter / _DIAMETER).minimum_size
    history = merge_history(
        case.affinities,
        foreground=case.foreground,
        least_alpha=min(alpha for (alpha,) in grid),
        diameter=case.diameter,
    )
    return [
        absorb_fragments(history.labels(alpha), case.affinities, minimum_size=least)
        for (alpha,) in grid
    ]


def _image_and_outline(case: Case, grid: Sequence[Setting]) -> list[Labels]:
    assert case.affinities is not None
    both = with_outline(case.affinities, case.foreground, diameter=case.diameter)
    return _image(replace(case, affinities=both), grid)


def _fitted_distance(case: Case, grid: Sequence[Setting]) -> list[Labels]:
    return _distance(case.fitted, grid)


def _fitted_merging(case: Case, grid: Sequence[Setting]) -> list[Labels]:
    return _merging(case.fitted, grid)


def _exchanged(case: Case, grid: Sequence[Setting]) -> list[Labels]:
    """Do the same with the evidence of other cells, to see how much the image says."""
    assert case.affinities is not None
    foreign = exchange(case.affinities, case.fitted.foreground)
    return _merging(replace(case.fitted, affinities=foreign), grid)


def exchange(affinities: Affinities, foreground: Mask) -> Affinities:
    """Give every component of the foreground the affinities of the next one by size.

    They are laid over each other by the middles of their bounding boxes. Where the other
    component has nothing to say, pixels belong together.
    """
    components, _ = ndimage.label(foreground)
    boxes = ndimage.find_objects(components)
    sizes = np.bincount(components.ravel())[1:]
    order = np.argsort(sizes, kind="stable")
    values = np.ones_like(affinities.values)
    for place, own in enumerate(order):
        other = order[place + 1 if place + 1 < len(order) else place - 1]
        inside = np.argwhere(components[boxes[own]] == own + 1)
        inside += [axis.start for axis in boxes[own]]
        shift = [
            (there.start + there.stop) // 2 - (here.start + here.stop) // 2
            for here, there in zip(boxes[own], boxes[other], strict=True)
        ]
        there = inside + shift
        known = ((there >= 0) & (there < components.shape)).all(axis=1)
        here, there = inside[known].T, there[known].T
        same = components[tuple(there)] == other + 1
        here, there = here[:, same], there[:, same]
        values[:, *here] = affinities.values[:, *there]
    return Affinities(values, affinities.offsets, affinities.weight)


def labels_from(name: str, folder: Path) -> Method:
    """Take the label images that another program made of the frames, whatever the foreground.

    They are ``folder/DATA SET/FRAME.tif``.
    """

    def read(case: Case, grid: Sequence[Setting]) -> list[Labels]:
        labels = read_labels(label_file(folder, case.name))
        if labels.shape != case.image.shape:
            raise ImageError(f"{case.name}: {name} has the shape {labels.shape}")
        return [labels] * len(grid)

    return Method(name, "", ((),), (), read)


def label_file(folder: Path, name: str) -> Path:
    """Return where the labels of another program are for a case."""
    return folder / f"{name}.tif"


#: Evidence by name: modes of the information gain, a student, and the supervised AffNet.
MODES = ("draft", "balanced", "paper")
EVIDENCE = (*MODES, "student", "affnet")

_ALPHA = (PartitionParameters.alpha,)
_OUTLINE = (OutlineParameters.sigma, OutlineParameters.minimum_distance)

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method("components", "", ((),), (), _components),
        Method("distance watershed", "", WATERSHEDS, _OUTLINE, _distance),
        Method("distance watershed, fitted", "", WATERSHEDS, _OUTLINE, _fitted_distance),
        Method("brightness watershed", "", BRIGHTNESS_WATERSHEDS, None, _brightness),
        *(Method(f"{one}, image", one, ALPHAS, _ALPHA, _image) for one in EVIDENCE),
        *(
            Method(f"{one}, image and outline", one, ALPHAS, _ALPHA, _image_and_outline)
            for one in EVIDENCE
        ),
        *(Method(f"{one}, region merging", one, ALPHAS, _ALPHA, _merging) for one in EVIDENCE),
        *(
            Method(f"{one}, region merging, fitted", one, ALPHAS, _ALPHA, _fitted_merging)
            for one in EVIDENCE
        ),
        *(
            Method(
                f"{one}, region merging, fitted, others' image", one, (_ALPHA,), _ALPHA, _exchanged
            )
            for one in EVIDENCE
        ),
    )
}
