"""Where the cells are, as a mask: found by a method or a network, or given as a layer.

Called in worker threads; the functions import what is heavy.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.foreground import (
    FOREGROUND_METHODS,
    PICTURE_METHODS,
    find_foreground_model,
    iterate_foreground_probability,
    iterate_picture_foreground,
    mask_from_labels,
)
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.widgets.loading import load_torch
from napari_inpaintaff.widgets.planes import Plane

if TYPE_CHECKING:
    from napari_inpaintaff.foreground import ForegroundModel


def iterate_found_mask(
    image: NDArray[Any],
    foreground: str,
    diameter: float,
    *,
    denoised: NDArray[Any] | None = None,
    device: str = "auto",
) -> Generator[Progress, None, NDArray[np.bool_]]:
    """Find the foreground of an image, in steps where that takes long.

    Parameters
    ----------
    image : ndarray, shape (Y, X)
        Raw intensities: what a foreground network sees.
    foreground : str
        A key of `foreground.FOREGROUND_METHODS`, or a foreground network, by its name or file.
    diameter : float
        Typical diameter of the cells, in pixels.
    denoised : ndarray, shape (Y, X), optional
        What a method sees, if not the image.
    device : str, optional
        Where a network or IEM computes.

    Yields
    ------
    Progress
        Of IEM.

    Returns
    -------
    ndarray of bool, shape (Y, X)

    Raises
    ------
    ImageError
        If no pixel of the image is known.
    ModelFileError
        If there is no such network, or its file is damaged.
    """
    from napari_inpaintaff.pipeline.foreground_source import iterate_foreground_mask

    if foreground in FOREGROUND_METHODS:
        seen = image if denoised is None else denoised
        return (
            yield from iterate_foreground_mask(seen, foreground, diameter=diameter, device=device)
        )
    network = load_foreground(foreground, device)
    return (yield from iterate_foreground_mask(image, network, diameter=diameter))


def iterate_found_probability(
    image: NDArray[Any], foreground: str, diameter: float, *, device: str = "auto"
) -> Generator[Progress, None, NDArray[np.float32]]:
    """Find the foreground of an image that may have colours, in steps where that takes long.

    Parameters
    ----------
    image : ndarray, shape (Y, X) or (3, Y, X)
        Raw intensities.
    foreground, diameter, device
        As for `iterate_found_mask`.

    Yields
    ------
    Progress
        Of IEM.

    Returns
    -------
    ndarray of float32, shape (Y, X)
        In [0, 1].

    Raises
    ------
    ImageError
        If no pixel of the image is known, or the network takes other images.
    ParameterError
        If the image has colours and the method looks at one channel.
    InstallationError
        If something that the method needs is not installed.
    ModelFileError
        If there is no such network, its file is damaged, or it finds no foreground.
    """
    if foreground not in FOREGROUND_METHODS:
        return load_foreground(foreground, device).probability(image, diameter=diameter)
    if foreground == "iem":
        load_torch()
    if image.ndim == 2:
        return (
            yield from iterate_foreground_probability(
                image, foreground, diameter=diameter, device=device
            )
        )
    if foreground not in PICTURE_METHODS:
        raise ParameterError(
            "This method looks at one channel. Split the colours (right-click the layer > Split "
            "RGB) and choose one of them, or choose another method."
        )
    return (yield from iterate_picture_foreground(image, foreground, device=device))


def load_foreground(name: str, device: str) -> ForegroundModel:
    """Load a foreground network of any kind, in a worker thread.

    Raises
    ------
    ModelFileError
        If there is no such network, its file is damaged, or it finds no foreground.
    """
    load_torch()
    from napari_inpaintaff.foreground import load_foreground_model

    return load_foreground_model(name, device=device)


def foreground_version(foreground: str) -> str:
    """Tell a foreground network from what it was before a training replaced it.

    Raises
    ------
    ModelFileError
        If there is no such network.
    """
    if foreground in FOREGROUND_METHODS:
        return ""
    return file_version(find_foreground_model(foreground))


def file_version(path: Path) -> str:
    """Tell a file from others, and from what it was before it was replaced."""
    status = path.stat()
    return f"{path} {status.st_size} {status.st_mtime_ns}"


def given_mask(plane: Plane, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Read a plane of a mask or label layer: what is not zero.

    Parameters
    ----------
    plane : Plane
        Of the mask.
    shape : tuple of int
        Height and width of the image that it is for.

    Returns
    -------
    ndarray of bool, shape (Y, X)

    Raises
    ------
    ImageError
        If the mask has another shape.
    """
    mask = mask_from_labels(plane.read())
    if mask.shape != shape:
        raise ImageError(
            f"The mask {plane.name} has {mask.shape[0]} x {mask.shape[1]} pixels, "
            f"the image {shape[0]} x {shape[1]}: choose a mask of the same size."
        )
    return mask
