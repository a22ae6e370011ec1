"""The tables of foreground publications, measured on their data sets or on simulated scenes."""

from napari_inpaintaff.pipeline.picture_tables.measuring import (
    MeasuredSet,
    TableSettings,
    iterate_picture_tables,
)
from napari_inpaintaff.pipeline.picture_tables.picture_sets import (
    PicturePair,
    PictureSet,
    find_picture_sets,
)
from napari_inpaintaff.pipeline.picture_tables.report import write_picture_tables

__all__ = [
    "MeasuredSet",
    "PicturePair",
    "PictureSet",
    "TableSettings",
    "find_picture_sets",
    "iterate_picture_tables",
    "write_picture_tables",
]
