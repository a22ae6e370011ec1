"""The inpainter: a network that predicts hidden pixels from known ones."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from napari_inpaintaff.datatypes import Prediction
from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.inpainting.losses import pixel_error, split_head
from napari_inpaintaff.inpainting.metadata import InpainterMetadata
from napari_inpaintaff.inpainting.trained_model import TrainedModel


class Inpainter(TrainedModel[InpainterMetadata]):
    """A trained inpainting network on a device; see `TrainedModel` for loading and saving."""

    metadata_type = InpainterMetadata

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
        if self.metadata.architecture.outputs > 1:
            return error
        return error / float(self.metadata.training.get("near_hole_l1") or 1.0)

    @torch.inference_mode()
    def _forward(self, values: Tensor, known: Tensor) -> Tensor:
        stride = self.metadata.architecture.stride
        height, width = values.shape[-2:]
        fill = (0, -width % stride, 0, -height % stride)
        seen = functional.pad(known.to(self.dtype), fill)
        image = functional.pad(values.to(self.dtype), fill)
        output: Tensor = self._network(image[:, None], seen[:, None])
        return output[..., :height, :width]
