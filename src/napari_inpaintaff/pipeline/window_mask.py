"""What a foreground method, a network or a given mask says about a part of a plane."""

from __future__ import annotations

import warnings
from collections.abc import Generator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.foreground import (
    ConstantImageWarning,
    FGNet,
    ForegroundModel,
    iterate_foreground_probability,
    mask_from_labels,
    otsu_probability,
    threshold,
)
from napari_inpaintaff.foreground.levels import ForegroundLevels
from napari_inpaintaff.foreground.methods import above_global_level
from napari_inpaintaff.foreground.otsu import LEVEL, REFERENCE_DIAMETER, otsu_halo
from napari_inpaintaff.foreground.specks import lower_specks, undecided
from napari_inpaintaff.images import (
    Normalisation,
    PlaneReader,
    Region,
    grown,
    size_of,
    within,
)
from napari_inpaintaff.inpainting import Inpainter
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.pipeline.foreground_source import usual_diameter
from napari_inpaintaff.separation import Student

#: A method by name, a loaded network, or a reader of a mask or label image.
WindowForeground: TypeAlias = str | ForegroundModel | PlaneReader

#: Around a core IEM sees so many cell diameters, within which its search settles.
_IEM_HALO = 8.0
#: Around a core a network that is no FGNet sees so many pixels.
_NETWORK_HALO = 64
#: A faint component is followed so far beyond the core at most, in pixels.
_FARTHEST = 1024


def iterate_window_mask(
    plane: PlaneReader,
    core: Region,
    foreground: WindowForeground,
    levels: ForegroundLevels,
    *,
    model: Inpainter | Student | None,
    diameter: float | None,
) -> Generator[Progress, None, NDArray[np.bool_]]:
    """Find the pixels to be labelled before any outlines move; see `iterate_window_foreground`."""
    if levels.method != method_of(foreground):
        raise ParameterError(
            f"the levels are of the foreground {levels.method!r}, "
            f"not of {method_of(foreground)!r}: find them anew"
        )
    if isinstance(foreground, FGNet):
        return (yield from _network_mask(plane, core, foreground, levels, diameter))
    if isinstance(foreground, ForegroundModel):
        around = grown(core, _NETWORK_HALO, plane.shape)
        values = plane.read_region(around)
        if not np.isfinite(values).any():
            return np.zeros(size_of(core), bool)
        return threshold(foreground.probability(values, diameter=diameter))[within(core, around)]
    if not isinstance(foreground, str):
        if foreground.shape != plane.shape:
            raise ImageError(
                f"the foreground {foreground.shape} must have the shape of the image {plane.shape}"
            )
        return mask_from_labels(foreground.read_region(core))
    cell = diameter or usual_diameter(foreground, model)
    if foreground == "none":
        return np.ones(size_of(core), bool)
    if levels.constant:
        return np.zeros(size_of(core), bool)
    around = grown(core, method_halo(foreground, cell), plane.shape)
    seen = read_denoised(plane, around, model, levels.denoising)
    if not np.isfinite(seen).any():
        return np.zeros(size_of(core), bool)
    if foreground == "iem":
        with warnings.catch_warnings():  # a part may well be empty
            warnings.simplefilter("ignore", ConstantImageWarning)
            device = "auto" if model is None else model.device.type
            found = yield from iterate_foreground_probability(
                seen, foreground, diameter=cell, device=device
            )
        return threshold(found)[within(core, around)]
    if levels.threshold is not None:
        return above_global_level(seen, levels.threshold)[within(core, around)]
    probability = otsu_probability(seen, diameter=cell, levels=levels.otsu)
    return threshold(probability)[within(core, around)]


def method_of(foreground: object) -> str:
    """Return what levels call it: the name of a method, ``fgnet``, ``network`` or ``given``."""
    if isinstance(foreground, str):
        return foreground
    if isinstance(foreground, FGNet):
        return "fgnet"
    return "network" if isinstance(foreground, ForegroundModel) else "given"


def method_halo(method: str, diameter: float) -> int:
    """Return how far around a core a method has to see, in pixels."""
    if method == "iem":
        return round(_IEM_HALO * max(diameter, REFERENCE_DIAMETER / 2))
    return otsu_halo(diameter) if method == "otsu" else 0


def read_denoised(
    plane: PlaneReader,
    region: Region,
    model: Inpainter | Student | None,
    denoising: Normalisation | None,
) -> NDArray[np.float64]:
    """Read a part of a plane as a method sees it."""
    seen: NDArray[Any] = (
        plane.read_region(region)
        if model is None
        else model.denoise_window(plane, region, denoising)
    )
    return np.asarray(seen, np.float64)


def _network_mask(
    plane: PlaneReader,
    core: Region,
    network: FGNet,
    levels: ForegroundLevels,
    diameter: float | None,
) -> Generator[Progress, None, NDArray[np.bool_]]:
    """Ask the network, and look as far around the core as it takes to judge what lies in it."""
    if levels.normalisation is None or levels.highest is None:
        raise ParameterError("the levels are not those of a foreground network: find them anew")
    smallest = network.smallest_object(diameter)
    halo = int(np.ceil(smallest)) + 1
    while True:
        around = grown(core, halo, plane.shape)
        probability = yield from network.iterate_window(
            plane, around, levels.normalisation, diameter=diameter
        )
        inner = within(core, around)
        (top, bottom), (left, right) = (
            (part.start > 0, part.stop < length)
            for part, length in zip(around, plane.shape, strict=True)
        )
        goes_on = undecided(
            probability,
            inner,
            level=LEVEL,
            highest=levels.highest,
            open_=(top, bottom, left, right),
        )
        if not goes_on or halo >= _FARTHEST:
            break
        halo *= 2
    kept = lower_specks(probability, level=LEVEL, smallest=smallest, highest=levels.highest)
    return threshold(kept)[inner]
