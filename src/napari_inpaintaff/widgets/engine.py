"""All calls from the widgets into the core.

Everything here may run in a worker thread, and only the functions import the
heavy modules: torch takes seconds to load, during which the interface stays alive.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from weakref import ref

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_inpaintaff.datatypes import Affinities
from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.images import NormalisationKind, Region
from napari_inpaintaff.inpainting import (
    InpainterMetadata,
    available_inpainters,
    find_inpainter,
)
from napari_inpaintaff.inpainting.metadata import MODEL_KIND
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.networks.model_file import read_model_metadata
from napari_inpaintaff.widgets.loading import load_torch
from napari_inpaintaff.widgets.settings import (
    Foreground,
    LabelSettings,
    NetworkSettings,
    SeparationRequest,
)


@dataclass(frozen=True)
class InpainterCard:
    """What the user sees of an inpainter.

    Attributes
    ----------
    name : str
        Name or path by which it is loaded.
    diameter : float
        Cell diameter in pixels that it was trained for.
    description : str
        Its model card in a few lines.
    normalisation : {"fluorescence", "linear"}
        Kind of images it was trained on.
    laplace : bool
        Whether it predicts a distribution; else only a value.
    denoises : bool
        Whether it takes the noise away first.
    """

    name: str
    diameter: float
    description: str = ""
    normalisation: NormalisationKind = "fluorescence"
    laplace: bool = True
    denoises: bool = False


@dataclass(frozen=True)
class Separation:
    """The expensive half of a result, kept so that labels can change at once.

    Attributes
    ----------
    image : ndarray, shape (Y, X)
        The plane, as it was when the run began.
    network : NetworkSettings
        What the affinities were computed with.
    region : Region
        The part of the plane that was asked for.
    affinities : Affinities
        On the pixels of the plane.
    known : ndarray of bool, shape (Y, X)
        Pixels whose affinities were computed.
    model : str
        Tells the inpainter's file from others, and from what it was before a training
        replaced it.
    denoised : ndarray, shape (Y, X), or None
        What foreground methods look at where the inpainter takes the noise away first.
    """

    image: NDArray[Any]
    network: NetworkSettings
    region: Region
    affinities: Affinities
    known: NDArray[np.bool_]
    model: str = ""
    denoised: NDArray[Any] | None = None


@dataclass(frozen=True)
class Labelling:
    """Labels of a plane.

    Attributes
    ----------
    labels : ndarray of uint32, shape (Y, X)
        0 is background and everything outside the region.
    missing : int
        Foreground pixels of the region without affinities, which were left out.
    """

    labels: NDArray[np.uint32]
    missing: int


class Engine(Protocol):
    """What the dock widget needs of the core; tests put a fast stand-in here."""

    def inpainters(self) -> Sequence[InpainterCard]:
        """List the inpainters to choose from; must be quick."""

    def warm_up(self) -> None:
        """Load what the first run will need, in a worker thread."""

    def read_card(self, path: Path) -> InpainterCard:
        """Read the card of a model file; must be quick."""

    def separate(
        self, request: SeparationRequest, previous: Separation | None
    ) -> Generator[Any, None, Separation]:
        """Yield `Progress` and `SplitUpdate`; return the affinities of a plane."""

    def label(
        self, separation: Separation, foreground: Foreground, settings: LabelSettings
    ) -> Labelling:
        """Turn kept affinities into labels, without inference."""


#: Affinities are computed this part of a cell diameter beyond the foreground, so that
#: a foreground that grows a little needs no inference.
MARGIN = 0.2


class CoreEngine:
    """The real engine."""

    def __init__(self) -> None:
        self._last_method: tuple[ref[Separation], str, NDArray[np.bool_]] | None = None

    def inpainters(self) -> Sequence[InpainterCard]:
        """List the shipped and the user's inpainters, the default first."""
        return [_card(entry.name, entry.metadata) for entry in available_inpainters()]

    def warm_up(self) -> None:
        """Import torch and the network's code."""
        load_torch()
        import napari_inpaintaff.separation.engine  # noqa: F401

    def read_card(self, path: Path) -> InpainterCard:
        """Read the card of a model file.

        Raises
        ------
        ModelFileError
            If the file is missing, damaged, of another version or not an inpainter.
        """
        metadata = InpainterMetadata.from_json(read_model_metadata(path, MODEL_KIND))
        return _card(str(path), metadata)

    def separate(
        self, request: SeparationRequest, previous: Separation | None
    ) -> Generator[Any, None, Separation]:
        """Compute the affinities of the region; what is known already is not computed again.

        Raises
        ------
        InpaintAffError
            If the image, the model, the device or a parameter cannot be used.
        """
        yield Progress(0, 0, "Loading the network…")
        load_torch()
        from napari_inpaintaff.inpainting import Inpainter
        from napari_inpaintaff.separation import SeparationParameters, iterate_affinities

        network = request.network
        parameters = SeparationParameters(
            stride=network.stride, iterations=network.iterations, seed=network.seed
        )
        model = _model_version(network.inpainter)
        inpainter = Inpainter.load(network.inpainter, device=network.device)
        yield Progress(0, 0, "Finding the foreground…")
        image = request.plane.read()
        if previous is not None and not _same_input(previous, request, image, model):
            previous = None
        denoised = None if inpainter.denoiser is None else inpainter.denoise(image)
        seen = image if denoised is None else denoised
        mask = _foreground_mask(seen, request.foreground, network.diameter)
        wanted = _with_margin(mask, network.diameter) & _inside(request.region, mask.shape)
        affinities = yield from iterate_affinities(
            image,
            inpainter,
            parameters,
            wanted=wanted & ~previous.known if previous else wanted,
            previous=previous.affinities if previous else None,
            diameter=network.diameter,
        )
        known = wanted | previous.known if previous else wanted
        return Separation(image, network, request.region, affinities, known, model, denoised)

    def label(
        self, separation: Separation, foreground: Foreground, settings: LabelSettings
    ) -> Labelling:
        """Label kept affinities.

        Raises
        ------
        ImageError
            If a mask has another shape than the image.
        """
        from napari_inpaintaff.partition import PartitionParameters, partition

        mask = self._mask(separation, foreground) & _inside(
            separation.region, separation.known.shape
        )
        labels = partition(
            separation.affinities,
            foreground=mask & separation.known,
            parameters=PartitionParameters(
                alpha=settings.alpha, minimum_size=settings.minimum_size
            ),
        )
        return Labelling(labels, missing=int(np.count_nonzero(mask & ~separation.known)))

    def _mask(self, separation: Separation, foreground: Foreground) -> NDArray[np.bool_]:
        """Find the foreground; that of a method is remembered while a slider moves."""
        last = self._last_method
        if last is not None and last[0]() is separation and last[1] == foreground:
            return last[2]
        seen = separation.image if separation.denoised is None else separation.denoised
        mask = _foreground_mask(seen, foreground, separation.network.diameter)
        if isinstance(foreground, str):
            self._last_method = (ref(separation), foreground, mask)
        return mask


def _card(name: str, metadata: InpainterMetadata) -> InpainterCard:
    lines = [f"Trained for cells of {metadata.diameter:g} pixels."]
    lines += [f"{key}: {value}" for key, value in metadata.training.items()]
    return InpainterCard(
        name,
        metadata.diameter,
        "\n".join(lines),
        normalisation=metadata.normalisation,
        laplace=metadata.architecture.outputs > 1,
        denoises=metadata.denoiser is not None,
    )


def _model_version(inpainter: str) -> str:
    """Tell a model file from others, and from what it was before it was replaced."""
    path = find_inpainter(inpainter)
    status = path.stat()
    return f"{path} {status.st_size} {status.st_mtime_ns}"


def _same_input(
    previous: Separation, request: SeparationRequest, image: NDArray[Any], model: str
) -> bool:
    """Whether affinities can be added to; the user may have changed the pixels in place."""
    return (
        previous.network == request.network
        and previous.model == model
        and np.array_equal(previous.image, image, equal_nan=image.dtype.kind == "f")
    )


def _foreground_mask(
    image: NDArray[Any], foreground: Foreground, diameter: float
) -> NDArray[np.bool_]:
    from napari_inpaintaff.foreground import foreground_probability, mask_from_labels, threshold

    if isinstance(foreground, str):
        return threshold(foreground_probability(image, foreground, diameter=diameter))
    mask = mask_from_labels(foreground.read())
    if mask.shape != image.shape:
        raise ImageError(
            f"The mask {foreground.name} has {mask.shape[0]} x {mask.shape[1]} pixels, "
            f"the image {image.shape[0]} x {image.shape[1]}: choose a mask of the same size."
        )
    return mask


def _with_margin(mask: NDArray[np.bool_], diameter: float) -> NDArray[np.bool_]:
    steps = round(MARGIN * diameter)
    return ndimage.binary_dilation(mask, iterations=steps) if steps else mask


def _inside(region: Region, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    inside = np.zeros(shape, dtype=bool)
    inside[region] = True
    return inside
