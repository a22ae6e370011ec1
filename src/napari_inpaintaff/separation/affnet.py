"""The AffNet: a network that has learned from labels which pixels belong together."""

from __future__ import annotations

from napari_inpaintaff.separation.affnet_metadata import AffNetMetadata
from napari_inpaintaff.separation.student import Student


class AffNet(Student):
    """A student whose teacher is labels; see `train_affnet`.

    It is used like any other student.
    """

    metadata_type = AffNetMetadata
