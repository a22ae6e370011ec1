"""Which plane of an image layer belongs to a plane of a Labels layer."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from napari.layers import Layer
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.images.pixels import Pixels, reading_pixels
from napari_inpaintaff.measurement import ReadPlane
from napari_inpaintaff.widgets.layer_choice import image_refusal
from napari_inpaintaff.widgets.planes import pixels_of


def measuring_refusal(image: Layer, labels: Layer | None) -> str:
    """Say why the intensities of an image cannot be measured; empty when they can."""
    if image_refusal(image):
        return image_refusal(image)
    if labels is None:
        return ""
    try:
        _plane_indices(image, labels)
    except ImageError as error:
        return str(error)
    return ""


def plane_reader(image: Layer, labels: Layer, dropped: int) -> ReadPlane:
    """Make what reads the plane of an image that lies behind a plane of the labels.

    Parameters
    ----------
    image : Image
        Of any number of axes.
    labels : Labels
        Over it.
    dropped : int
        Leading axes of the labels that the index of a plane leaves out.

    Returns
    -------
    callable
        To be called in a worker thread; the layers may be gone by then.

    Raises
    ------
    ImageError
        When the image is not behind all planes of the labels.
    """
    indices = _plane_indices(image, labels)
    by_plane = {index[dropped:]: place for index, place in indices.items()}
    return partial(_read, pixels_of(image), by_plane, image.name)


def _read(
    pixels: Pixels,
    by_plane: dict[tuple[int, ...], tuple[int, ...]],
    name: str,
    index: tuple[int, ...],
) -> NDArray[Any]:
    with reading_pixels(name):
        return np.array(pixels[(*by_plane[index], slice(None), slice(None))])


def _plane_indices(image: Layer, labels: Layer) -> dict[tuple[int, ...], tuple[int, ...]]:
    """Map the index of every plane of the labels to that of the image.

    Layers of one shape belong together whatever their placement; otherwise the place in the
    viewer decides.
    """
    shape, own = (tuple(map(int, pixels_of(layer).shape)) for layer in (labels, image))
    planes = list(np.ndindex(shape[:-2]))
    if shape == own:
        return {index: index for index in planes}
    if shape[-2:] != own[-2:]:
        raise ImageError(
            f"{image.name} has {own[-2]} x {own[-1]} pixels, the labels {shape[-2]} x {shape[-1]}."
        )
    if len(own) > len(shape) and own[: len(own) - len(shape)] != (1,) * (len(own) - len(shape)):
        raise ImageError(f"{image.name} has more axes than the labels.")
    corner = (shape[-2] - 1, shape[-1] - 1)
    # Affine: where the first pixel lies, and a step along each axis, say it of all pixels.
    origin = _place(image, labels, (0,) * len(shape))
    steps = [_place(image, labels, tuple(one)) - origin for one in np.eye(len(shape), dtype=int)]
    result = {}
    for index in planes:
        first = origin + sum((i * step for i, step in zip(index, steps, strict=False)), 0.0)
        last = first + corner[0] * steps[-2] + corner[1] * steps[-1]
        found = np.rint(first[:-2]).astype(int)
        inside = (found >= 0) & (found < own[:-2])
        if not inside.all() or np.abs([first[-2:], last[-2:] - corner]).max() > 0.5:
            raise ImageError(f"{image.name} does not lie behind the labels.")
        result[index] = tuple(int(place) for place in found)
    return result


def _place(image: Layer, labels: Layer, pixel: tuple[int, ...]) -> NDArray[np.float64]:
    """Return where a pixel of the labels lies, in pixels of the image."""
    return np.asarray(image.world_to_data(labels.data_to_world(pixel)), dtype=np.float64)
