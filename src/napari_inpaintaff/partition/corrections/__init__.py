"""Corrections of a label image by hand: edits that can be undone, redone, saved and restored."""

from napari_inpaintaff.partition.corrections.edits import Edit, Window, difference_window
from napari_inpaintaff.partition.corrections.files import (
    SavedCorrections,
    pack_corrections,
    read_corrections,
    unpack_corrections,
    write_corrections,
)
from napari_inpaintaff.partition.corrections.history import Corrections, EditHistory
from napari_inpaintaff.partition.corrections.operations import delete, lock, merge, paint, unlock
from napari_inpaintaff.partition.corrections.relinking import relink
from napari_inpaintaff.partition.corrections.review import (
    review_order,
    segment_uncertainty,
    size_outliers,
)
from napari_inpaintaff.partition.corrections.splitting import split
from napari_inpaintaff.partition.corrections.state import CorrectionError, LabelState

__all__ = [
    "CorrectionError",
    "Corrections",
    "Edit",
    "EditHistory",
    "LabelState",
    "SavedCorrections",
    "Window",
    "delete",
    "difference_window",
    "lock",
    "merge",
    "pack_corrections",
    "paint",
    "read_corrections",
    "relink",
    "review_order",
    "segment_uncertainty",
    "size_outliers",
    "split",
    "unlock",
    "unpack_corrections",
    "write_corrections",
]
