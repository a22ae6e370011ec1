"""Affinities of a part of a plane, as a run of the whole plane would give them."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.datatypes import Affinities
from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.images import (
    Normalisation,
    PlaneReader,
    Region,
    check_region,
    size_of,
)
from napari_inpaintaff.images.zoom import Zoom
from napari_inpaintaff.images.zoom_window import ZoomWindow
from napari_inpaintaff.inpainting.inpainter import Inpainter
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.networks.tiles import Tiling
from napari_inpaintaff.separation.engine import AffinityDraft, take_apart
from napari_inpaintaff.separation.parameters import SeparationParameters
from napari_inpaintaff.separation.stream import SplitUpdate
from napari_inpaintaff.separation.student import Student
from napari_inpaintaff.separation.student_affinities import predict_pairs


def iterate_window_affinities(
    plane: PlaneReader,
    core: Region,
    model: Inpainter | Student,
    *,
    wanted: NDArray[np.bool_],
    normalisation: Normalisation,
    parameters: SeparationParameters | None = None,
    diameter: float | None = None,
) -> Generator[SplitUpdate | AffinityDraft | Progress, None, Affinities]:
    """Compute the affinities of a part of a plane.

    They are those of `iterate_affinities` or `iterate_student_affinities` for the whole plane:
    the patches of an inpainter are at the same places and begin with the same halves, the
    pixels that a network works on are the same where the image is resampled, and no border of
    the part is seen. The network sees other batches or tiles, so the last digits may differ;
    the same part always gives the same result.

    Parameters
    ----------
    plane : PlaneReader
        Raw intensities; NaN marks unknown pixels. What is read reaches beyond the core.
    core : tuple of two slices
        Rows and columns, with start and stop, whose affinities are computed.
    model : Inpainter or Student
        Takes patches apart, or predicts affinities.
    wanted : ndarray of bool
        Of the core's shape: pixels whose affinities are needed.
    normalisation : Normalisation
        Of the plane, by the model's `normalisation_of` (which a model that denoises needs).
    parameters : SeparationParameters, optional
        How an inpainter splits patches. A student does not.
    diameter : float, optional
        Typical diameter of the cells in this image, in pixels; by default that of the images
        that the model was trained on.

    Yields
    ------
    SplitUpdate, AffinityDraft or Progress
        Of an inpainter the first two, of a student the third. Places are those in the plane,
        drafts are of the core. Not asking for the next one cancels the run.

    Returns
    -------
    Affinities
        Of the core's shape. A wanted pixel's pairs have a weight if the partner is anywhere in
        the plane.

    Raises
    ------
    ImageError
        If ``wanted`` has another shape than the core.
    ParameterError
        If the core is empty or reaches outside the plane, the diameter is too far from the
        model's, or the model denoises and the normalisation does not say how.
    """
    core = check_region(core, plane.shape)
    if wanted.shape != size_of(core):
        raise ImageError(
            f"the mask of wanted pixels {wanted.shape} must have the core's shape {size_of(core)}"
        )
    zoom = model.metadata.zoom(diameter)
    if isinstance(model, Student):
        return (
            yield from _student_window(
                plane, core, model, zoom, wanted=wanted, normalisation=normalisation
            )
        )
    parameters = SeparationParameters() if parameters is None else parameters
    # Patches with a wanted pixel reach so far. Their grids repeat after so many strides.
    window = zoom.window(
        plane.shape,
        core,
        halo=parameters.patch,
        multiple=parameters.patch // parameters.stride * parameters.stride,
    )
    if not wanted.any():
        return _nothing(zoom.offsets(parameters.offsets), core)
    values = window.shrink(model.normalise_window(plane, window.image, normalisation))
    return (
        yield from take_apart(
            values,
            window.shrink_mask(wanted, core),
            model,
            parameters,
            zoom=zoom.factor,
            finish=lambda affinities: window.enlarge(affinities, wanted, core),
            corner=(window.working[0].start, window.working[1].start),
        )
    )


def _student_window(
    plane: PlaneReader,
    core: Region,
    student: Student,
    zoom: Zoom,
    *,
    wanted: NDArray[np.bool_],
    normalisation: Normalisation,
) -> Generator[Progress, None, Affinities]:
    offsets = student.metadata.offsets
    if not wanted.any():
        return _nothing(zoom.offsets(offsets), core)
    tiling = Tiling.of(student.metadata.architecture, plane.shape)
    farthest = max(abs(step) for offset in offsets for step in offset)
    window: ZoomWindow = zoom.window(
        plane.shape,
        core,
        halo=max(tiling.margin, farthest) + tiling.stride,
        multiple=tiling.stride,
    )
    values = window.shrink(student.normalise_window(plane, window.image, normalisation))
    needed = window.shrink_mask(wanted, core)
    affinities = yield from predict_pairs(values, needed, student)
    affinities = window.enlarge(affinities, wanted, core)
    return Affinities(affinities.values, affinities.offsets, np.sign(affinities.weight))


def _nothing(offsets: tuple[tuple[int, int], ...], core: Region) -> Affinities:
    values = np.zeros((len(offsets), *size_of(core)), np.float32)
    return Affinities(values, offsets, values.copy())
