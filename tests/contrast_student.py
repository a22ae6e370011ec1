"""A student that needs no training: pixels of unlike brightness do not belong together."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from napari_inpaintaff.datatypes import PUBLISHED_OFFSETS
from napari_inpaintaff.networks import UNetArchitecture
from napari_inpaintaff.separation import Student, StudentMetadata
from napari_inpaintaff.separation.affinities import pair_slices

ARCHITECTURE = UNetArchitecture("plain", (4, 4), outputs=len(PUBLISHED_OFFSETS))


class ContrastStudent(Student):
    """Knows for sure what belongs together, and is less sure of what does not.

    Across the border of two areas, its local affinities are ``local`` and the others
    ``distant``. Its normalisation is the identity.
    """

    def __init__(
        self,
        *,
        alpha: float = 1.5,
        diameter: float = 25.0,
        local: float = 0.0,
        distant: float = 0.0,
    ) -> None:
        self.metadata = StudentMetadata("contrast", ARCHITECTURE, alpha=alpha, diameter=diameter)
        self.device = torch.device("cpu")
        self.dtype = torch.float32
        self.denoiser = None
        self.passes: list[tuple[int, ...]] = []
        self._cut = (local, distant)

    def normalise(self, image: NDArray[np.generic]) -> NDArray[np.float32]:
        return image.astype(np.float32)

    def predict(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        self.passes.append(values.shape)
        result = np.zeros((len(self.metadata.offsets), *values.shape), np.float32)
        for k, offset in enumerate(self.metadata.offsets):
            here, there = pair_slices((values.shape[0], values.shape[1]), offset)
            same = np.abs(values[here] - values[there]) < 0.5
            result[k][here] = np.where(same, 1.0, self._cut[int(max(map(abs, offset)) > 1)])
        return result
