"""The foreground of a segmentation: a method, a given mask, or a foreground network."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.foreground import (
    OUTLINES,
    FGNet,
    ForegroundModel,
    fit_outlines,
    iterate_foreground_probability,
    mask_from_labels,
    threshold,
)
from napari_inpaintaff.inpainting import Inpainter
from napari_inpaintaff.jobs import Job, Progress
from napari_inpaintaff.partition import OUTLINE_DIAMETER
from napari_inpaintaff.separation import Student

#: A method by name, a mask or label image (Y, X), or a loaded network.
Foreground: TypeAlias = str | NDArray[Any] | ForegroundModel

# What comes next may say nothing of itself, and this step would seem to go on.
_FOUND = Progress(1, 1, "Found the foreground")


def foreground_mask(
    image: NDArray[Any],
    foreground: Foreground,
    *,
    model: Inpainter | Student | None = None,
    diameter: float | None = None,
) -> NDArray[np.bool_]:
    """Find the pixels to be labelled.

    Parameters
    ----------
    image : ndarray, shape (Y, X)
        Raw intensities; NaN marks unknown pixels.
    foreground : str, ndarray of shape (Y, X), or ForegroundModel
        A method (see `foreground.FOREGROUND_METHODS`), which sees the image denoised if the
        model does that; a mask or label image, in which what is not zero is foreground; or a
        foreground network, whose probability counts from 0.5 on.
    model : Inpainter or Student, optional
        That separates the cells.
    diameter : float, optional
        Typical diameter of a cell in pixels; by default a network takes its own, and a method
        that of the model, 25 without one.

    Returns
    -------
    ndarray of bool, shape (Y, X)

    Raises
    ------
    ImageError
        If a mask has another shape than the image, or the image is unusable.
    ParameterError
        If the method is unknown, or the diameter cannot work.
    """
    return Job(iterate_foreground_mask(image, foreground, model=model, diameter=diameter)).run()


def iterate_foreground_mask(
    image: NDArray[Any],
    foreground: Foreground,
    *,
    model: Inpainter | Student | None = None,
    diameter: float | None = None,
    device: str = "auto",
) -> Generator[Progress, None, NDArray[np.bool_]]:
    """Find the pixels to be labelled, in steps; see `foreground_mask`.

    Parameters
    ----------
    image, foreground, model, diameter
        See `foreground_mask`.
    device : str, optional
        Where a method computes that uses one; a network stays where it is.

    Yields
    ------
    Progress
        Of IEM; the others are done at once. Not asking for the next one ends the work.

    Returns
    -------
    ndarray of bool, shape (Y, X)
    """
    if isinstance(foreground, ForegroundModel):
        return threshold(foreground.probability(image, diameter=diameter))
    if isinstance(foreground, str):
        if diameter is None:
            diameter = OUTLINE_DIAMETER if model is None else model.metadata.usual_diameter
        # Noise disturbs thresholds as much as it does inpainting.
        seen = image if model is None else model.denoise(image)
        found = yield from iterate_foreground_probability(
            seen, foreground, diameter=diameter, device=device
        )
        if foreground == "iem":
            yield _FOUND
        return threshold(found)
    if foreground.shape != image.shape:
        raise ImageError(
            f"the foreground {foreground.shape} must have the shape of the image {image.shape}"
        )
    return mask_from_labels(foreground)


def check_outlines(outlines: str) -> None:
    """Raise `ParameterError` if this is no choice of what becomes of outlines."""
    if outlines not in OUTLINES:
        raise ParameterError(
            f"unknown choice of outlines {outlines!r}; choose one of: {', '.join(OUTLINES)}"
        )


def settled_outlines(
    image: NDArray[Any], mask: NDArray[np.bool_], *, outlines: str, diameter: float
) -> tuple[NDArray[np.bool_], float]:
    """Move the outlines of a foreground to the edges of the image, if that is wanted and needed.

    Parameters
    ----------
    image : ndarray, shape (Y, X)
        Raw intensities; NaN marks unknown pixels.
    mask : ndarray of bool, shape (Y, X)
        The foreground.
    outlines : {"auto", "keep"}
        Whether outlines that miss the edges of the image are moved (`fit_outlines`).
    diameter : float
        Typical diameter of a cell in pixels.

    Returns
    -------
    (ndarray of bool of shape (Y, X), float)
        The foreground, and by how many pixels its outlines were moved on average.
    """
    check_outlines(outlines)
    if outlines == "keep":
        return mask, 0.0
    fit = fit_outlines(image, mask, diameter=diameter)
    return (fit.mask, fit.distance) if fit.better else (mask, 0.0)


def usual_diameter(foreground: Foreground, model: Inpainter | Student | None = None) -> float:
    """Return the diameter of the cells that is assumed where none is given, in pixels.

    Parameters
    ----------
    foreground : str, ndarray or ForegroundModel
        An FGNet knows the cells of its training images.
    model : Inpainter or Student, optional
        Comes first.
    """
    if model is not None:
        return model.metadata.usual_diameter
    if isinstance(foreground, FGNet):
        return foreground.metadata.usual_diameter
    return OUTLINE_DIAMETER
