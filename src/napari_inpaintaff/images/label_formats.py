"""The formats that label images can be exported to, by name."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

from napari_inpaintaff.errors import OutputError
from napari_inpaintaff.images.axes import ImageData
from napari_inpaintaff.images.challenge_masks import holds_masks, iterate_challenge_masks
from napari_inpaintaff.images.files import check_replaceable, check_writable
from napari_inpaintaff.images.imagej_rois import ROI_SUFFIXES, iterate_rois
from napari_inpaintaff.images.ome_zarr import is_zarr
from napari_inpaintaff.images.ome_zarr_writing import ZARR_SUFFIXES, iterate_ome_zarr_labels
from napari_inpaintaff.images.writing import TIFF_SUFFIXES, iterate_label_tiff
from napari_inpaintaff.jobs import Progress


@dataclass(frozen=True)
class LabelFormat:
    """One way to write a label image.

    Attributes
    ----------
    title : str
        For people.
    suffixes : tuple of str
        Endings that a name may have, the usual one first; empty where any name will do.
    write : callable
        Writes labels to a path: a generator that says how far it is and returns the path.
    replaces : callable or None
        For formats that are folders: whether an existing one may be replaced.
    """

    title: str
    suffixes: tuple[str, ...]
    write: Callable[[Path, ImageData], Generator[Progress, None, Path]]
    replaces: Callable[[Path], bool] | None = None

    def check(self, path: Path) -> None:
        """Raise OutputError if labels could not be written there, before long work starts."""
        if self.replaces is None:
            check_writable(path, suffixes=self.suffixes)
            return
        if self.suffixes and path.suffix.lower() not in self.suffixes:
            endings = " or ".join(self.suffixes)
            raise OutputError(f"{path} cannot be written: the name must end in {endings}")
        check_replaceable(path, replaces=self.replaces)


def _tiff(path: Path, labels: ImageData) -> Generator[Progress, None, Path]:
    yield Progress(0, 0, "Writing the label image…")
    return (
        yield from iterate_label_tiff(
            path, labels.data, axes=labels.axes, scale=labels.scale, units=labels.units
        )
    )


LABEL_FORMATS = {
    "tiff": LabelFormat("OME-TIFF", TIFF_SUFFIXES, _tiff),
    "ctc": LabelFormat(
        "TIFF per frame (Cell Tracking Challenge)", (), iterate_challenge_masks, holds_masks
    ),
    "ome-zarr": LabelFormat("OME-Zarr", ZARR_SUFFIXES, iterate_ome_zarr_labels, is_zarr),
    "imagej-rois": LabelFormat("ImageJ ROIs", ROI_SUFFIXES, iterate_rois),
}
