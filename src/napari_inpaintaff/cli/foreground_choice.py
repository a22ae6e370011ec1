"""Where the cells are: the source of the foreground that the user chose."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError, ParameterError

if TYPE_CHECKING:
    from napari_inpaintaff.foreground import ForegroundModel
    from napari_inpaintaff.inpainting import Inpainter
    from napari_inpaintaff.separation import Student

    Source: TypeAlias = str | NDArray[np.bool_] | ForegroundModel

ScalarT = TypeVar("ScalarT", bound=np.generic)

# Kept here, not imported: --help must be fast.
_OUTLINES = ("auto", "keep")
_MODEL_SUFFIX = ".safetensors"


def add_foreground(command: argparse.ArgumentParser, default: str | None, explanation: str) -> None:
    """Add the source of the foreground."""
    command.add_argument(
        "--foreground", metavar="MODEL|FILE|METHOD", default=default, help=explanation
    )


def add_outlines(command: argparse.ArgumentParser) -> None:
    """Add what becomes of outlines that miss the edges of the image."""
    command.add_argument(
        "--outlines",
        choices=_OUTLINES,
        default=_OUTLINES[0],
        help="whether outlines of the foreground that miss the edges of the image by about a "
        "pixel or more are moved there (auto, the default), or stay as they are (keep)",
    )


def add_denoiser(command: argparse.ArgumentParser) -> None:
    """Add the model through whose denoiser a method sees the image."""
    command.add_argument(
        "--denoiser",
        metavar="NAME|FILE",
        help="model whose denoiser cleans the image for a method, as `segment --model` does",
    )


def foreground_files(text: str | None) -> list[Path]:
    """Return the file that a foreground is read from, if it is read from one."""
    if text is None or _is_method(text):
        return []
    found = _named_model(text)
    if found is not None:
        return [found]
    return [Path(text)] if Path(text).exists() else []


def resolve_foreground(text: str, *, device: str) -> Source:
    """Tell a method, a model and a file from each other, and read the last two.

    Parameters
    ----------
    text : str
        Name of a foreground method or network, a model file, or a mask or label image.
    device : str
        Where a network computes.

    Returns
    -------
    str, ForegroundModel or ndarray of bool
        The method, the model, or the mask with the axes of its file.

    Raises
    ------
    ParameterError
        If it is none of them.
    ModelFileError
        If it is a model that finds no foreground, or is damaged.
    """
    place = locate_foreground(text)
    if isinstance(place, str):
        return place
    if place.is_model:
        from napari_inpaintaff.foreground import load_foreground_model

        return load_foreground_model(place.path, device=device)
    from napari_inpaintaff.images import read_mask

    return read_mask(place.path)


@dataclass(frozen=True)
class ForegroundFile:
    """Where a foreground comes from, if not from a method.

    Attributes
    ----------
    path : Path
        The file.
    is_model : bool
        Whether it is a network; else it is a mask or label image.
    """

    path: Path
    is_model: bool


def locate_foreground(text: str) -> str | ForegroundFile:
    """Tell a method, a model and a file from each other, without reading any.

    Parameters
    ----------
    text : str
        See `resolve_foreground`.

    Returns
    -------
    str or ForegroundFile
        The name of a method, or a file.

    Raises
    ------
    ParameterError
        If it is none of them.
    """
    if _is_method(text):
        return text
    model = _named_model(text)
    if model is not None or text.lower().endswith(_MODEL_SUFFIX):
        return ForegroundFile((model or Path(text)).absolute(), True)
    if Path(text).exists():
        return ForegroundFile(Path(text), False)
    from napari_inpaintaff.foreground import FOREGROUND_METHODS, available_foreground_models

    models = ", ".join(model.name for model in available_foreground_models())
    raise ParameterError(
        f"unknown foreground {text!r}: there is no such file, the methods are "
        f"{', '.join(FOREGROUND_METHODS)}, and "
        + (f"the networks are {models}" if models else "there is no network yet")
    )


def load_denoiser(options: argparse.Namespace, source: Source | None) -> Inpainter | Student | None:
    """Load the model of `add_denoiser`, if one is given.

    Parameters
    ----------
    options : Namespace
        With ``denoiser`` and ``device``.
    source : str, ForegroundModel, ndarray or None
        The foreground: a method is the only one that looks at a denoised image.

    Raises
    ------
    ParameterError
        If there is nothing for it to denoise, or it has no denoiser.
    ModelFileError
        If it cannot be loaded.
    """
    if options.denoiser is None:
        return None
    if not isinstance(source, str) or source == "none":
        raise ParameterError("--denoiser is for foreground methods that look at the image")
    from napari_inpaintaff.separation import load_model

    model = load_model(options.denoiser, device=options.device)
    if model.denoiser is None:
        raise ParameterError(f"the model {options.denoiser} has no denoiser: leave it out")
    return model


def source_of_planes(
    source: Source, shape: tuple[int, ...], planes: Sequence[tuple[int, ...]]
) -> Iterator[Source]:
    """Give every plane its foreground: one mask serves all planes, a stack one each.

    Raises
    ------
    ImageError
        If a mask does not fit the image.
    """
    for plane in planes:
        if isinstance(source, np.ndarray) and source.shape != shape[-2:]:
            yield fitting(source, shape, "the foreground")[plane]
        else:
            yield source


def fitting(array: NDArray[ScalarT], shape: tuple[int, ...], name: str) -> NDArray[ScalarT]:
    """Return an array if it has the shape of the image.

    Raises
    ------
    ImageError
        If it has another one.
    """
    if array.shape != shape:
        raise ImageError(f"{name} has the shape {array.shape}, the image {shape}")
    return array


def _is_method(text: str) -> bool:
    from napari_inpaintaff.foreground import FOREGROUND_METHODS

    return text in FOREGROUND_METHODS


def _named_model(text: str) -> Path | None:
    """Return the file of a model of any kind that has this name."""
    from napari_inpaintaff.inpainting import user_model_folder
    from napari_inpaintaff.networks.catalogue import named_models

    for model in named_models(user_model_folder()):
        if model.name == text:
            return model.path
    return None
