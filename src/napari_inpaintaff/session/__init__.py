"""Work that can be gone on with another day: session files, and autosave."""

from napari_inpaintaff.session.autosave import (
    AutosaveRun,
    Unsaved,
    autosave_folder,
    autosave_run,
    discard,
    find_unsaved,
)
from napari_inpaintaff.session.document import (
    Evidence,
    ImageRecord,
    Json,
    LabelsRecord,
    Placement,
    PlaneCorrections,
    RegionRecord,
    Session,
)
from napari_inpaintaff.session.files import SESSION_SUFFIX, read_session, write_session

__all__ = [
    "SESSION_SUFFIX",
    "AutosaveRun",
    "Evidence",
    "ImageRecord",
    "Json",
    "LabelsRecord",
    "Placement",
    "PlaneCorrections",
    "RegionRecord",
    "Session",
    "Unsaved",
    "autosave_folder",
    "autosave_run",
    "discard",
    "find_unsaved",
    "read_session",
    "write_session",
]
