"""The user's own labels of some images: which image each file belongs to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_inpaintaff.cli.matching import match_files
from napari_inpaintaff.errors import ImageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_inpaintaff.images import Plane

#: What `gather_planes` puts behind the name of a file of several planes.
_POSITION = re.compile(r" \[[tz]=\d+(, [tz]=\d+)*\]$")


def read_given_labels(
    planes: Sequence[Plane], files: Sequence[Path]
) -> list[NDArray[np.integer[Any]] | None]:
    """Read label images and find the plane that each belongs to.

    Parameters
    ----------
    planes : sequence of Plane
        Of one or more images, those of one image beside each other.
    files : sequence of Path
        Label images of some of these images: of the same name or number, or one for every
        image in the order of their names. That of a stack has all its planes.

    Returns
    -------
    list of ndarray of int, shape (Y, X), or None
        One for every plane, 0 where nothing is labelled; None for those without labels.

    Raises
    ------
    ImageError
        If a file cannot be read, holds no label, or fits no image.
    """
    from napari_inpaintaff.images import read_labels

    images: dict[str, list[int]] = {}
    for index, plane in enumerate(planes):
        images.setdefault(_POSITION.sub("", plane.name), []).append(index)
    result: list[NDArray[np.integer[Any]] | None] = [None] * len(planes)
    kinds = ("images", "label images")
    for image, file in match_files([Path(name) for name in images], list(files), kinds=kinds):
        labels = read_labels(file)
        if not labels.any():
            raise ImageError(f"{file} holds no label: all its pixels are 0, which is unlabelled")
        indices = images[image.name]
        layers = labels.reshape(-1, *labels.shape[-2:])
        shapes = [planes[index].shape for index in indices]
        if [layer.shape for layer in layers] != shapes:
            raise ImageError(
                f"{file} has the shape {labels.shape}, which is not that of the image "
                f"{image.name} ({len(shapes)} x {shapes[0][0]} x {shapes[0][1]} pixels)"
            )
        for index, layer in zip(indices, layers, strict=True):
            result[index] = layer if layer.any() else None
    return result
