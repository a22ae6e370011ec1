"""The fields of the dock widget "Whole data"."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari.layers import Layer
from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_inpaintaff.widgets.channel_field import ChannelField
from napari_inpaintaff.widgets.fields import field_rows
from napari_inpaintaff.widgets.file_choice import FolderChoice, SaveChoice
from napari_inpaintaff.widgets.layer_choice import LayerChoice, image_refusal, is_image
from napari_inpaintaff.widgets.plane_ranges import PlaneRanges
from napari_inpaintaff.widgets.planes import pixels_of

LAYER, FOLDER = "All planes of a layer", "All images of a folder"
IN_MEMORY, IN_FILE = "In memory", "In a file, tile by tile"
#: Planes with a longer side are labelled tile by tile: their affinities would fill the memory.
LARGE = 4096
NO_SETTINGS = 'Open "Separate cells" first: its settings are applied here.'


class SettingsSummary(QWidget):
    """The settings that are applied, and the way to change them.

    Parameters
    ----------
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = QLabel(NO_SETTINGS)
        self.text.setWordWrap(True)
        self.open_button = QPushButton("Change in Separate cells…")
        self.open_button.setToolTip(
            'Try settings on one plane, or a region of it, in "Separate cells".\n'
            "What is set there is taken over here at once."
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.text)
        layout.addWidget(self.open_button)


class WholeForm(QWidget):
    """What to label: the planes of a layer, or the images of a folder.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers to offer.
    parent : QWidget, optional
        Qt parent.
    """

    changed = Signal()

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.kind = QComboBox()
        self.kind.addItems([LAYER, FOLDER])
        self.kind.setToolTip("An image that is open in napari, or files that are not.")
        self._make_layer_fields(viewer)
        self._make_folder_fields()
        self._pages = (self._layer_page(), self._folder_page())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.kind)
        for page in self._pages:
            layout.addWidget(page)
        self._connect()
        self._on_kind_chosen()
        self._on_image_chosen()

    @property
    def is_folder(self) -> bool:
        """Whether the images of a folder are to be labelled."""
        return bool(self.kind.currentText() == FOLDER)

    @property
    def chosen_channel(self) -> int | str | None:
        """The channel of files with several, or those to combine; None when none was chosen."""
        return self.channel.value

    @property
    def folders(self) -> tuple[Path | None, Path | None]:
        """Folder of the images, and folder for the labels."""
        images, labels = self.images.path, self.labels.path
        return (Path(images) if images else None, Path(labels) if labels else None)

    @property
    def problem(self) -> str:
        """Why nothing can be labelled; empty when something can."""
        if not self.is_folder:
            return self._layer_problem()
        images, labels = self.folders
        if images is None:
            return "Choose the folder with the images first."
        return "" if labels is not None else "Choose a folder for the labels first."

    @property
    def writes_file(self) -> bool:
        """Whether the labels of the layer go to a file, tile by tile."""
        return bool(self.where.currentText() == IN_FILE)

    def _layer_problem(self) -> str:
        layer = self.image.layer
        if layer is None:
            return "Open an image and choose it first."
        if self.writes_file:
            return "" if self.target.path else "Choose the file for the labels first."
        if max(pixels_of(layer).shape[-2:]) > LARGE:
            return f"Planes of more than {LARGE} pixels do not fit in memory: choose a file."
        return ""

    def dispose(self) -> None:
        """Stop following the viewer."""
        self.image.dispose()

    def _make_layer_fields(self, viewer: Any) -> None:
        self.image = LayerChoice(
            viewer, accepts=is_image, refusal=image_refusal, placeholder="Open an image first"
        )
        self.image.setToolTip("A stack, a time-lapse or a single image, in memory or on disk.")
        self.ranges = PlaneRanges()
        self.keep_labels = QCheckBox("Skip planes that have labels")
        self.keep_labels.setChecked(True)
        self.keep_labels.setToolTip(
            "Otherwise planes that were done are done again, with the settings of now.\n"
            "Planes that you painted in, corrected or locked are never overwritten."
        )
        self.where = QComboBox()
        self.where.addItems([IN_MEMORY, IN_FILE])
        self.where.setToolTip(
            "In a file, images of any size can be labelled: no more than a tile is in memory,\n"
            "and a run that was ended goes on with the next Apply. All planes are labelled."
        )
        self.target = SaveChoice(title="Labels to write", file_filter="OME-Zarr (*.zarr)")
        self.target.setToolTip("A new folder for the labels as OME-Zarr. Its name ends in .zarr.")

    def _make_folder_fields(self) -> None:
        self.images = FolderChoice(title="Folder with images")
        self.images.setToolTip(
            "TIFF (stacks and time-lapses, too), PNG, JPEG, OME-Zarr and files of microscopes; "
            "folders in it are left out."
        )
        self.labels = FolderChoice(title="Folder for the labels")
        self.labels.setToolTip(
            "The labels of a.tif are written as a_cells.tif, with its axes, scale and units,\n"
            "when all planes of the file are done. The folder of the images will do, too."
        )
        self.channel = ChannelField()
        self.keep_files = QCheckBox("Skip images whose labels are there")
        self.keep_files.setChecked(True)
        self.keep_files.setToolTip("Otherwise files with labels are replaced.")

    def _layer_page(self) -> QWidget:
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(field_rows({"Image": self.image, "Labels": self.where}))
        self._memory_rows = field_rows({"Planes": self.ranges})
        self._file_rows = field_rows({"File": self.target})
        for part in (self._memory_rows, self._file_rows, self.keep_labels):
            layout.addWidget(part)
        return page

    def _folder_page(self) -> QWidget:
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(
            field_rows({"Images": self.images, "Labels": self.labels, "Channel": self.channel})
        )
        layout.addWidget(self.keep_files)
        return page

    def _connect(self) -> None:
        self.kind.currentIndexChanged.connect(self._on_kind_chosen)
        self.image.chosen.connect(self._on_image_chosen)
        self.where.currentIndexChanged.connect(self._on_place_chosen)
        self.ranges.changed.connect(self.changed)
        for choice in (self.images, self.labels, self.target):
            choice.edit.textChanged.connect(self.changed)

    def _on_kind_chosen(self) -> None:
        for page, shown in zip(self._pages, (not self.is_folder, self.is_folder), strict=True):
            page.setVisible(shown)
        self.changed.emit()

    def _on_place_chosen(self) -> None:
        for part in (self._memory_rows, self.keep_labels):
            part.setVisible(not self.writes_file)
        self._file_rows.setVisible(self.writes_file)
        self.changed.emit()

    def _on_image_chosen(self) -> None:
        layer = self.image.layer
        self.ranges.set_layer(layer)
        if layer is not None:
            self.target.set_path(str(labels_beside(layer)))
            large = max(pixels_of(layer).shape[-2:]) > LARGE
            self.where.setCurrentText(IN_FILE if large else IN_MEMORY)
        self._on_place_chosen()


def labels_beside(layer: Layer) -> Path:
    """Return where the labels of an image may be written: beside its file, or at home."""
    source = layer.source.path
    folder = Path(source).absolute().parent if source else Path.home()
    name = "".join(sign if sign.isalnum() or sign in "-_ " else "_" for sign in layer.name)
    return folder / f"{name.strip() or 'image'}_cells.zarr"
