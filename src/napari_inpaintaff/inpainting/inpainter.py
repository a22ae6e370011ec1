"""The inpainter: a network that predicts hidden pixels from known ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from napari_inpaintaff.datatypes import Prediction
from napari_inpaintaff.errors import ImageError, ModelFileError, ParameterError
from napari_inpaintaff.images.normalise import estimate_normalisation
from napari_inpaintaff.inpainting.catalogue import find_inpainter
from napari_inpaintaff.inpainting.denoising import Denoiser
from napari_inpaintaff.inpainting.losses import pixel_error, split_head
from napari_inpaintaff.inpainting.metadata import MODEL_KIND, InpainterMetadata
from napari_inpaintaff.networks.architecture import UNetArchitecture
from napari_inpaintaff.networks.devices import inference_dtype, pick_device, place
from napari_inpaintaff.networks.model_file import ModelFile, read_model_file, write_model_file
from napari_inpaintaff.networks.unet import build_unet
from napari_inpaintaff.networks.weights import fill_weights, weights_of

#: Before the names of the denoiser's weights in a model file.
_DENOISER = "denoiser."


class Inpainter:
    """A trained inpainting network on a device.

    Parameters
    ----------
    network : Module
        Built for ``metadata.architecture``, with its weights. It now belongs to the
        inpainter, which moves and casts it.
    metadata : InpainterMetadata
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

    def __init__(
        self,
        network: nn.Module,
        metadata: InpainterMetadata,
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
        self._l1_unit = float(metadata.training.get("near_hole_l1") or 1.0)
        self.weights = weights_of(network)
        self.denoiser = denoiser
        self._network = place(network.eval(), self.device, self.dtype)

    @classmethod
    def load(
        cls, model: str | Path, *, device: str = "auto", dtype: torch.dtype | None = None
    ) -> Inpainter:
        """Load an inpainter.

        Parameters
        ----------
        model : str or Path
            A name (see `available_inpainters`) or a model file.
        device : str, optional
            ``auto``, ``cpu``, ``cuda`` or ``mps``.
        dtype : torch.dtype, optional
            Precision; by default the fastest that the device has.

        Returns
        -------
        Inpainter
            Ready to predict.

        Raises
        ------
        ModelFileError
            If the file is missing, damaged, of another version or not an inpainter.
        DeviceError
            If the device is not available.
        """
        path = find_inpainter(model)
        file = read_model_file(path, MODEL_KIND)
        metadata = InpainterMetadata.from_json(file.metadata, source=path)
        own, denoising = _without_denoiser(file.weights)
        network = build_unet(metadata.architecture)
        fill_weights(network, own, source=path)
        denoiser = _build_denoiser(metadata.denoiser, denoising, device, dtype, source=path)
        return cls(network, metadata, denoiser=denoiser, device=device, dtype=dtype)

    def save(self, path: str | Path, *, dtype: type[np.float32 | np.float16] = np.float32) -> Path:
        """Write the inpainter to a model file, atomically; its name becomes the file's.

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
        stored = {name: _stored(value, dtype) for name, value in weights.items()}
        return write_model_file(path, ModelFile(MODEL_KIND, metadata.to_json(), stored))

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

    def predict(self, image: NDArray[np.float32], known: NDArray[np.bool_]) -> Prediction:
        """Predict the pixels of images from the known ones.

        Parameters
        ----------
        image : ndarray of float32, shape (..., Y, X)
            Normalised values (see `normalise`) of any size; only the known ones are read.
        known : ndarray of bool, shape (..., Y, X)
            What the network may see. NaN and infinite pixels are never seen.

        Returns
        -------
        Prediction
            Mean, and scale unless the inpainter was trained with L1, of every pixel.

        Raises
        ------
        ImageError
            If the shapes differ, have fewer than two axes, or there is no pixel.
        """
        if image.shape != known.shape or image.ndim < 2 or 0 in image.shape[-2:]:
            raise ImageError(
                f"image and known pixels must be planes of one shape, got {image.shape} "
                f"and {known.shape}"
            )
        seen = known & np.isfinite(image)
        values = np.where(seen, image, 0).astype(np.float32)
        planes = (-1, *image.shape[-2:])
        output = self._forward(
            torch.from_numpy(values.reshape(planes)).to(self.device),
            torch.from_numpy(seen.reshape(planes)).to(self.device),
        )
        mean, log_scale = split_head(output)
        scale = None if log_scale is None else log_scale.exp().cpu().numpy().reshape(image.shape)
        return Prediction(mean.cpu().numpy().reshape(image.shape), scale)

    def errors(self, values: Tensor, known: Tensor) -> Tensor:
        """Return the error of every pixel of a batch, predicted from the known ones.

        Parameters
        ----------
        values : Tensor of float32, shape (B, Y, X)
            Normalised, without NaN, on the inpainter's device.
        known : Tensor of bool, shape (B, Y, X)
            What the network may see.

        Returns
        -------
        Tensor of float32, shape (B, Y, X)
            Negative log-likelihood in nats (Wolf et al. 2020, equation 1). For an L1
            inpainter it is the absolute difference in units of the near-hole error that its
            metadata record: up to a constant the negative log-likelihood of a Laplace
            distribution of that one scale, so that thresholds in nats serve both.
        """
        error = pixel_error(self._forward(values, known), values)
        return error if self.metadata.architecture.outputs > 1 else error / self._l1_unit

    @torch.inference_mode()
    def _forward(self, values: Tensor, known: Tensor) -> Tensor:
        stride = self.metadata.architecture.stride
        height, width = values.shape[-2:]
        fill = (0, -width % stride, 0, -height % stride)
        seen = functional.pad(known.to(self.dtype), fill)
        image = functional.pad(values.to(self.dtype), fill)
        output: Tensor = self._network(image[:, None], seen[:, None])
        return output[..., :height, :width]


def _stored(value: NDArray[np.float32], dtype: type[np.float32 | np.float16]) -> NDArray[Any]:
    with np.errstate(over="ignore"):
        narrow = value.astype(dtype)
    return narrow if np.isfinite(narrow).all() else value


def _without_denoiser(
    weights: Mapping[str, NDArray[Any]],
) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
    """Take the weights in a file apart: those of the inpainter, those of the denoiser."""
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
    network = build_unet(architecture)
    fill_weights(network, weights, source=source)
    return Denoiser(network, architecture, device=pick_device(device), dtype=dtype)
