"""The inpainter: a network that predicts hidden pixels from known ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from napari_inpaintaff.datatypes import Prediction
from napari_inpaintaff.errors import ImageError, ModelFileError
from napari_inpaintaff.images.normalise import estimate_normalisation
from napari_inpaintaff.inpainting.catalogue import find_inpainter
from napari_inpaintaff.inpainting.losses import pixel_error, split_head
from napari_inpaintaff.inpainting.metadata import MODEL_KIND, InpainterMetadata
from napari_inpaintaff.networks.devices import inference_dtype, pick_device, place
from napari_inpaintaff.networks.model_file import ModelFile, read_model_file, write_model_file
from napari_inpaintaff.networks.unet import build_unet


class Inpainter:
    """A trained inpainting network on a device.

    Parameters
    ----------
    network : Module
        Built for ``metadata.architecture``, with its weights. It now belongs to the
        inpainter, which moves and casts it.
    metadata : InpainterMetadata
        Description.
    device : str, optional
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    dtype : torch.dtype, optional
        Precision of the convolutions; by default the fastest that the device has.

    Raises
    ------
    DeviceError
        If the device is not available.
    """

    def __init__(
        self,
        network: nn.Module,
        metadata: InpainterMetadata,
        *,
        device: str = "auto",
        dtype: torch.dtype | None = None,
    ) -> None:
        self.metadata = metadata
        self.device = pick_device(device)
        self.dtype = inference_dtype(self.device) if dtype is None else dtype
        self._l1_unit = float(metadata.training.get("near_hole_l1") or 1.0)
        self._weights = {
            name: value.detach().cpu().float().numpy().copy()
            for name, value in network.state_dict().items()
            if value.is_floating_point()
        }
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
        network = build_unet(metadata.architecture)
        weights = {name: torch.from_numpy(value) for name, value in file.weights.items()}
        try:
            missing, unexpected = network.load_state_dict(weights, strict=False)
        except RuntimeError as error:
            raise ModelFileError(f"the weights in {str(path)!r} have the wrong shapes") from error
        missing = [name for name in missing if not name.endswith("num_batches_tracked")]
        if missing or unexpected:
            raise ModelFileError(f"the weights in {str(path)!r} do not fit its architecture")
        return cls(network, metadata, device=device, dtype=dtype)

    def save(self, path: str | Path) -> Path:
        """Write the inpainter to a model file, atomically; its name becomes the file's.

        Parameters
        ----------
        path : str or Path
            Where.

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
        return write_model_file(path, ModelFile(MODEL_KIND, metadata.to_json(), self._weights))

    def normalise(self, image: NDArray[np.generic]) -> NDArray[np.float32]:
        """Turn raw intensities into what the network sees.

        Parameters
        ----------
        image : ndarray, shape (Y, X)
            Raw intensities; NaN marks unknown pixels and stays NaN.

        Returns
        -------
        ndarray of float32, shape (Y, X)
            Normalised values.
        """
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
