"""Networks that find a foreground, of every kind, from their files; imports no torch by itself.

A kind of network is registered in `FOREGROUND_MODELS`, and in `networks.catalogue.KINDS`
so that its files are found by name. Whatever takes a foreground network then takes it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ModelFileError
from napari_inpaintaff.foreground.fgnet_metadata import FGNET_KIND
from napari_inpaintaff.foreground.iem_network_parameters import IEM_NETWORK_KIND
from napari_inpaintaff.foreground.perturbgan import PERTURBGAN_KIND
from napari_inpaintaff.foreground.redo.metadata import REDO_KIND
from napari_inpaintaff.inpainting import catalogue
from napari_inpaintaff.networks.catalogue import NamedModel, find_model, named_models
from napari_inpaintaff.networks.model_file import read_model_kind


@runtime_checkable
class ForegroundModel(Protocol):
    """A loaded network that says where the foreground of an image is."""

    @property
    def channels(self) -> int:
        """Channels of the images that it has learned from: 1, or 3 for colour."""

    def probability(
        self, image: NDArray[np.generic], *, diameter: float | None = None
    ) -> NDArray[np.float32]:
        """Predict the foreground of an image.

        Parameters
        ----------
        image : ndarray, shape (Y, X) or (3, Y, X)
            Raw intensities; pixels that are not finite are unknown. A network of one channel
            takes planes only, one of three takes both.
        diameter : float, optional
            Typical diameter of the cells in pixels; networks that know no cells ignore it.

        Returns
        -------
        ndarray of float32, shape (Y, X)
            In [0, 1]; 0 where the image is unknown.

        Raises
        ------
        ImageError
            If the image has another shape or no finite pixel.
        """


def _load_fgnet(path: Path, device: str) -> ForegroundModel:
    from napari_inpaintaff.foreground.fgnet import FGNet

    return FGNet.load(path, device=device)


def _load_iem_network(path: Path, device: str) -> ForegroundModel:
    from napari_inpaintaff.foreground.iem_network import IEMNetwork

    return IEMNetwork.load(path, device=device)


def _load_perturbgan(path: Path, device: str) -> ForegroundModel:
    from napari_inpaintaff.foreground.perturbgan import PerturbGAN

    return PerturbGAN.load(path, device=device)


def _load_redo(path: Path, device: str) -> ForegroundModel:
    from napari_inpaintaff.foreground.redo import ReDO

    return ReDO.load(path, device=device)


#: What loads the model files of a kind, given a path and a device.
FOREGROUND_MODELS: dict[str, Callable[[Path, str], ForegroundModel]] = {
    FGNET_KIND: _load_fgnet,
    IEM_NETWORK_KIND: _load_iem_network,
    PERTURBGAN_KIND: _load_perturbgan,
    REDO_KIND: _load_redo,
}


def available_foreground_models() -> list[NamedModel]:
    """List the networks of all kinds that find a foreground and can be loaded by name."""
    models = named_models(catalogue.user_model_folder())
    return [model for model in models if model.kind in FOREGROUND_MODELS]


def find_foreground_model(model: str | Path) -> Path:
    """Return the file of a network that finds a foreground.

    Parameters
    ----------
    model : str or Path
        A name from `available_foreground_models`, or a file. A name comes first.

    Returns
    -------
    Path
        An existing file.

    Raises
    ------
    ModelFileError
        If there is neither such a name nor such a file.
    """
    return find_model(model, catalogue.user_model_folder(), FOREGROUND_MODELS)


def load_foreground_model(model: str | Path, *, device: str = "auto") -> ForegroundModel:
    """Load a network that finds a foreground, of whatever kind it is.

    Parameters
    ----------
    model : str or Path
        A name or a file, see `find_foreground_model`.
    device : str, optional
        ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Returns
    -------
    ForegroundModel
        Ready to use.

    Raises
    ------
    ModelFileError
        If there is no such model, its file is damaged, or it finds no foreground.
    DeviceError
        If the device is not available.
    """
    path = find_foreground_model(model).absolute()
    return FOREGROUND_MODELS[foreground_model_kind(path)](path, device)


def foreground_model_kind(path: Path) -> str:
    """Return the kind of a model file that finds a foreground; needs no torch.

    Raises
    ------
    ModelFileError
        If the file is missing or damaged, or its model finds no foreground.
    """
    kind = read_model_kind(path)
    if kind not in FOREGROUND_MODELS:
        raise ModelFileError(
            f"{str(path)!r} is a model of kind {kind!r}, which finds no foreground; those that do "
            f"are of the kinds {', '.join(FOREGROUND_MODELS)}"
        )
    return kind
