"""One interface to many sources of the foreground."""

from napari_inpaintaff.foreground.methods import (
    FOREGROUND_METHODS,
    ForegroundMethod,
    foreground_probability,
    mask_from_labels,
    threshold,
)
from napari_inpaintaff.foreground.otsu import ConstantImageWarning, otsu_probability

__all__ = [
    "FOREGROUND_METHODS",
    "ConstantImageWarning",
    "ForegroundMethod",
    "foreground_probability",
    "mask_from_labels",
    "otsu_probability",
    "threshold",
]
