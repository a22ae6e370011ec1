"""Trained models as the beginning of networks that learn affinities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.datatypes import Offset
from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.inpainting.inpainter import Inpainter
from napari_inpaintaff.networks.architecture import UNetArchitecture
from napari_inpaintaff.separation.student import Student
from napari_inpaintaff.separation.student_metadata import StudentMetadata

Start = Inpainter | Student


def starting_weights(
    model: Start, architecture: UNetArchitecture, offsets: Sequence[Offset]
) -> dict[str, NDArray[np.float32]]:
    """Return the weights of a model that a network of another task can begin with.

    Parameters
    ----------
    model : Inpainter, Student or AffNet
        Trained.
    architecture : UNetArchitecture
        Of the network.
    offsets : sequence of (int, int)
        Of its outputs.

    Returns
    -------
    dict of str to ndarray of float32
        None if the architectures differ in more than their outputs; with the last
        convolution only if the model predicts the affinities of the same offsets.
    """
    own = model.metadata.architecture
    if replace(own, outputs=architecture.outputs) != architecture:
        return {}
    if isinstance(model, Student) and model.metadata.offsets == tuple(offsets):
        return dict(model.weights)
    return {name: value for name, value in model.weights.items() if not name.startswith("head.")}


def predicts_same(student: Student, metadata: StudentMetadata) -> bool:
    """Tell whether a student is all that another one begins with: it is fine-tuned."""
    own = student.metadata
    return (own.architecture, own.offsets) == (metadata.architecture, metadata.offsets)


def check_same_input(start: Student, inpainter: Inpainter) -> None:
    """Refuse a start that sees images otherwise than the inpainter that is to teach it.

    Raises
    ------
    ParameterError
        If the normalisations or diameters differ.
    """
    for name in ("normalisation", "diameter"):
        own, wanted = getattr(start.metadata, name), getattr(inpainter.metadata, name)
        if own != wanted:
            raise ParameterError(
                f"{start.metadata.name} has the {name} {own} and cannot be the start for the "
                f"inpainter {inpainter.metadata.name} with {wanted}: choose another of the two"
            )
