"""Counting and measuring objects: filters, linked identities, tables."""

from napari_inpaintaff.measurement.filters import (
    ObjectFilter,
    clear_border,
    count_objects,
    fill_holes,
    filter_objects,
    keep_sizes,
)
from napari_inpaintaff.measurement.linking import MINIMUM_IOU, link_labels, link_planes
from napari_inpaintaff.measurement.objects import (
    Measurements,
    ReadPlane,
    iterate_measurement,
    measure_objects,
)
from napari_inpaintaff.measurement.preparation import (
    Count,
    Prepared,
    iterate_count,
    iterate_preparation,
    prepare,
)
from napari_inpaintaff.measurement.tables import (
    TABLE_SUFFIXES,
    summarise,
    write_measurements,
    write_summary,
)

__all__ = [
    "MINIMUM_IOU",
    "TABLE_SUFFIXES",
    "Count",
    "Measurements",
    "ObjectFilter",
    "Prepared",
    "ReadPlane",
    "clear_border",
    "count_objects",
    "fill_holes",
    "filter_objects",
    "iterate_count",
    "iterate_measurement",
    "iterate_preparation",
    "keep_sizes",
    "link_labels",
    "link_planes",
    "measure_objects",
    "prepare",
    "summarise",
    "write_measurements",
    "write_summary",
]
