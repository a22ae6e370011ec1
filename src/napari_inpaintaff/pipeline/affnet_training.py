"""Labelled images to an AffNet: the training, and the alpha that suits it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.datatypes import PUBLISHED_OFFSETS, Affinities, Offset
from napari_inpaintaff.evaluation import close_gaps, evaluate
from napari_inpaintaff.images import Plane
from napari_inpaintaff.images.normalise import NormalisationKind
from napari_inpaintaff.inpainting import Inpainter
from napari_inpaintaff.inpainting.training_images import as_planes
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.partition import PartitionParameters, partition
from napari_inpaintaff.separation import (
    AffNet,
    AffNetTraining,
    AffNetUpdate,
    Student,
    compute_student_affinities,
    train_affnet,
)

#: Alpha is one of these, ...
_ALPHAS = (0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75)
#: ... of those with a SEG that is lower than the best one by so little that it is chance, the one
#: that is nearest to the usual one, ...
_CHANCE = 0.005
#: ... in so many windows of so many pixels a side.
_MOST_WINDOWS = 4
_WINDOW = 1024

_logger = logging.getLogger(__name__)


def iterate_affnet_training(
    images: Sequence[Plane | NDArray[Any]],
    labels: Sequence[NDArray[Any]],
    training: AffNetTraining | None = None,
    *,
    start: Inpainter | Student | None = None,
    name: str = "affnet",
    diameter: float | None = None,
    normalisation: NormalisationKind | None = None,
    offsets: Sequence[Offset] = PUBLISHED_OFFSETS,
    notes: Mapping[str, Any] | None = None,
    device: str = "auto",
    stop: Callable[[], bool] = lambda: False,
) -> Generator[Progress | AffNetUpdate, None, AffNet]:
    """Train an AffNet on labelled images: `separation.train_affnet` with a fitting alpha.

    Parameters
    ----------
    images, labels, training, start, name, diameter, normalisation, offsets, notes, device, stop
        See `separation.train_affnet`.

    Yields
    ------
    Progress or AffNetUpdate
        See `separation.train_affnet`; more of the first while alpha is chosen.

    Returns
    -------
    AffNet
        With its alpha in the metadata; see `choose_affnet_alpha`.

    Raises
    ------
    ImageError, ParameterError, DeviceError
        See `separation.train_affnet`.
    """
    planes = as_planes(images)

    def choose(
        affnet: AffNet, held_out: Sequence[NDArray[np.bool_]] | None
    ) -> Generator[Progress, None, float]:
        return choose_affnet_alpha(affnet, planes, labels, held_out, diameter=diameter)

    return (
        yield from train_affnet(
            planes,
            labels,
            training,
            start=start,
            name=name,
            diameter=diameter,
            normalisation=normalisation,
            offsets=offsets,
            notes=notes,
            choose_alpha=choose,
            device=device,
            stop=stop,
        )
    )


def choose_affnet_alpha(
    affnet: AffNet,
    planes: Sequence[Plane],
    labels: Sequence[NDArray[np.integer]],
    held_out: Sequence[NDArray[np.bool_]] | None = None,
    *,
    diameter: float | None = None,
) -> Generator[Progress, None, float]:
    """Choose alpha by the labels: the one with the best SEG, given the true foreground.

    Parameters
    ----------
    affnet : AffNet
        Predicts the affinities.
    planes : sequence of Plane
        The images; the four windows of at most 1024 pixels a side with most cells that count.
    labels : sequence of ndarray of int, shape (Y, X)
        Of every plane: cells are above 0.
    held_out : sequence of ndarray of bool, shape (Y, X), or None
        Where the AffNet was not trained: cells count that lie there with most of their pixels;
        None counts all.
    diameter : float, optional
        Of the cells in these images, in pixels.

    Yields
    ------
    Progress
        Before every window and every alpha.

    Returns
    -------
    float
        Between 0.7 and 1.75; of values that are equally good, the one nearest to that of the
        AffNet, which is returned, too, if no cell counts.
    """
    total = _MOST_WINDOWS + len(_ALPHAS)
    message = "Choosing alpha…"
    windows: list[_Window] = []
    for index, part, truth in _best_windows(labels, held_out):
        yield Progress(len(windows), total, message)
        given = np.asarray(labels[index])[part]
        image = planes[index].read_region(part)
        mask = close_gaps(np.maximum(given, 0)) & np.isfinite(image)
        affinities = compute_student_affinities(image, affnet, wanted=mask, diameter=diameter)
        windows.append(_Window(affinities, mask, truth))
    if not windows:
        return affnet.metadata.alpha
    scale = affnet.metadata.zoom(diameter).factor
    scores: list[float] = []
    for done, alpha in enumerate(_ALPHAS):
        yield Progress(_MOST_WINDOWS + done, total, message)
        parameters = PartitionParameters(alpha=alpha).at_scale(scale)
        found = [
            (partition(one.affinities, foreground=one.foreground, parameters=parameters), one.truth)
            for one in windows
        ]
        scores.append(evaluate(found).seg)
        _logger.info("alpha %g: SEG %.3f", alpha, scores[-1])
    best = [
        alpha
        for alpha, score in zip(_ALPHAS, scores, strict=True)
        if score >= max(scores) - _CHANCE
    ]
    usual = affnet.metadata.alpha
    return min(best, key=lambda alpha: abs(alpha - usual))


@dataclass(frozen=True, eq=False)
class _Window:
    """A part of an image, and the cells in it that count."""

    affinities: Affinities
    foreground: NDArray[np.bool_]
    truth: NDArray[np.integer]


def _best_windows(
    labels: Sequence[NDArray[np.integer]], held_out: Sequence[NDArray[np.bool_]] | None
) -> list[tuple[int, tuple[slice, slice], NDArray[np.integer]]]:
    """Return the windows with most cells that count: image, part, and these cells alone."""
    found = []
    for index, given in enumerate(labels):
        height, width = given.shape
        counting = np.maximum(np.asarray(given), 0)
        if held_out is not None:
            counting = _mostly_inside(counting, held_out[index])
        for y in range(0, height, _WINDOW):
            for x in range(0, width, _WINDOW):
                rows = slice(y, min(y + _WINDOW, height))
                part = rows, slice(x, min(x + _WINDOW, width))
                cells = np.count_nonzero(np.unique(counting[part]))
                if cells:
                    found.append((cells, (index, part, counting[part])))
    found.sort(key=lambda one: -one[0])
    return [window for _, window in found[:_MOST_WINDOWS]]


def _mostly_inside(labels: NDArray[np.integer], inside: NDArray[np.bool_]) -> NDArray[np.integer]:
    """Keep the labels of which more than half of the pixels are inside."""
    values, cells, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    share = np.bincount(cells.ravel(), inside.ravel(), len(values)) / sizes
    kept: NDArray[np.integer] = np.where((share > 0.5)[cells].reshape(labels.shape), labels, 0)
    return kept
