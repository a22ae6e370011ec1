"""Units of work that leave files: done in order, several at a time, and never twice."""

from napari_inpaintaff.pipeline.tasks.execution import execute
from napari_inpaintaff.pipeline.tasks.pools import SERIAL, Pool
from napari_inpaintaff.pipeline.tasks.records import (
    fingerprint,
    make_folder,
    read_record,
    write_record,
)
from napari_inpaintaff.pipeline.tasks.task import Task

__all__ = [
    "SERIAL",
    "Pool",
    "Task",
    "execute",
    "fingerprint",
    "make_folder",
    "read_record",
    "write_record",
]
