"""The images of a training: what can be used, and which are held out to measure on."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.images import Plane, SkippedImage, planes_of
from napari_inpaintaff.images.normalise import NormalisationKind, estimate_normalisation
from napari_inpaintaff.images.zoom import Zoom
from napari_inpaintaff.inpainting.denoising import Denoiser, denoiser_normalisation
from napari_inpaintaff.inpainting.parameters import InpainterTraining
from napari_inpaintaff.inpainting.plane_pool import Prepare
from napari_inpaintaff.jobs import Progress

_MOST_HELD_OUT = 32


def as_planes(images: Sequence[Plane | NDArray[Any]]) -> list[Plane]:
    """Return images in memory and planes that are read later as planes.

    Raises
    ------
    ImageError
        If there is none, or an array is not a plane of intensities.
    """
    planes: list[Plane] = []
    for index, image in enumerate(images):
        if isinstance(image, Plane):
            planes.append(image)
            continue
        if image.ndim != 2:
            raise ImageError(f"training images must be planes (Y, X), got {image.shape}")
        planes += planes_of(image, f"image {index}")
    if not planes:
        raise ImageError("there is no image to train on; give at least one")
    return planes


def noise_preparation(image: NDArray[Any]) -> NDArray[np.float32] | None:
    """Turn raw intensities (Y, X) into input of a denoiser; None if nothing varies."""
    return denoiser_normalisation(image).apply(image) if _varies(image) else None


def preparation(normalisation: NormalisationKind, denoiser: Denoiser | None, zoom: Zoom) -> Prepare:
    """Return what turns raw intensities (Y, X) into input of an inpainter, at its scale.

    Parameters
    ----------
    normalisation : {"fluorescence", "linear"}
        The rule.
    denoiser : Denoiser or None
        Applied before it.
    zoom : Zoom
        Applied after it.

    Returns
    -------
    callable
        Returns None for an image in which nothing varies.
    """

    def prepare(image: NDArray[Any]) -> NDArray[np.float32] | None:
        if not _varies(image):
            return None
        if denoiser is not None:
            image = denoiser(image)
        return zoom.shrink(estimate_normalisation(image, normalisation).apply(image))

    return prepare


def _varies(image: NDArray[Any]) -> bool:
    values = image[np.isfinite(image)]
    return bool(values.size and values.min() < values.max())


def holds_out(planes: Sequence[Plane], training: InpainterTraining) -> bool:
    """Tell whether there are enough planes to hold some out."""
    return len(planes) >= 4 and training.validation > 0


def hold_out(
    planes: Sequence[Plane],
    training: InpainterTraining,
    prepare: Prepare,
    skip: Callable[[SkippedImage], None],
) -> Generator[Progress, None, tuple[list[NDArray[np.float32]], list[Plane]]]:
    """Read the planes to measure on.

    Parameters
    ----------
    planes : sequence of Plane
        All of the training.
    training : InpainterTraining
        Seed, and the fraction to hold out.
    prepare : callable
        See `preparation`.
    skip : callable
        Told of planes that cannot be used; others take their place.

    Yields
    ------
    Progress
        Before every plane.

    Returns
    -------
    held_out : list of ndarray of float32, shape (Y, X)
        Prepared planes: some of the training images where none are held out.
    trained_on : list of Plane
        The others.

    Raises
    ------
    ImageError
        If no plane can be used.
    """
    held = holds_out(planes, training)
    count = len(planes)
    if held:
        count = min(max(1, round(training.validation * count)), count - 1)
    count = min(count, _MOST_HELD_OUT)
    usable: dict[int, NDArray[np.float32]] = {}
    unusable: set[int] = set()
    for index in np.random.default_rng(training.seed).permutation(len(planes)).tolist():
        if len(usable) == count:
            break
        yield Progress(len(usable), count, "Reading the images…")
        try:
            prepared, reason = prepare(planes[index].read()), "nothing varies in it"
        except ImageError as error:
            prepared, reason = None, str(error)
        if prepared is None:
            unusable.add(index)
            skip(SkippedImage(planes[index].name, reason))
        else:
            usable[index] = prepared
    if not usable:
        raise ImageError("nothing varies in the training images; give others")
    left_out = unusable | (set(usable) if held else set())
    trained_on = [plane for index, plane in enumerate(planes) if index not in left_out]
    return list(usable.values()), trained_on
