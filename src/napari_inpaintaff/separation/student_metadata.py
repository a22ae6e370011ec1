"""What is known about a student besides its weights; importing this does not import torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from napari_inpaintaff.datatypes import PUBLISHED_OFFSETS, Offset
from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.inpainting.model_metadata import ModelMetadata

STUDENT_KIND = "student"

#: Kinds of U-Nets that predict affinities.
_UNETS = ("plain", "pix2pix")


@dataclass(frozen=True)
class StudentMetadata(ModelMetadata):
    """Description of a student, stored in its model file.

    Attributes
    ----------
    name : str
        Short name, as `Student.load` takes it.
    architecture : UNetArchitecture
        A plain U-Net, or that of pix2pix, with one output for every offset.
    normalisation : {"fluorescence", "linear"}
        Rule by which images become network input: the teacher's.
    diameter : float
        Typical diameter of the cells at its scale, in pixels: the teacher's.
    training : dict
        Teacher, images, patches, steps, agreement, seed and minutes, as far as known.
    denoiser : UNetArchitecture or None
        Of the network that denoises raw images before they are normalised: the teacher's.
    offsets : tuple of (int, int)
        Pairs of pixels whose affinity it predicts, as (y, x), the two local ones first.
    alpha : float
        Weight of the repulsive edges in the mutex watershed that suits its affinities.
    """

    kind: ClassVar[str] = STUDENT_KIND

    offsets: tuple[Offset, ...] = PUBLISHED_OFFSETS
    alpha: float = 1.5

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.offsets or any(offset == (0, 0) for offset in self.offsets):
            raise ParameterError("offsets must be pairs (y, x) other than (0, 0)")
        if self.architecture.kind not in _UNETS:
            raise ParameterError(
                f"a student is a U-Net of kind {' or '.join(_UNETS)}, "
                f"got {self.architecture.kind!r}"
            )
        if self.architecture.outputs != len(self.offsets):
            raise ParameterError(
                f"a student of {len(self.offsets)} offsets has as many outputs, "
                f"got {self.architecture.outputs}"
            )
        if not (math.isfinite(self.alpha) and self.alpha > 0):
            raise ParameterError(f"alpha must be a number above 0, got {self.alpha}")

    @classmethod
    def _parsed(cls, values: dict[str, Any]) -> dict[str, Any]:
        offsets = tuple((int(y), int(x)) for y, x in values["offsets"])
        return {**super()._parsed(values), "offsets": offsets, "alpha": float(values["alpha"])}
