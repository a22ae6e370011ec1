"""The foreground of a part of a plane, as the whole plane would have it."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.foreground import (
    FOREGROUND_METHODS,
    WHOLE_PLANE_METHODS,
    FGNet,
    ForegroundLevels,
    ForegroundModel,
    fit_outlines,
)
from napari_inpaintaff.foreground.methods import global_otsu_level
from napari_inpaintaff.foreground.otsu import otsu_levels
from napari_inpaintaff.foreground.outline_fit import outline_halo, outline_levels
from napari_inpaintaff.foreground.outline_share import OutlineLevels
from napari_inpaintaff.images import (
    ArrayPlane,
    PlaneReader,
    Region,
    check_region,
    grown,
    sample_windows,
    within,
)
from napari_inpaintaff.inpainting import Inpainter
from napari_inpaintaff.jobs import Job, Progress
from napari_inpaintaff.pipeline.foreground_source import check_outlines, usual_diameter
from napari_inpaintaff.pipeline.window_mask import (
    WindowForeground,
    iterate_window_mask,
    method_of,
    read_denoised,
)
from napari_inpaintaff.separation import Student

#: IEM takes long: of so many pixels a side it is asked whether outlines have to move.
_IEM_SIDE = 1024


def iterate_window_foreground(
    plane: PlaneReader,
    core: Region,
    foreground: WindowForeground,
    levels: ForegroundLevels,
    *,
    model: Inpainter | Student | None = None,
    diameter: float | None = None,
    outlines: str = "auto",
) -> Generator[Progress, None, NDArray[np.bool_]]:
    """Find the pixels to be labelled in a part of a plane.

    They are those that `iterate_foreground_mask` and `settled_outlines` find in the whole
    plane, if the levels are of the whole plane, with two exceptions. ``"iem"``, and networks
    other than an FGNet, see the core and its surroundings for themselves, so there may be
    seams. Outlines that are moved may differ by a pixel in clumps of cells larger than
    `outline_halo`.

    Parameters
    ----------
    plane : PlaneReader
        Raw intensities; NaN marks unknown pixels. What is read reaches beyond the core.
    core : tuple of two slices
        Rows and columns, with start and stop.
    foreground : str, ForegroundModel or PlaneReader
        A method (see `foreground.FOREGROUND_METHODS`), a foreground network, or a reader of a
        mask or label image of the plane, in which what is not zero is foreground.
    levels : ForegroundLevels
        What has to be known of the whole plane: see `foreground_levels`.
    model : Inpainter or Student, optional
        That separates the cells; a method sees the image denoised if it does that.
    diameter : float, optional
        Typical diameter of a cell in pixels; see `iterate_foreground_mask`.
    outlines : {"auto", "keep"}, optional
        Whether outlines are moved to the edges of the image, if the levels say so.

    Yields
    ------
    Progress
        Of a network or IEM. Not asking for the next one ends the work.

    Returns
    -------
    ndarray of bool
        Of the core's shape.

    Raises
    ------
    ImageError
        If a given mask has another shape than the plane.
    ParameterError
        If the core is empty or reaches outside the plane, the choice of outlines is unknown,
        or the levels are those of another foreground.
    """
    check_outlines(outlines)
    core = check_region(core, plane.shape)
    fit = levels.outlines if outlines == "auto" else None
    if fit is None or not fit.better:
        return (
            yield from iterate_window_mask(
                plane, core, foreground, levels, model=model, diameter=diameter
            )
        )
    cell = diameter or usual_diameter(_known(foreground), model)
    around = grown(core, outline_halo(cell), plane.shape)
    mask = yield from iterate_window_mask(
        plane, around, foreground, levels, model=model, diameter=diameter
    )
    fitted = fit_outlines(plane.read_region(around), mask, diameter=cell, levels=fit)
    return fitted.mask[within(core, around)]


def _known(foreground: WindowForeground) -> str | ForegroundModel:
    """Return what may know the diameter of the cells."""
    return foreground if isinstance(foreground, str | ForegroundModel) else "none"


def foreground_levels(
    windows: Sequence[NDArray[Any]],
    foreground: WindowForeground,
    *,
    model: Inpainter | Student | None = None,
    diameter: float | None = None,
    outlines: str = "auto",
) -> ForegroundLevels:
    """Find what a foreground has to know of a whole plane.

    Parameters
    ----------
    windows : sequence of ndarray, shape (Y, X)
        Raw intensities of the plane, or of parts that stand for it: what `sample_windows`
        reads.
    foreground : str, ForegroundModel or PlaneReader
        A method, a foreground network, or a reader of a given mask, of which windows are
        taken at the same places.
    model : Inpainter or Student, optional
        That separates the cells.
    diameter : float, optional
        Typical diameter of a cell in pixels; see `iterate_foreground_mask`.
    outlines : {"auto", "keep"}, optional
        Whether it is found out if outlines have to be moved.

    Returns
    -------
    ForegroundLevels
        Those of the whole plane, if it is the only window.

    Raises
    ------
    ImageError
        If no pixel is finite.
    ParameterError
        If the method or the choice of outlines is unknown, the diameter is not positive, or
        windows of the given mask have
        other shapes than those of the image.
    """
    check_outlines(outlines)
    if isinstance(foreground, str) and foreground not in FOREGROUND_METHODS:
        raise ParameterError(
            f"unknown foreground method {foreground!r}; "
            f"choose one of: {', '.join(FOREGROUND_METHODS)}"
        )
    if isinstance(foreground, str) and foreground in WHOLE_PLANE_METHODS:
        raise ParameterError(
            f"the foreground method {foreground!r} sees whole planes, and cannot be used for "
            "stacks and large planes, which are worked on in parts: write the mask with "
            "`inpaintaff foreground` first, and give that"
        )
    if diameter is not None and not (math.isfinite(diameter) and diameter > 0):
        raise ParameterError(f"the cell diameter must be positive, got {diameter}")
    if not any(np.isfinite(window).any() for window in windows):
        raise ImageError("the image has no finite pixel; nothing can be computed from it")
    levels = _intensity_levels(windows, foreground, model, diameter)
    if outlines == "keep" or foreground == "none":
        return levels
    fit = _outline_levels(windows, foreground, levels, model, diameter)
    return replace(levels, outlines=fit)


def _intensity_levels(
    windows: Sequence[NDArray[Any]],
    foreground: WindowForeground,
    model: Inpainter | Student | None,
    diameter: float | None,
) -> ForegroundLevels:
    levels = ForegroundLevels(method_of(foreground))
    if isinstance(foreground, FGNet):
        normalisation = foreground.normalisation_of(windows)
        highest = max(
            float(
                Job(
                    foreground.iterate_window(
                        ArrayPlane(window), _whole(window), normalisation, diameter=diameter
                    )
                )
                .run()
                .max()
            )
            for window in windows
        )
        return replace(levels, normalisation=normalisation, highest=highest)
    if not isinstance(foreground, str) or foreground == "none":
        return levels
    denoising = None if model is None else model.denoising_of(windows)
    levels = replace(levels, denoising=denoising)
    if foreground == "iem":
        return levels
    seen = [
        read_denoised(ArrayPlane(window), _whole(window), model, denoising) for window in windows
    ]
    if foreground == "global_otsu":
        level = global_otsu_level(seen)
        return replace(levels, threshold=level, constant=level is None)
    otsu = otsu_levels(seen, diameter=diameter or usual_diameter(foreground, model))
    return replace(levels, otsu=otsu, constant=otsu is None)


def _outline_levels(
    windows: Sequence[NDArray[Any]],
    foreground: WindowForeground,
    levels: ForegroundLevels,
    model: Inpainter | Student | None,
    diameter: float | None,
) -> OutlineLevels | None:
    """Find the foreground of the windows, and ask whether their outlines have to move."""
    readers: list[WindowForeground] = [foreground] * len(windows)
    if foreground == "iem":
        middle = windows[len(windows) // 2]
        windows = [middle[tuple(_middle(length) for length in middle.shape)]]
        readers = [foreground]
    elif not isinstance(foreground, str | ForegroundModel):
        masks = sample_windows(foreground)
        if [mask.shape for mask in masks] != [window.shape for window in windows]:
            raise ParameterError(
                f"the foreground {foreground.shape} must be sampled like the image: both by "
                "sample_windows, from planes of one shape"
            )
        readers = [ArrayPlane(mask) for mask in masks]
    cell = diameter or usual_diameter(_known(foreground), model)
    pairs = []
    for window, reader in zip(windows, readers, strict=True):
        found = iterate_window_foreground(
            ArrayPlane(window),
            _whole(window),
            reader,
            levels,
            model=model,
            diameter=diameter,
            outlines="keep",
        )
        pairs.append((window, Job(found).run()))
    return outline_levels(pairs, diameter=cell)


def _middle(length: int) -> slice:
    side = min(length, _IEM_SIDE)
    return slice((length - side) // 2, (length - side) // 2 + side)


def _whole(window: NDArray[Any]) -> Region:
    return slice(0, window.shape[0]), slice(0, window.shape[1])
