"""What all models have in common: a network on a device, its file, and how images enter it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from napari_inpaintaff.errors import ModelFileError, ParameterError
from napari_inpaintaff.images.normalise import (
    ModelNormalisation,
    Normalisation,
    estimate_normalisation,
)
from napari_inpaintaff.images.regions import Region
from napari_inpaintaff.images.windows import PlaneReader, grown, within
from napari_inpaintaff.inpainting import catalogue
from napari_inpaintaff.inpainting.denoising import Denoiser, denoiser_normalisation
from napari_inpaintaff.inpainting.model_metadata import ModelMetadata
from napari_inpaintaff.networks.architecture import UNetArchitecture
from napari_inpaintaff.networks.catalogue import find_model
from napari_inpaintaff.networks.devices import inference_dtype, pick_device, place
from napari_inpaintaff.networks.model_file import ModelFile, read_model_file, write_model_file
from napari_inpaintaff.networks.weights import build_filled_unet, narrow_weights, weights_of

MetadataT = TypeVar("MetadataT", bound=ModelMetadata)

#: Before the names of the denoiser's weights in a model file.
_DENOISER = "denoiser."


class TrainedModel(Generic[MetadataT]):
    """A trained network on a device.

    Parameters
    ----------
    network : Module
        Built for ``metadata.architecture``, with its weights. It now belongs to the model,
        which moves and casts it.
    metadata : ModelMetadata
        Description.
    denoiser : Denoiser, optional
        Denoises what `normalise` is given; the one that ``metadata.denoiser`` describes.
    device : str, optional
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    dtype : torch.dtype, optional
        Precision of the convolutions; by default the fastest that the device has.

    Attributes
    ----------
    weights : dict of str to ndarray of float32
        In full precision, those of the denoiser not included.

    Raises
    ------
    DeviceError
        If the device is not available.
    ParameterError
        If the denoiser is not the one that the metadata describe.
    """

    #: Type of the description.
    metadata_type: ClassVar[type[ModelMetadata]]

    def __init__(
        self,
        network: nn.Module,
        metadata: MetadataT,
        *,
        denoiser: Denoiser | None = None,
        device: str = "auto",
        dtype: torch.dtype | None = None,
    ) -> None:
        given = None if denoiser is None else denoiser.architecture
        if given != metadata.denoiser:
            raise ParameterError(
                f"the denoiser {given} is not the one of the metadata, {metadata.denoiser}"
            )
        self.metadata = metadata
        self.device = pick_device(device)
        self.dtype = inference_dtype(self.device) if dtype is None else dtype
        self.weights = weights_of(network)
        self.denoiser = denoiser
        self._network = place(network.eval(), self.device, self.dtype)

    @classmethod
    def load(
        cls, model: str | Path, *, device: str = "auto", dtype: torch.dtype | None = None
    ) -> Self:
        """Load a model.

        Parameters
        ----------
        model : str or Path
            A name or a model file.
        device : str, optional
            ``auto``, ``cpu``, ``cuda`` or ``mps``.
        dtype : torch.dtype, optional
            Precision; by default the fastest that the device has.

        Returns
        -------
        TrainedModel
            Ready to use.

        Raises
        ------
        ModelFileError
            If the file is missing, damaged, of another version or of another kind.
        DeviceError
            If the device is not available.
        """
        path = find_model(model, catalogue.user_model_folder(), {cls.metadata_type.kind})
        file = read_model_file(path, cls.metadata_type.kind)
        metadata = cast("MetadataT", cls.metadata_type.from_json(file.metadata, source=path))
        own, denoising = _without_denoiser(file.weights)
        network = build_filled_unet(metadata.architecture, own, source=path)
        denoiser = _build_denoiser(metadata.denoiser, denoising, device, dtype, source=path)
        return cls(network, metadata, denoiser=denoiser, device=device, dtype=dtype)

    def save(self, path: str | Path, *, dtype: type[np.float32 | np.float16] = np.float32) -> Path:
        """Write the model to a file, atomically; its name becomes the file's.

        Parameters
        ----------
        path : str or Path
            Where.
        dtype : {numpy.float32, numpy.float16}, optional
            Precision of the weights in the file. Half precision makes the file of a large
            network half as long; predictions hardly change. Weights out of its range stay
            as they are.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        metadata = replace(self.metadata, name=Path(path).stem)
        denoising = {} if self.denoiser is None else self.denoiser.weights
        weights = {**self.weights, **{_DENOISER + name: w for name, w in denoising.items()}}
        stored = narrow_weights(weights, dtype)
        return write_model_file(path, ModelFile(metadata.kind, metadata.to_json(), stored))

    def denoise(self, image: NDArray[np.generic]) -> NDArray[np.generic]:
        """Remove the noise from an image, if the model holds a denoiser.

        Parameters
        ----------
        image : ndarray, shape (Y, X)
            Raw intensities; NaN marks unknown pixels and stays NaN.

        Returns
        -------
        ndarray, shape (Y, X)
            In the units of the image; without a denoiser the image itself.
        """
        return image if self.denoiser is None else self.denoiser(image)

    def normalise(self, image: NDArray[np.generic]) -> NDArray[np.float32]:
        """Turn raw intensities into what the network sees, denoised if the model does that.

        Parameters
        ----------
        image : ndarray, shape (Y, X)
            Raw intensities; NaN marks unknown pixels and stays NaN.

        Returns
        -------
        ndarray of float32, shape (Y, X)
            Normalised values.
        """
        image = self.denoise(image)
        return estimate_normalisation(image, self.metadata.normalisation).apply(image)

    def denoising_of(self, windows: Sequence[NDArray[np.generic]]) -> Normalisation | None:
        """Estimate how the intensities of a plane enter the denoiser.

        Parameters
        ----------
        windows : sequence of ndarray, shape (Y, X)
            Raw intensities of the plane, or of parts that stand for it (`sample_windows`).

        Returns
        -------
        Normalisation or None
            None without a denoiser.

        Raises
        ------
        ImageError
            If no pixel is finite.
        """
        return None if self.denoiser is None else denoiser_normalisation(windows)

    def normalisation_of(self, windows: Sequence[NDArray[np.generic]]) -> ModelNormalisation:
        """Estimate how the intensities of a plane become what the network sees.

        Parameters
        ----------
        windows : sequence of ndarray, shape (Y, X)
            Raw intensities of the plane, or of parts that stand for it (`sample_windows`).

        Returns
        -------
        ModelNormalisation
            What `normalise` would use for the plane, if it is the only window.

        Raises
        ------
        ImageError
            If no pixel is finite.
        """
        denoising = self.denoising_of(windows)
        if self.denoiser is not None:
            windows = [self.denoiser(window, normalisation=denoising) for window in windows]
        found = estimate_normalisation(windows, self.metadata.normalisation)
        return ModelNormalisation(found.kind, found.pedestal, found.unit, denoising)

    def denoise_window(
        self, plane: PlaneReader, region: Region, denoising: Normalisation | None
    ) -> NDArray[np.generic]:
        """Read a part of a plane and denoise it, if the model does that, like the whole plane.

        Parameters
        ----------
        plane : PlaneReader
            Raw intensities. What is read reaches beyond the region.
        region : tuple of two slices
            Rows and columns, with start and stop.
        denoising : Normalisation or None
            See `denoising_of`.

        Returns
        -------
        ndarray
            Of the region's shape, in the units of the image.

        Raises
        ------
        ParameterError
            If the model denoises and is not told how intensities enter the denoiser.
        """
        if self.denoiser is None:
            return plane.read_region(region)
        if denoising is None:
            raise ParameterError(
                "this model denoises images: estimate the normalisation with its "
                "normalisation_of(windows), which says how they enter the denoiser"
            )
        stride = self.denoiser.architecture.stride
        around = grown(region, self.denoiser.halo + stride, plane.shape, stride)
        return self.denoiser(
            plane.read_region(around), normalisation=denoising, core=within(region, around)
        )

    def normalise_window(
        self, plane: PlaneReader, region: Region, normalisation: Normalisation
    ) -> NDArray[np.float32]:
        """Read a part of a plane as the network sees it, just as `normalise` has it.

        Parameters
        ----------
        plane : PlaneReader
            Raw intensities.
        region : tuple of two slices
            Rows and columns, with start and stop.
        normalisation : Normalisation
            Of the plane. If the model denoises, a `ModelNormalisation` of `normalisation_of`.

        Returns
        -------
        ndarray of float32
            Of the region's shape; NaN where unknown.

        Raises
        ------
        ParameterError
            If the model denoises and the normalisation is not one of `normalisation_of`.
        """
        denoising = getattr(normalisation, "denoising", None)
        return normalisation.apply(self.denoise_window(plane, region, denoising))


def _without_denoiser(
    weights: Mapping[str, NDArray[Any]],
) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
    """Take the weights in a file apart: those of the model, those of the denoiser."""
    denoising = {
        name.removeprefix(_DENOISER): value
        for name, value in weights.items()
        if name.startswith(_DENOISER)
    }
    own = {name: value for name, value in weights.items() if not name.startswith(_DENOISER)}
    return own, denoising


def _build_denoiser(
    architecture: UNetArchitecture | None,
    weights: Mapping[str, NDArray[Any]],
    device: str,
    dtype: torch.dtype | None,
    *,
    source: Path,
) -> Denoiser | None:
    if architecture is None:
        if weights:
            raise ModelFileError(
                f"{str(source)!r} holds the weights of a denoiser that its description lacks"
            )
        return None
    network = build_filled_unet(architecture, weights, source=source)
    return Denoiser(network, architecture, device=pick_device(device), dtype=dtype)
