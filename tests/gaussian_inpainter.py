"""An inpainter that needs no training: the Gaussian average of the known pixels around."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_inpaintaff.inpainting import Inpainter
from napari_inpaintaff.inpainting.metadata import ARCHITECTURES, InpainterMetadata
from napari_inpaintaff.separation.information_gain import smoothing_matrices

#: So little that the prior counts only where no known pixel is near.
_PRIOR_WEIGHT = 1e-12


class GaussianInpainter(Inpainter):
    """Predicts a Laplace distribution around ``K * (X known) / (K * known)``.

    Its normalisation is the identity unless ``estimate`` is set, so that a part of an
    image looks like the whole.
    """

    def __init__(
        self, *, sigma: float = 3.0, scale: float = 0.3, prior: float = 0.0, estimate: bool = False
    ) -> None:
        self.metadata = InpainterMetadata("gaussian", ARCHITECTURES["small"])
        self.device = torch.device("cpu")
        self.dtype = torch.float32
        self.denoiser = None
        self.calls: list[tuple[int, ...]] = []
        self._sigma = sigma
        self._scale = scale
        self._prior = prior
        self._estimate = estimate

    def normalise(self, image: NDArray[np.generic]) -> NDArray[np.float32]:
        return super().normalise(image) if self._estimate else image.astype(np.float32)

    def errors(self, values: Tensor, known: Tensor) -> Tensor:
        self.calls.append(tuple(values.shape))
        (kernel,) = smoothing_matrices(values.shape[-1], (self._sigma,))
        seen = known.float()
        mass = kernel @ (values * seen) @ kernel + _PRIOR_WEIGHT * self._prior
        mean = mass / (kernel @ seen @ kernel + _PRIOR_WEIGHT)
        return (values - mean).abs() / self._scale + math.log(2 * self._scale)
