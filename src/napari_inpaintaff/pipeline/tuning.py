"""Choosing alpha, or sigma, on labelled images, for any measure and any partition method."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.datatypes import Affinities
from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.foreground import ForegroundModel
from napari_inpaintaff.inpainting import DEFAULT_INPAINTER, Inpainter
from napari_inpaintaff.jobs import Progress, retell
from napari_inpaintaff.partition import (
    DEFAULT_METHOD,
    MUTEX_WATERSHEDS,
    OUTLINE_DIAMETER,
    OUTLINE_METHODS,
    PARTITION_METHODS,
    OutlineParameters,
    PartitionParameters,
    partition,
    partition_outline,
)
from napari_inpaintaff.pipeline.foreground_source import usual_diameter
from napari_inpaintaff.pipeline.segmentation import Segmentation, iterate_segmentation
from napari_inpaintaff.pipeline.tuning_curves import (
    METRICS,
    Tuning,
    TuningCurve,
    check_values,
    unknown_metric,
)
from napari_inpaintaff.separation import SeparationParameters, Student, load_model

#: What is tried where no values are given: of the mutex watersheds and of region merging, ...
MUTEX_ALPHAS = (0.7, 0.8, 0.85, 0.9, 0.95, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.75, 2.0, 2.5, 3.0)
#: ... of the others with an alpha, which want less of it, ...
OTHER_ALPHAS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 1.5)
#: ... and of the watershed of distances, in pixels of cells of 25 px.
SIGMAS = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0)

_WITHOUT_PARAMETER = ("connected_components", "foreground_components")


@dataclass(frozen=True, eq=False)
class TuningCase:
    """An image, ready to be partitioned again and again.

    Attributes
    ----------
    foreground : ndarray of bool, shape (Y, X)
        Pixels to be labelled.
    truth : ndarray of int, shape (Y, X)
        Its cells; 0 is background.
    affinities : Affinities or None
        Of the image; None suffices for methods that read the outline only.
    """

    foreground: NDArray[np.bool_]
    truth: NDArray[np.integer]
    affinities: Affinities | None = None


def tune(
    images: Sequence[NDArray[Any]],
    truths: Sequence[NDArray[np.integer]],
    model: str | Path | Inpainter | Student = DEFAULT_INPAINTER,
    *,
    methods: Sequence[str] = (DEFAULT_METHOD,),
    metric: str = "seg",
    alphas: Sequence[float] | None = None,
    sigmas: Sequence[float] | None = None,
    foreground: str | ForegroundModel | Sequence[NDArray[Any]] = "otsu",
    diameter: float | None = None,
    separation: SeparationParameters | None = None,
    minimum_size: int | None = None,
    outlines: str = "auto",
    device: str = "auto",
) -> Generator[Progress, None, Tuning]:
    """Measure which alpha, or sigma, makes the best labels of images whose truth is known.

    Affinities and foreground are computed once for every image, as `segment` does, and all
    methods and values share them; they are held in memory, about 100 bytes per pixel.

    Parameters
    ----------
    images : sequence of ndarray, shape (Y, X)
        Raw intensities; NaN marks unknown pixels.
    truths : sequence of ndarray of int, shape (Y, X)
        Label images of their cells, 0 is background. Cells may be missing if the metric is
        one of the partial ones, such as ``"seg"``: it looks at annotated cells only. The
        others take every object without a cell for wrong.
    model : str, Path, Inpainter or Student, optional
        Name, model file or a loaded model; not loaded where all methods read the outline
        only.
    methods : sequence of str, optional
        Names in `partition.PARTITION_METHODS` and `partition.OUTLINE_METHODS`.
    metric : str, optional
        A name in `METRICS`. Measured on all images together, as `evaluation.evaluate` does.
    alphas : sequence of float > 0, optional
        Tried with every method that has an alpha; by default a range that suits each.
    sigmas : sequence of float >= 0, optional
        Tried with ``"distance_watershed"``, in pixels of cells of 25 px.
    foreground : str, ForegroundModel or sequence of ndarray of shape (Y, X), optional
        See `iterate_segmentation`; or one mask for every image.
    diameter : float, optional
        Typical diameter of a cell in these images in pixels; by default the model's.
    separation : SeparationParameters, optional
        How an inpainter splits patches. A student does not.
    minimum_size : int, optional
        See `PartitionParameters`; follows the diameter.
    outlines : {"auto", "keep"}, optional
        As for `iterate_segmentation`.
    device : str, optional
        ``auto``, ``cpu``, ``cuda`` or ``mps``; a loaded model stays where it is.

    Yields
    ------
    Progress
        While the affinities of each image are computed, then before every partition. Not
        asking for the next one cancels the run.

    Returns
    -------
    Tuning
        A curve for every method.

    Raises
    ------
    ParameterError
        If a name is unknown, a value cannot work, or the numbers of images, truths and masks
        differ.
    ImageError
        If images, truths and masks do not fit, or the truths hold no cell.
    ModelFileError
        If the model cannot be loaded.
    """
    plan_tuning(methods, metric, alphas, sigmas)
    _check_truths(images, truths)
    sources = _sources(foreground, len(images))
    outline_only = all(method in OUTLINE_METHODS for method in methods)
    chosen: PartitionParameters | OutlineParameters = OutlineParameters("foreground_components")
    if not outline_only:
        model = load_model(model, device=device) if isinstance(model, str | Path) else model
        # Only its affinities are needed: no method is faster than this one.
        chosen = PartitionParameters("connected_components")
        size = PartitionParameters.minimum_size if minimum_size is None else minimum_size
        size = replace(chosen, minimum_size=size).minimum_size
        minimum_size = round(size * model.metadata.zoom(diameter).factor ** 2)
    cases = []
    for number, (image, truth, source) in enumerate(
        zip(images, truths, sources, strict=True), start=1
    ):
        updates = iterate_segmentation(
            image,
            model=model,
            foreground=source,
            diameter=diameter,
            separation=separation,
            partition=chosen,
            outlines=outlines,
            drafts=False,
            device=device,
        )
        what = "Foreground" if outline_only else "Affinities"
        result = yield from _counted(updates, f"{what} of image {number} of {len(images)}")
        affinities = None if outline_only else result.affinities
        cases.append(TuningCase(result.foreground, truth, affinities))
    return (
        yield from tune_cases(
            cases,
            methods=methods,
            metric=metric,
            alphas=alphas,
            sigmas=sigmas,
            minimum_size=minimum_size,
            # Methods that read the outline are used without the model.
            diameter=usual_diameter(sources[0]) if diameter is None else diameter,
        )
    )


def tune_cases(
    cases: Sequence[TuningCase],
    *,
    methods: Sequence[str] = (DEFAULT_METHOD,),
    metric: str = "seg",
    alphas: Sequence[float] | None = None,
    sigmas: Sequence[float] | None = None,
    minimum_size: int | None = None,
    diameter: float | None = None,
) -> Generator[Progress, None, Tuning]:
    """Measure methods and values on affinities and foregrounds that are there; see `tune`.

    Parameters
    ----------
    cases : sequence of TuningCase
        One for every image.
    methods, metric, alphas, sigmas
        See `tune`.
    minimum_size : int, optional
        See `PartitionParameters`; in pixels of these images.
    diameter : float, optional
        Typical diameter of a cell in these images in pixels; by default 25.

    Yields
    ------
    Progress
        Before every partition of an image.

    Returns
    -------
    Tuning
        A curve for every method.

    Raises
    ------
    ParameterError, ImageError
        See `tune`; and if a method needs affinities that are not there.
    """
    plan = plan_tuning(methods, metric, alphas, sigmas)
    total = len(cases) * sum(max(1, len(values)) for _, _, values in plan)
    done = 0
    curves = []
    for method, parameter, values in plan:
        scores = []
        for value in values or (None,):
            frames: list[tuple[NDArray[np.integer], NDArray[np.integer]]] = []
            for case in cases:
                at = "" if value is None else f" at {parameter} {value:g}"
                yield Progress(done, total, f"{method}{at}")
                labels = _labels(case, method, value, minimum_size, diameter)
                frames.append((labels, case.truth))
                done += 1
            scores.append(METRICS[metric].measure(frames))
        curves.append(TuningCurve(method, metric, parameter, values, tuple(scores)))
    cells = sum(len(np.unique(case.truth[case.truth > 0])) for case in cases)
    return Tuning(tuple(curves), len(cases), cells)


def plan_tuning(
    methods: Sequence[str],
    metric: str,
    alphas: Sequence[float] | None = None,
    sigmas: Sequence[float] | None = None,
) -> list[tuple[str, str | None, tuple[float, ...]]]:
    """Say what `tune` tries, or what is wrong with its parameters.

    Parameters
    ----------
    methods, metric, alphas, sigmas
        See `tune`.

    Returns
    -------
    list of (str, str or None, tuple of float)
        Every method once, with what it has to vary and the values, ascending.

    Raises
    ------
    ParameterError
        If a name is unknown, or a value cannot work.
    """
    if metric not in METRICS:
        raise unknown_metric(metric)
    if not methods:
        raise ParameterError("there is no partition method to tune; give at least one")
    known = (*PARTITION_METHODS, *OUTLINE_METHODS)
    plan: list[tuple[str, str | None, tuple[float, ...]]] = []
    for method in dict.fromkeys(methods):
        if method not in known:
            raise ParameterError(
                f"unknown partition method {method!r}; choose one of: {', '.join(known)}"
            )
        if method in _WITHOUT_PARAMETER:
            plan.append((method, None, ()))
        elif method in OUTLINE_METHODS:
            given = SIGMAS if sigmas is None else sigmas
            plan.append((method, "sigma", check_values("sigma", given, zero=True)))
        else:
            large = method in (*MUTEX_WATERSHEDS, "region_merging")
            usual = MUTEX_ALPHAS if large else OTHER_ALPHAS
            given = usual if alphas is None else alphas
            plan.append((method, "alpha", check_values("alpha", given, zero=False)))
    return plan


def _check_truths(images: Sequence[NDArray[Any]], truths: Sequence[NDArray[np.integer]]) -> None:
    """Raise what is wrong with the ground truth before anything is computed."""
    if not images:
        raise ParameterError("there is no image to tune on; give at least one with its truth")
    if len(images) != len(truths):
        raise ParameterError(
            f"there are {len(images)} images, but {len(truths)} truths: give one for each"
        )
    for number, (image, truth) in enumerate(zip(images, truths, strict=True), start=1):
        if truth.shape != image.shape:
            raise ImageError(
                f"the truth of image {number} has the shape {truth.shape}, "
                f"but the image has {image.shape}"
            )
        if truth.dtype.kind not in "bui":
            raise ImageError(
                f"the truth of image {number} must be whole numbers, got {truth.dtype}"
            )
        if truth.size and truth.min() < 0:
            raise ImageError(f"the truth of image {number} must not be negative, got {truth.min()}")
    if not any(truth.any() for truth in truths):
        raise ImageError("the ground truth has no cells, so there is nothing to compare with")


def _sources(
    foreground: str | ForegroundModel | Sequence[NDArray[Any]], count: int
) -> Sequence[str | ForegroundModel | NDArray[Any]]:
    """Return the source of the foreground of every image."""
    if isinstance(foreground, str | ForegroundModel):
        return [foreground] * count
    if len(foreground) != count:
        raise ParameterError(
            f"there are {count} images, but {len(foreground)} foregrounds: give one for each"
        )
    return foreground


def _counted(
    updates: Generator[Any, None, Segmentation], message: str
) -> Generator[Progress, None, Segmentation]:
    """Turn updates of any kind that count into progress."""
    return (yield from retell(updates, lambda update: Progress(update.done, update.total, message)))


def _labels(
    case: TuningCase,
    method: str,
    value: float | None,
    minimum_size: int | None,
    diameter: float | None,
) -> NDArray[np.integer]:
    """Partition one image in one way."""
    if method in OUTLINE_METHODS:
        outline = OutlineParameters(method)
        outline = outline if value is None else replace(outline, sigma=value)
        usual = OUTLINE_DIAMETER if diameter is None else diameter
        return partition_outline(case.foreground, outline, diameter=usual)
    if case.affinities is None:
        raise ParameterError(f"{method} needs affinities; only outline methods do without")
    chosen = PartitionParameters(method)
    chosen = chosen if value is None else replace(chosen, alpha=value)
    chosen = chosen if minimum_size is None else replace(chosen, minimum_size=minimum_size)
    chosen = chosen if diameter is None else replace(chosen, diameter=diameter)
    return partition(case.affinities, foreground=case.foreground, parameters=chosen)
