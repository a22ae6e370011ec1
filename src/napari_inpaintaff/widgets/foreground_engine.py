"""All calls from the dock widget "Foreground" into the core.

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

from napari_inpaintaff.foreground.fgnet_parameters import FGNetTraining, FGNetUpdate
from napari_inpaintaff.images import Plane as ImagePlane
from napari_inpaintaff.images import planes_of
from napari_inpaintaff.inpainting import catalogue
from napari_inpaintaff.jobs import Progress, retell
from napari_inpaintaff.networks.catalogue import KINDS, find_model
from napari_inpaintaff.networks.model_file import read_model_kind
from napari_inpaintaff.widgets.foreground_labels import PaintedPlane, find_paint
from napari_inpaintaff.widgets.foreground_settings import FindingRequest, ForegroundRequest
from napari_inpaintaff.widgets.loading import load_torch
from napari_inpaintaff.widgets.masks import iterate_found_probability
from napari_inpaintaff.widgets.model_cards import ModelCard, read_start_card, start_cards
from napari_inpaintaff.widgets.planes import Plane
from napari_inpaintaff.widgets.training_files import prepare_folder

if TYPE_CHECKING:
    from napari_inpaintaff.foreground import FGNet
    from napari_inpaintaff.inpainting import Inpainter
    from napari_inpaintaff.separation import Student


@dataclass(frozen=True)
class LivePlane:
    """Where the network stands.

    Attributes
    ----------
    index : tuple of int
        The plane of the image that the map of ``update`` belongs to.
    update : FGNetUpdate
        Loss, progress and the newest map.
    """

    index: tuple[int, ...]
    update: FGNetUpdate


@dataclass(frozen=True)
class TrainedForeground:
    """A foreground network, perhaps not saved yet.

    Attributes
    ----------
    name : str
        Of the model.
    network : object
        The network, for the engine.
    save : callable
        Writes it to a model file and returns the file.
    probability : ndarray of float32, shape (Y, X)
        Of the plane that was asked for, in [0, 1].
    index : tuple of int
        Of that plane.
    learned_from : str
        For people, such as ``"strokes in 2 planes"``.
    only_cells : bool
        Whether no background was labelled: it had to be inferred.
    stopped : bool
        Whether it was stopped early.
    """

    name: str
    network: Any
    save: Callable[[Path], Path]
    probability: NDArray[np.float32]
    index: tuple[int, ...]
    learned_from: str = ""
    only_cells: bool = False
    stopped: bool = False


class ForegroundEngine(Protocol):
    """What the dock widget needs of the core; tests put a fast stand-in here."""

    def starts(self) -> Sequence[ModelCard]:
        """List the models to start from; must be quick."""

    def read_card(self, path: Path) -> ModelCard:
        """Read the card of a model file; must be quick."""

    def warm_up(self) -> None:
        """Load what the first training will need, in a worker thread."""

    def train(
        self, request: ForegroundRequest, stop: Event
    ) -> Generator[Any, None, TrainedForeground]:
        """Yield `Progress` and `LivePlane`; return the network."""

    def apply(
        self, network: Any, plane: Plane, diameter: float
    ) -> Generator[Progress, None, NDArray[np.float32]]:
        """Yield `Progress`; return the probability of another plane."""

    def find(self, request: FindingRequest) -> Generator[Progress, None, NDArray[np.float32]]:
        """Yield `Progress`; return the probability of a plane that needed no labels."""

    def keep(self, trained: TrainedForeground, path: Path) -> Path:
        """Save a network, in a worker thread."""


class CoreForegroundEngine:
    """The real engine."""

    def starts(self) -> Sequence[ModelCard]:
        """List the shipped and the user's models that a foreground can begin with."""
        return start_cards()

    def read_card(self, path: Path) -> ModelCard:
        """Read the card of a model file.

        Raises
        ------
        ModelFileError
            If the file is missing, damaged, of another version or no model.
        """
        return read_start_card(path)

    def warm_up(self) -> None:
        """Import torch, the code of the training, and what the first optimiser imports."""
        load_torch()
        import torch

        import napari_inpaintaff.foreground.fgnet_training  # noqa: F401

        torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))])

    def train(
        self, request: ForegroundRequest, stop: Event
    ) -> Generator[Any, None, TrainedForeground]:
        """Train a foreground network on the painted planes of a layer.

        Raises
        ------
        InpaintAffError
            If the image, the labels, a model, the device or a setting cannot be used.
        """
        settings = request.settings
        yield Progress(0, 0, "Reading the labels…")
        found = find_paint(request.labels, request.plane, settings.diameter)
        yield Progress(0, 0, "Loading the network…")
        load_torch()
        from napari_inpaintaff.foreground import train_fgnet

        start = request.previous or _load_start(settings.start_from, settings.device)
        fgnet = yield from _with_plane(
            train_fgnet(
                [_image_plane(request.plane, plane.index) for plane in found.planes],
                [plane.targets for plane in found.planes],
                FGNetTraining(steps=settings.steps, seed=settings.seed),
                start=start,
                name=settings.name,
                diameter=settings.diameter,
                normalisation=settings.normalisation,
                notes={"data": f"{found.description} of the user"},
                device=settings.device,
                stop=stop.is_set,
            ),
            found.planes[0],
        )
        probability = yield from self.apply(fgnet, request.plane, settings.diameter)
        # The last moment to cancel: from here on there is a foreground network.
        yield Progress(1, 1, "Saving the foreground…")
        return TrainedForeground(
            settings.name,
            fgnet,
            fgnet.save,
            probability,
            request.plane.index,
            found.description,
            only_cells=found.only_cells,
            stopped=bool(fgnet.metadata.training["stopped"]),
        )

    def apply(
        self, network: FGNet, plane: Plane, diameter: float
    ) -> Generator[Progress, None, NDArray[np.float32]]:
        """Find the foreground of a plane.

        Raises
        ------
        InpaintAffError
            If the image or the diameter cannot be used.
        """
        yield Progress(0, 0, "Finding the foreground of the plane…")
        load_torch()
        image = _image_plane(plane, plane.index).read()
        return (yield from network.iterate_probability(image, diameter=diameter))

    def find(self, request: FindingRequest) -> Generator[Progress, None, NDArray[np.float32]]:
        """Find the foreground of a plane with a method, or a network of any kind.

        Raises
        ------
        InpaintAffError
            If the image, the network, the device or the diameter cannot be used.
        """
        yield Progress(0, 0, "Finding the foreground of the plane…")
        image = request.plane.read()
        return (
            yield from iterate_found_probability(
                image, request.source, request.diameter, device=request.device
            )
        )

    def keep(self, trained: TrainedForeground, path: Path) -> Path:
        """Save a network; one of the same name is replaced when the new one is complete.

        Raises
        ------
        OutputError
            If it cannot be written; it can be tried again.
        """
        prepare_folder(path.parent)
        return trained.save(path)


def _with_plane(
    updates: Generator[Progress | FGNetUpdate, None, FGNet], plane: PaintedPlane
) -> Generator[Progress | LivePlane, None, FGNet]:
    """Say to which plane the maps of a training belong."""

    def tell(update: Progress | FGNetUpdate) -> Progress | LivePlane:
        return LivePlane(plane.index, update) if isinstance(update, FGNetUpdate) else update

    return (yield from retell(updates, tell))


def _load_start(model: str | None, device: str) -> Inpainter | Student | FGNet | None:
    if model is None:
        return None
    from napari_inpaintaff.foreground import FGNet
    from napari_inpaintaff.separation import load_model

    path = find_model(model, catalogue.user_model_folder(), KINDS).absolute()
    if read_model_kind(path) == "fgnet":
        return FGNet.load(path, device=device)
    return load_model(path, device=device)


def _image_plane(plane: Plane, index: tuple[int, ...]) -> ImagePlane:
    """Find a plane of the image that another one belongs to."""
    planes = planes_of(plane.data, plane.name)
    return planes[int(np.ravel_multi_index(index, plane.data.shape[:-2])) if index else 0]
