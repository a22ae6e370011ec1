"""All calls from the dock widget "Separate cells" into the core.

Everything here may run in a worker thread, and only the functions import the
heavy modules: torch takes seconds to load, during which the interface stays alive.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_inpaintaff.datatypes import Affinities
from napari_inpaintaff.images import Region
from napari_inpaintaff.inpainting import catalogue
from napari_inpaintaff.jobs import Job, Progress, retell
from napari_inpaintaff.networks.catalogue import KINDS, find_model
from napari_inpaintaff.networks.compute import compute
from napari_inpaintaff.separation import SEPARATION_MODES
from napari_inpaintaff.widgets.engine import Labelling, Separation, SeparationDraft
from napari_inpaintaff.widgets.loading import load_torch
from napari_inpaintaff.widgets.masks import (
    file_version,
    foreground_version,
    given_mask,
    iterate_found_mask,
)
from napari_inpaintaff.widgets.model_cards import ModelCard, model_cards, read_model_card
from napari_inpaintaff.widgets.settings import (
    Foreground,
    LabelSettings,
    NetworkSettings,
    SeparationRequest,
)

if TYPE_CHECKING:
    from napari_inpaintaff.inpainting import Inpainter
    from napari_inpaintaff.separation import AffinityDraft, SplitUpdate, Student

#: Affinities are computed this part of a cell diameter beyond the foreground, so that
#: a foreground that grows a little needs no inference.
MARGIN = 0.2


@dataclass(frozen=True)
class _FoundMask:
    """A mask that was found, and all that it depends on."""

    image: ref[NDArray[Any]]
    foreground: str
    version: str
    diameter: float
    mask: NDArray[np.bool_]


@dataclass(frozen=True)
class _SettledMask:
    """A mask whose outlines the image may have moved, and what it was made of."""

    image: ref[NDArray[Any]]
    given: NDArray[np.bool_]
    diameter: float
    mask: NDArray[np.bool_]
    moved: float


class CoreEngine:
    """The real engine."""

    def __init__(self) -> None:
        self._last_mask: _FoundMask | None = None
        self._last_settled: _SettledMask | None = None
        #: Version and device of the network that was loaded last, and the network.
        self._last_model: tuple[tuple[str, str, str], Inpainter | Student] | None = None

    def models(self) -> Sequence[ModelCard]:
        """List the shipped and the user's models, the default first."""
        return model_cards()

    def warm_up(self) -> None:
        """Rehearse the beginning of a run: the first call of everything prepares a lot."""
        load_torch()
        from napari_inpaintaff.inpainting import Inpainter
        from napari_inpaintaff.separation import iterate_affinities, load_model

        model = load_model(catalogue.DEFAULT_INPAINTER)
        assert isinstance(model, Inpainter)
        usual = SEPARATION_MODES["balanced"]
        image = np.tri(usual.patch, dtype=np.float32)
        Job(iterate_found_mask(image, "otsu", model.metadata.diameter)).run()
        with closing(iterate_affinities(image, model, usual)) as updates:
            next(updates)

    def read_card(self, path: Path) -> ModelCard:
        """Read the card of a model file.

        Raises
        ------
        ModelFileError
            If the file is missing, damaged, of another version or no model.
        """
        return read_model_card(path)

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
        from napari_inpaintaff.separation import Student

        network = request.network
        version = _model_version(network.model)
        model = self._model(network, version)
        yield Progress(0, 0, "Finding the foreground…")
        image = request.plane.read()
        if previous is not None and not _same_input(previous, request, image, version):
            previous = None
        denoised = None if model.denoiser is None else model.denoise(image)
        mask = yield from self._mask(image, denoised, request.foreground, network)
        wanted = _with_margin(mask, network.diameter) & _inside(request.region, mask.shape)
        known = wanted | previous.known if previous else wanted

        def separation(affinities: Affinities) -> Separation:
            return Separation(image, network, request.region, affinities, known, version, denoised)

        if isinstance(model, Student):
            affinities = yield from _in_one_pass(image, model, network, known, previous)
            return separation(affinities)
        updates = _in_patches(image, model, network, wanted, previous)
        return separation((yield from _with_drafts(updates, separation)))

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

        finding = self._mask(separation.image, separation.denoised, foreground, separation.network)
        mask, moved = self._settled(Job(finding).run(), separation, settings.outlines)
        mask = mask & _inside(separation.region, mask.shape)
        labels = partition(
            separation.affinities,
            foreground=mask & separation.known,
            parameters=PartitionParameters(
                settings.method,
                settings.alpha,
                settings.minimum_size,
                separation.network.diameter,
            ),
        )
        return Labelling(labels, int(np.count_nonzero(mask & ~separation.known)), moved)

    def _model(self, network: NetworkSettings, version: str) -> Inpainter | Student:
        """Load the network; the last one stays ready for the next plane."""
        from napari_inpaintaff.separation import load_model

        # What "auto" stands for may be another device now.
        key = (version, network.device, compute().device)
        if self._last_model is None or self._last_model[0] != key:
            self._last_model = None
            self._last_model = (key, load_model(network.model, device=network.device))
        return self._last_model[1]

    def _mask(
        self,
        image: NDArray[Any],
        denoised: NDArray[Any] | None,
        foreground: Foreground,
        network: NetworkSettings,
    ) -> Generator[Progress, None, NDArray[np.bool_]]:
        """Find the foreground; one that was found is remembered for drafts and sliders."""
        if not isinstance(foreground, str):
            return given_mask(foreground, image.shape)
        version = foreground_version(foreground)
        last, diameter = self._last_mask, network.diameter
        if (
            last is not None
            and last.image() is image
            and (last.foreground, last.version, last.diameter) == (foreground, version, diameter)
        ):
            return last.mask
        mask = yield from iterate_found_mask(
            image, foreground, diameter, denoised=denoised, device=network.device
        )
        self._last_mask = _FoundMask(ref(image), foreground, version, diameter, mask)
        return mask

    def _settled(
        self, mask: NDArray[np.bool_], separation: Separation, outlines: str
    ) -> tuple[NDArray[np.bool_], float]:
        """Move outlines to the edges of the image; the last ones are remembered for sliders."""
        from napari_inpaintaff.pipeline.foreground_source import settled_outlines

        image, diameter = separation.image, separation.network.diameter
        last = self._last_settled
        if (
            outlines == "auto"
            and last is not None
            and last.image() is image
            and last.diameter == diameter
            and np.array_equal(last.given, mask)
        ):
            return last.mask, last.moved
        settled, moved = settled_outlines(image, mask, outlines=outlines, diameter=diameter)
        if outlines == "auto":
            self._last_settled = _SettledMask(ref(image), mask, diameter, settled, moved)
        return settled, moved


def _in_one_pass(
    image: NDArray[Any],
    student: Student,
    network: NetworkSettings,
    wanted: NDArray[np.bool_],
    previous: Separation | None,
) -> Generator[Progress, None, Affinities]:
    from napari_inpaintaff.separation import iterate_student_affinities

    if previous is not None and not (wanted & ~previous.known).any():
        return previous.affinities
    return (
        yield from iterate_student_affinities(
            image, student, wanted=wanted, diameter=network.diameter
        )
    )


def _in_patches(
    image: NDArray[Any],
    inpainter: Inpainter,
    network: NetworkSettings,
    wanted: NDArray[np.bool_],
    previous: Separation | None,
) -> Generator[SplitUpdate | AffinityDraft, None, Affinities]:
    from napari_inpaintaff.separation import iterate_affinities

    return iterate_affinities(
        image,
        inpainter,
        replace(SEPARATION_MODES[network.quality], seed=network.seed),
        wanted=wanted & ~previous.known if previous else wanted,
        previous=previous.affinities if previous else None,
        diameter=network.diameter,
    )


def _with_drafts(
    updates: Generator[SplitUpdate | AffinityDraft, None, Affinities],
    separation: Callable[[Affinities], Separation],
) -> Generator[SplitUpdate | SeparationDraft, None, Affinities]:
    """Pass updates on, drafts of affinities as drafts of separations."""
    from napari_inpaintaff.separation import AffinityDraft

    def draft(update: AffinityDraft) -> SeparationDraft:
        return SeparationDraft(lambda: separation(update.affinities()), update.done, update.total)

    return (
        yield from retell(
            updates, lambda update: draft(update) if isinstance(update, AffinityDraft) else update
        )
    )


def _model_version(model: str) -> str:
    """Tell a model file from others, and from what it was before it was replaced."""
    return file_version(find_model(model, catalogue.user_model_folder(), KINDS))


def _same_input(
    previous: Separation, request: SeparationRequest, image: NDArray[Any], model: str
) -> bool:
    """Whether affinities can be added to; the user may have changed the pixels in place."""
    return (
        previous.network == request.network
        and previous.model == model
        and np.array_equal(previous.image, image, equal_nan=image.dtype.kind == "f")
    )


def _with_margin(mask: NDArray[np.bool_], diameter: float) -> NDArray[np.bool_]:
    steps = round(MARGIN * diameter)
    return ndimage.binary_dilation(mask, iterations=steps) if steps else mask


def _inside(region: Region, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    inside = np.zeros(shape, dtype=bool)
    inside[region] = True
    return inside
