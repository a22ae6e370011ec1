"""Models for other people: BioImage.IO packages; nothing in a package is ever run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from napari_inpaintaff.sharing.exporting import ExportedPackage, export_package
    from napari_inpaintaff.sharing.importing import import_package

__all__ = ["ExportedPackage", "export_package", "import_package"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "exporting": ["ExportedPackage", "export_package"],
        "importing": ["import_package"],
    },
)
