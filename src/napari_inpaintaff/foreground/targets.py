"""What labels say about the foreground: cell, background, or nothing; torch-free."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError

#: Values of a target.
UNLABELLED, BACKGROUND, FOREGROUND = -1, 0, 1

#: Fewer labelled pixels of cells say nothing.
FEWEST_PIXELS = 10


def foreground_targets(labels: NDArray[Any], *, sparse: bool | None = None) -> NDArray[np.int8]:
    """Read labels as what a foreground network is to learn.

    Parameters
    ----------
    labels : ndarray of bool or int, shape (Y, X)
        Instances of a whole image, or strokes. Identities beyond those named here do not
        matter, and may be as large as the type allows (above 65,535, too).
    sparse : bool, optional
        Strokes: 0 is unlabelled, 1 background, 2 and above are cells; without any 1 only cells
        were painted, which is enough (see `train_fgnet`). Otherwise, and by default, every
        pixel is labelled: 0 is background, everything above a cell.

    Returns
    -------
    ndarray of int8, shape (Y, X)
        1 foreground, 0 background, -1 unlabelled.

    Raises
    ------
    ImageError
        If the labels are not a plane of whole numbers from 0 on, hold no cell or hardly any,
        or nothing but cells.
    """
    targets = _read(labels, sparse=bool(sparse))
    _check_amount([targets], sparse=bool(sparse))
    return targets


def targets_of_planes(
    planes: Sequence[NDArray[Any]], sparse: Sequence[bool]
) -> list[NDArray[np.int8]]:
    """Read the labels of several images that are learned from together.

    Parameters
    ----------
    planes : sequence of ndarray of bool or int, shape (Y, X)
        As `foreground_targets` takes them; one may hold background only.
    sparse : sequence of bool
        Of each plane, whether it holds strokes.

    Returns
    -------
    list of ndarray of int8, shape (Y, X)
        1 foreground, 0 background, -1 unlabelled.

    Raises
    ------
    ImageError
        If the labels are not planes of whole numbers from 0 on, or hold no cell or hardly any,
        or nothing but cells, all together.
    """
    targets = [_read(labels, sparse=one) for labels, one in zip(planes, sparse, strict=True)]
    _check_amount(targets, sparse=any(sparse))
    return targets


def check_shape(targets: NDArray[Any], shape: tuple[int, ...], name: str) -> None:
    """Check that labels or targets belong to an image.

    Parameters
    ----------
    targets : ndarray
        Labels, or what `foreground_targets` made of them.
    shape : tuple of int
        Of the image.
    name : str
        Of the image, for the message.

    Raises
    ------
    ImageError
        If the shapes differ.
    """
    if targets.shape != shape:
        raise ImageError(
            f"the labels {targets.shape} must have the shape of {name}, {shape}: "
            "give the labels of this very image"
        )


def _read(labels: NDArray[Any], *, sparse: bool) -> NDArray[np.int8]:
    _check_type(labels)
    if not sparse:
        return np.where(labels > 0, FOREGROUND, BACKGROUND).astype(np.int8)
    if labels.dtype == bool:
        raise ImageError(
            "strokes must be whole numbers (0 unlabelled, 1 background, 2 and above cells), "
            "got a mask of true and false"
        )
    return np.where(labels == 0, UNLABELLED, labels >= 2).astype(np.int8)


def _check_type(labels: NDArray[Any]) -> None:
    if labels.ndim != 2 or labels.size == 0:
        raise ImageError(f"labels must be a plane (Y, X), got the shape {labels.shape}")
    if labels.dtype.kind not in "bui":
        raise ImageError(
            f"labels must be whole numbers, got {labels.dtype}: give a label image, not "
            "intensities or probabilities"
        )
    if labels.dtype.kind == "i" and (lowest := int(labels.min())) < 0:
        raise ImageError(
            f"labels must not be negative, got {lowest}: 0 stands for "
            "background or what is unlabelled"
        )


def _check_amount(targets: Sequence[NDArray[np.int8]], *, sparse: bool) -> None:
    cells = sum(int(np.count_nonzero(one == FOREGROUND)) for one in targets)
    if cells == 0:
        how = "paint strokes of 2 or above" if sparse else "label some"
        raise ImageError(f"no foreground is painted in the labels: {how} inside cells")
    if cells == sum(one.size for one in targets):
        raise ImageError(
            "everything is painted as foreground: leave the background out, or there is nothing "
            "to tell the cells from"
        )
    if cells < FEWEST_PIXELS:
        pixels = "one pixel" if cells == 1 else f"{cells} pixels"
        raise ImageError(
            f"only {pixels} of cells painted, which is too little to learn from: paint a stroke "
            "through each of a few cells"
        )
