"""The student: a network that predicts affinities in one pass."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_inpaintaff.inpainting.trained_model import TrainedModel
from napari_inpaintaff.separation.student_metadata import StudentMetadata


class Student(TrainedModel[StudentMetadata]):
    """A network that predicts affinities; see `TrainedModel` for loading and saving.

    It has learned from the leaves that an inpainter's information gain found in patches
    (see `distill`), and sees an image once.
    """

    metadata_type = StudentMetadata

    @torch.inference_mode()
    def predict(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Predict the affinities of all pairs of pixels.

        Parameters
        ----------
        values : ndarray of float32, shape (Y, X)
            Normalised (see `normalise`), NaN where unknown, with sides that are multiples of
            the architecture's stride. The memory it takes grows with the image; see
            `iterate_student_affinities` for images of any size.

        Returns
        -------
        ndarray of float32, shape (K, Y, X)
            In [0, 1], for the K offsets of the metadata; of pairs that reach beyond the
            image, too, which mean nothing.
        """
        image = torch.from_numpy(values).to(self.device)[None, None]
        known = image.isfinite()
        seen = torch.where(known, image, 0).to(self.dtype)
        logits: Tensor = self._network(seen, known.to(self.dtype))
        affinities: NDArray[np.float32] = logits[0].float().sigmoid().cpu().numpy()
        return affinities
