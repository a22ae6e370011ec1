"""All calls from the dock widget "Train inpainter" into the core.

As in `engine`, only the functions import the heavy modules.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from napari_inpaintaff.images import PlaneCollection, gather_planes, planes_of
from napari_inpaintaff.inpainting import ARCHITECTURES
from napari_inpaintaff.inpainting.parameters import InpainterTraining, budget, outputs_of
from napari_inpaintaff.inpainting.quality import NearHoleError
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.widgets.loading import load_torch
from napari_inpaintaff.widgets.model_cards import (
    ModelCard,
    inpainter_cards,
    read_inpainter_card,
)
from napari_inpaintaff.widgets.training_files import (
    InterruptedTraining,
    forget_training,
    prepare_folder,
    read_interrupted,
    training_files,
)
from napari_inpaintaff.widgets.training_settings import (
    TrainingControl,
    TrainingRequest,
    TrainingSettings,
)

if TYPE_CHECKING:
    from napari_inpaintaff.images import Plane
    from napari_inpaintaff.inpainting import Inpainter


@dataclass(frozen=True)
class Trained:
    """An inpainter that is not saved yet.

    Attributes
    ----------
    name : str
        Of the model to be.
    save : callable
        Writes it to a model file and returns the file.
    quality : NearHoleError or None
        On held-out images; None when it is not known.
    images : int
        Planes it was trained on.
    skipped : int
        Planes that could not be used.
    stopped : bool
        Whether the training was stopped early, so that it can go on.
    """

    name: str
    save: Callable[[Path], Path]
    quality: NearHoleError | None = None
    images: int = 0
    skipped: int = 0
    stopped: bool = False


class TrainingEngine(Protocol):
    """What the dock widget needs of the core; tests put a fast stand-in here."""

    def inpainters(self) -> Sequence[ModelCard]:
        """List the inpainters to start from; must be quick."""

    def read_card(self, path: Path) -> ModelCard:
        """Read the card of a model file; must be quick."""

    def warm_up(self) -> None:
        """Load what the first training will need, in a worker thread."""

    def look_through(self, files: Sequence[Path], channel: int | str | None) -> PlaneCollection:
        """Find the planes in files and folders, in a worker thread."""

    def interrupted(self, name: str) -> InterruptedTraining | None:
        """Say whether the training of a model can go on; must be quick."""

    def train(
        self, request: TrainingRequest, control: TrainingControl
    ) -> Generator[Any, None, Trained]:
        """Yield `Progress` and `TrainingUpdate`; return the inpainter."""

    def keep(self, trained: Trained, path: Path) -> Path:
        """Save a model, in a worker thread."""


class CoreTrainingEngine:
    """The real engine."""

    def inpainters(self) -> Sequence[ModelCard]:
        """List the shipped and the user's inpainters, the default first."""
        return inpainter_cards()

    def read_card(self, path: Path) -> ModelCard:
        """Read the card of a model file.

        Raises
        ------
        ModelFileError
            If the file is missing, damaged, of another version or not an inpainter.
        """
        return read_inpainter_card(path)

    def warm_up(self) -> None:
        """Import torch, the code of the training, and what the first optimiser imports."""
        load_torch()
        import torch

        import napari_inpaintaff.inpainting.training  # noqa: F401

        torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))])

    def look_through(self, files: Sequence[Path], channel: int | str | None) -> PlaneCollection:
        """Find the planes in files and folders.

        Raises
        ------
        ImageError
            If there is none.
        """
        return gather_planes(files, channel=channel)

    def interrupted(self, name: str) -> InterruptedTraining | None:
        """Read what is known of an interrupted training; None when there is none."""
        return read_interrupted(name)

    def train(
        self, request: TrainingRequest, control: TrainingControl
    ) -> Generator[Any, None, Trained]:
        """Train an inpainter on the planes of layers and files.

        Raises
        ------
        InpaintAffError
            If the images, a model, the device, a file or a setting cannot be used.
        """
        with training_files(request, control) as checkpoint:
            yield Progress(0, 0, "Loading PyTorch…")
            load_torch()
            from napari_inpaintaff.inpainting import Inpainter, train_inpainter

            settings = request.settings
            start_from = None
            if settings.start_from is not None:
                start_from = Inpainter.load(settings.start_from, device=settings.device)
            yield Progress(0, 0, "Looking through the images…")
            planes = self._planes(request)
            inpainter = yield from train_inpainter(
                planes,
                _training(settings, start_from),
                name=settings.name,
                diameter=settings.diameter,
                normalisation=settings.normalisation,
                notes={"data": f"{len(planes)} images of the user"},
                device=settings.device,
                start_from=start_from,
                checkpoint=checkpoint,
                resume=request.resume,
                stop=control.stop.is_set,
            )
            # The last moment to cancel: from here on there is a model.
            yield Progress(1, 1, "Saving the model…")
        record = inpainter.metadata.training
        return Trained(
            settings.name,
            inpainter.save,
            NearHoleError.from_record(record),
            images=int(record["images"]),
            skipped=int(record["skipped"]),
            stopped=bool(record["stopped"]),
        )

    def keep(self, trained: Trained, path: Path) -> Path:
        """Save a model; one of the same name is replaced when the new one is complete.

        Only then the checkpoint goes, unless the training was stopped and can go on.

        Raises
        ------
        OutputError
            If it cannot be written; it can be tried again.
        """
        prepare_folder(path.parent)
        saved = trained.save(path)
        if not trained.stopped:
            forget_training(trained.name)
        return saved

    def _planes(self, request: TrainingRequest) -> list[Plane]:
        planes: list[Plane] = []
        for layer in request.layers:
            planes += planes_of(layer.data, layer.name)
        if request.files:
            planes += self.look_through(request.files, request.settings.channel).planes
        return planes


def _training(settings: TrainingSettings, start_from: Inpainter | None) -> InpainterTraining:
    if start_from is not None:
        architecture = start_from.metadata.architecture
    else:
        architecture = replace(ARCHITECTURES[settings.network], outputs=outputs_of(settings.loss))
    return InpainterTraining(
        architecture,
        budget(minutes=settings.minutes, fine_tuning=start_from is not None),
        seed=settings.seed,
        loss=settings.loss,
        vgg=None if settings.vgg is None else Path(settings.vgg),
        denoise=settings.denoise,
    )
