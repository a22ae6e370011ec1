"""Images to a student: the foreground, the distillation, and the alpha that suits it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.datatypes import Affinities
from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.evaluation import evaluate
from napari_inpaintaff.foreground import ForegroundModel, mask_from_labels
from napari_inpaintaff.images import Plane
from napari_inpaintaff.inpainting import DEFAULT_INPAINTER, Inpainter
from napari_inpaintaff.inpainting.training_images import as_planes
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.partition import PartitionParameters, partition
from napari_inpaintaff.pipeline.foreground_source import foreground_mask
from napari_inpaintaff.separation import (
    Distillation,
    DistillationUpdate,
    Student,
    compute_student_affinities,
    distill,
)

Foregrounds = str | ForegroundModel | Sequence[NDArray[Any] | None]

#: Of more images so many are taken at random: their patches would be too few to tell more.
_MOST_IMAGES = 400
#: Alpha is one of these, ...
_ALPHAS = (0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.75, 2.0)
#: ... the largest at which two students of different patches agree so well (SEG), ...
_STABLE = 0.9
#: ... in windows of so many pixels a side, in so many images.
_WINDOW = 1024
_MOST_WINDOWS = 4

_logger = logging.getLogger(__name__)


def iterate_distillation(
    images: Sequence[Plane | NDArray[Any]],
    model: str | Path | Inpainter = DEFAULT_INPAINTER,
    distillation: Distillation | None = None,
    *,
    start: Student | None = None,
    name: str = "student",
    foreground: Foregrounds = "otsu",
    labels: Sequence[NDArray[np.integer] | None] | None = None,
    diameter: float | None = None,
    notes: Mapping[str, Any] | None = None,
    device: str = "auto",
    stop: Callable[[], bool] = lambda: False,
) -> Generator[Progress | DistillationUpdate, None, Student]:
    """Train a student on images: `separation.distill` with a foreground and a fitting alpha.

    Parameters
    ----------
    images : sequence of Plane or ndarray, shape (Y, X)
        Raw intensities; NaN marks unknown pixels. Of more than 400, as many are taken at
        random; those with labels are always among them.
    model : str, Path or Inpainter, optional
        The teacher: name, model file or a loaded inpainter.
    distillation : Distillation, optional
        How many patches, and how long.
    start : Student, optional
        A student or an AffNet to begin with.
    name : str, optional
        Of the student.
    foreground : str, ForegroundModel, or sequence of ndarray, shape (Y, X), or None, optional
        A method (see `foreground.FOREGROUND_METHODS`), which sees images denoised if the
        inpainter does that; a foreground network; or a mask or label image for every image,
        in which all that is not zero is foreground, and None means everywhere.
    labels, diameter, notes, device, stop
        See `separation.distill`.

    Yields
    ------
    Progress or DistillationUpdate
        See `separation.distill`; more of the first while alpha is chosen.

    Returns
    -------
    Student
        With its alpha in the metadata; see `choose_student_alpha`.

    Raises
    ------
    ImageError
        If there is no image or no foreground, or a foreground does not fit its image.
    ParameterError
        If a parameter cannot work, or nothing was learned before the end.
    ModelFileError
        If the inpainter cannot be loaded.
    DeviceError
        If the device is not available or its memory too small.
    """
    distillation = Distillation() if distillation is None else distillation
    inpainter = model if isinstance(model, Inpainter) else Inpainter.load(model, device=device)
    inpainter.metadata.zoom(diameter)
    planes = as_planes(images)
    if not isinstance(foreground, str | ForegroundModel) and len(foreground) != len(planes):
        raise ParameterError(
            f"there are {len(planes)} images, but {len(foreground)} foregrounds: give one for each"
        )
    if labels is not None and len(labels) == len(planes):
        unlabelled = [given is None or not given.any() for given in labels]
    else:
        unlabelled = [True] * len(planes)
    chosen = _some(unlabelled, distillation.seed)
    if labels is not None and len(labels) == len(planes):
        labels = [labels[index] for index in chosen]
    planes = [planes[index] for index in chosen]
    if isinstance(foreground, str | ForegroundModel):
        masks = yield from _found_masks(planes, foreground, inpainter, diameter)
    else:
        given = [foreground[index] for index in chosen]
        masks = [None if mask is None else mask_from_labels(mask) for mask in given]

    def choose(first: Student, second: Student) -> Generator[Progress, None, float]:
        return choose_student_alpha(
            first, second, planes, masks, diameter=diameter, seed=distillation.seed
        )

    return (
        yield from distill(
            planes,
            inpainter,
            distillation,
            start=start,
            name=name,
            foregrounds=masks,
            labels=labels,
            diameter=diameter,
            notes=notes,
            choose_alpha=choose,
            device=device,
            stop=stop,
        )
    )


def choose_student_alpha(
    first: Student,
    second: Student,
    planes: Sequence[Plane],
    foregrounds: Sequence[NDArray[np.bool_] | None],
    *,
    diameter: float | None = None,
    seed: int = 0,
) -> Generator[Progress, None, float]:
    """Choose alpha by the stability of the labels: no cell has to be labelled by hand.

    A large alpha cuts wherever the inpainter was ever in doubt. Cuts between cells are found
    by every student; those through the noise of the leaves are others in a student of other
    patches. Alpha is the largest value at which two students agree.

    Parameters
    ----------
    first, second : Student
        That learned from different patches.
    planes : sequence of Plane
        The images; of those with foreground, four are looked at, in the window of 1024 pixels
        a side with most of it.
    foregrounds : sequence of ndarray of bool, shape (Y, X), or None
        Of every plane; None means everywhere.
    diameter : float, optional
        Of the cells in these images, in pixels.
    seed : int, optional
        Chooses the images.

    Yields
    ------
    Progress
        Before every image and every alpha.

    Returns
    -------
    float
        Between 0.9 and 2: the largest value at which the mean SEG of the labels of either
        student against those of the other is 0.9 or more; the least if there is none.
    """
    total = _MOST_WINDOWS + len(_ALPHAS)
    message = "Choosing alpha…"
    windows: list[_Window] = []
    order = np.random.default_rng(seed).permutation(len(planes)).tolist()
    for index in order:
        if len(windows) == _MOST_WINDOWS:
            break
        yield Progress(len(windows), total, message)
        window = _window_of(planes[index], foregrounds[index], (first, second), diameter)
        windows += [] if window is None else [window]
    scale = first.metadata.zoom(diameter).factor
    best = _ALPHAS[0]
    for done, alpha in enumerate(_ALPHAS if windows else ()):
        yield Progress(_MOST_WINDOWS + done, total, message)
        parameters = PartitionParameters(alpha=alpha).at_scale(scale)
        pairs = [window.labels(parameters) for window in windows]
        seg = evaluate([*pairs, *((b, a) for a, b in pairs)]).seg
        _logger.info("alpha %g: two students agree with SEG %.3f", alpha, seg)
        if seg >= _STABLE:
            best = alpha
    return best if windows else first.metadata.alpha


@dataclass(frozen=True, eq=False)
class _Window:
    """A part of an image, as two students see it."""

    affinities: tuple[Affinities, Affinities]
    foreground: NDArray[np.bool_]

    def labels(
        self, parameters: PartitionParameters
    ) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
        """Return the labels of both."""
        first, second = (
            partition(affinities, foreground=self.foreground, parameters=parameters)
            for affinities in self.affinities
        )
        return first, second


def _window_of(
    plane: Plane,
    foreground: NDArray[np.bool_] | None,
    students: tuple[Student, Student],
    diameter: float | None,
) -> _Window | None:
    """Look at an image; None where there is nothing to see."""
    mask = np.ones(plane.shape, bool) if foreground is None else foreground
    corners = [
        (y, x) for y in range(0, plane.shape[0], _WINDOW) for x in range(0, plane.shape[1], _WINDOW)
    ]
    height, width = plane.shape
    parts = [
        (slice(y, min(y + _WINDOW, height)), slice(x, min(x + _WINDOW, width))) for y, x in corners
    ]
    part = max(parts, key=lambda part: np.count_nonzero(mask[part]))
    try:
        image = plane.read_region(part)
    except ImageError:  # has been told when the patches were cut
        return None
    wanted = mask[part] & np.isfinite(image)
    if not wanted.any():
        return None
    first, second = (
        compute_student_affinities(image, student, wanted=wanted, diameter=diameter)
        for student in students
    )
    return _Window((first, second), wanted)


def _some(unlabelled: Sequence[bool], seed: int) -> list[int]:
    """Choose images: those with labels, then random ones."""
    order = np.random.default_rng([seed, 1]).permutation(len(unlabelled)).tolist()
    order.sort(key=lambda index: unlabelled[index])
    return sorted(order[:_MOST_IMAGES])


def _found_masks(
    planes: Sequence[Plane],
    source: str | ForegroundModel,
    inpainter: Inpainter,
    diameter: float | None,
) -> Generator[Progress, None, list[NDArray[np.bool_] | None]]:
    """Find the foreground of images; None of those that cannot be read, as will be told."""
    masks: list[NDArray[np.bool_] | None] = []
    for done, plane in enumerate(planes):
        yield Progress(done, len(planes), "Finding the foreground…")
        try:
            image = plane.read()
            masks.append(foreground_mask(image, source, model=inpainter, diameter=diameter))
        except ImageError:
            masks.append(None)
    return masks
