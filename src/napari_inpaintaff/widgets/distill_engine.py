"""All calls for a distillation into the core.

As in `core_engine`, only the functions import the heavy modules.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.foreground import FOREGROUND_METHODS
from napari_inpaintaff.images import planes_of
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.widgets.distill_settings import DistillRequest
from napari_inpaintaff.widgets.loading import load_torch
from napari_inpaintaff.widgets.masks import given_mask, load_foreground
from napari_inpaintaff.widgets.training_files import prepare_folder

if TYPE_CHECKING:
    from napari_inpaintaff.foreground import ForegroundModel
    from napari_inpaintaff.images import Plane
    from napari_inpaintaff.widgets.planes import Plane as MaskPlane


@dataclass(frozen=True)
class Distilled:
    """A student that is not saved yet.

    Attributes
    ----------
    name : str
        Of the student.
    teacher : str
        Name of the inpainter that it learnt from.
    save : callable
        Writes it to a model file and returns the file.
    agreement : float or None
        With the teacher on held-out pixels, 0.5 for guessing to 1; None when it is not known.
    stopped : bool
        Whether it was stopped early.
    """

    name: str
    teacher: str
    save: Callable[[Path], Path]
    agreement: float | None = None
    stopped: bool = False


class DistillEngine(Protocol):
    """What a distillation needs of the core; tests put a fast stand-in here."""

    def distill(self, request: DistillRequest, stop: Event) -> Generator[Any, None, Distilled]:
        """Yield `Progress` and `DistillationUpdate`; return the student."""

    def keep(self, distilled: Distilled, path: Path) -> Path:
        """Save a student, in a worker thread."""


class CoreDistillEngine:
    """The real engine."""

    def distill(self, request: DistillRequest, stop: Event) -> Generator[Any, None, Distilled]:
        """Distill a student from all planes of a layer.

        Raises
        ------
        InpaintAffError
            If the images, the teacher, the device, a mask or a setting cannot be used.
        """
        yield Progress(0, 0, "Loading the network…")
        load_torch()
        from napari_inpaintaff.inpainting import Inpainter
        from napari_inpaintaff.pipeline.distillation import iterate_distillation
        from napari_inpaintaff.separation import Distillation

        settings, foreground = request.settings, request.foreground
        teacher = Inpainter.load(settings.teacher, device=settings.device)
        planes = planes_of(request.images.data, request.images.name)
        student = yield from iterate_distillation(
            planes,
            teacher,
            Distillation(patches=settings.patches, minutes=settings.minutes, seed=settings.seed),
            name=settings.name,
            foreground=(yield from _foregrounds(foreground, planes, settings.device)),
            diameter=settings.diameter,
            notes={"data": f"{len(planes)} images of the user"},
            device=settings.device,
            stop=stop.is_set,
        )
        # The last moment to cancel: from here on there is a student.
        yield Progress(1, 1, "Saving the student…")
        record = student.metadata.training
        return Distilled(
            settings.name,
            teacher.metadata.name,
            student.save,
            agreement=record["agreement"],
            stopped=bool(record["stopped"]),
        )

    def keep(self, distilled: Distilled, path: Path) -> Path:
        """Save a student; one of the same name is replaced when the new one is complete.

        Raises
        ------
        OutputError
            If it cannot be written; it can be tried again.
        """
        prepare_folder(path.parent)
        return distilled.save(path)


def _foregrounds(
    foreground: str | tuple[MaskPlane, ...], planes: Sequence[Plane], device: str
) -> Generator[Progress, None, str | ForegroundModel | list[NDArray[np.bool_]]]:
    """Return what the core takes for a foreground: a method, a network, or masks."""
    if not isinstance(foreground, str):
        return (yield from _given_masks(foreground, planes))
    if foreground in FOREGROUND_METHODS:
        return foreground
    return load_foreground(foreground, device)


def _given_masks(
    masks: Sequence[MaskPlane], planes: Sequence[Plane]
) -> Generator[Progress, None, list[NDArray[np.bool_]]]:
    read: list[NDArray[np.bool_]] = []
    for mask, plane in zip(masks, planes, strict=True):
        yield Progress(len(read), len(planes), "Reading the masks…")
        read.append(given_mask(mask, plane.shape))
    return read
