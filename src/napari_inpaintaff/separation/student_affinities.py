"""From an image to affinities in one pass of a student."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_inpaintaff.datatypes import Affinities
from napari_inpaintaff.jobs import Job, Progress
from napari_inpaintaff.networks.tile_prediction import predict_tile
from napari_inpaintaff.networks.tiles import Tiling
from napari_inpaintaff.separation.affinities import check_plane, pair_slices
from napari_inpaintaff.separation.student import Student


def iterate_student_affinities(
    image: NDArray[np.generic],
    student: Student,
    *,
    wanted: NDArray[np.bool_] | None = None,
    diameter: float | None = None,
) -> Generator[Progress, None, Affinities]:
    """Predict the affinities of an image, one tile at a time.

    Parameters
    ----------
    image : ndarray, shape (Y, X)
        Raw intensities; NaN marks unknown pixels.
    student : Student
        Predicts them.
    wanted : ndarray of bool, shape (Y, X), optional
        Pixels whose affinities are needed: a foreground, a region. Only their bounding box is
        computed, which changes nothing but the last digits; the others get weight 0.
    diameter : float, optional
        Typical diameter of the cells in this image, in pixels. If it is not the student's,
        the image is resampled so that the cells have the size that it knows.

    Yields
    ------
    Progress
        Before the first and after every tile. Not asking for the next one cancels the run.

    Returns
    -------
    Affinities
        With weight 1 where a pixel is wanted and has its partner in the image, else 0.

    Raises
    ------
    ImageError
        If the image is not a plane or has no finite pixel, or ``wanted`` has another shape.
    ParameterError
        If the diameter is too far from the student's.
    """
    shape = check_plane(image, wanted)
    zoom = student.metadata.zoom(diameter)
    wanted = np.ones(shape, bool) if wanted is None else wanted
    values = zoom.shrink(student.normalise(image))
    needed = zoom.shrink_mask(wanted)
    affinities = yield from predict_pairs(values, needed, student)
    affinities = zoom.enlarge(affinities, wanted)
    np.sign(affinities.weight, out=affinities.weight)
    return affinities


def compute_student_affinities(
    image: NDArray[np.generic],
    student: Student,
    *,
    wanted: NDArray[np.bool_] | None = None,
    diameter: float | None = None,
) -> Affinities:
    """Predict the affinities of an image; `iterate_student_affinities` without the updates.

    Parameters
    ----------
    image, student, wanted, diameter
        See `iterate_student_affinities`.

    Returns
    -------
    Affinities
        Of the image.

    Raises
    ------
    ImageError, ParameterError
        See `iterate_student_affinities`.
    """
    updates = iterate_student_affinities(image, student, wanted=wanted, diameter=diameter)
    return Job(updates, name="affinities").run()


def predict_pairs(
    values: NDArray[np.float32], wanted: NDArray[np.bool_], student: Student
) -> Generator[Progress, None, Affinities]:
    """Predict the affinities of a plane or a part of one at the student's scale.

    Parameters
    ----------
    values : ndarray of float32, shape (Y, X)
        Normalised; NaN where unknown. What is predicted for a part equals that for the plane,
        if its first pixel is at a multiple of the student's stride and it has all pixels of
        the plane around the wanted ones, as far as the network looks.
    wanted : ndarray of bool, shape (Y, X)
        Pixels whose affinities are needed.
    student : Student
        Predicts them.

    Yields
    ------
    Progress
        Before the first and after every tile.

    Returns
    -------
    Affinities
        With weight 1 where a pixel is wanted and its partner is there, else 0.
    """
    shape = (values.shape[0], values.shape[1])
    offsets = student.metadata.offsets
    weight = np.zeros((len(offsets), *shape), np.float32)
    for k, offset in enumerate(offsets):
        here, _ = pair_slices(shape, offset)
        weight[k][here] = wanted[here]
    result = np.zeros_like(weight)
    tiling = Tiling.of(student.metadata.architecture, shape)
    padded = np.pad(values, tiling.padding, constant_values=np.nan)
    boxes = ndimage.find_objects(wanted.view(np.uint8))
    tiles = [tile for box in boxes for tile in tiling.tiles(box) if wanted[tile.core].any()]
    yield Progress(0, len(tiles), "Predicting affinities…")
    for done, tile in enumerate(tiles, start=1):
        parts = predict_tile(tiling, tile, lambda part: student.predict(padded[part.seen]))
        for part, predicted in parts:
            known = weight[:, *part.core] > 0
            np.copyto(result[:, *part.core], predicted, where=known)
        yield Progress(done, len(tiles))
    return Affinities(result, offsets, weight)
