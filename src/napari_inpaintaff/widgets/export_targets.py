"""What is written, under which name, and in which folder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from napari.layers import Layer
from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_inpaintaff.images import LABEL_FORMATS
from napari_inpaintaff.widgets.evidence import evidence_of
from napari_inpaintaff.widgets.export_steps import ROI_FORMAT, Part
from napari_inpaintaff.widgets.fields import field_rows

FORMATS = {form.title: name for name, form in LABEL_FORMATS.items() if name != ROI_FORMAT}

#: What is put behind the name, by part and, for labels, by format.
_ENDINGS = {
    "tiff": ".tif",
    "ctc": "_masks",
    "ome-zarr": ".zarr",
    Part.TABLE: ".csv",
    Part.ROIS: "_rois.zip",
    Part.AFFINITIES: "_affinities.npz",
}

NO_AFFINITIES = (
    'Only for labels that "Separate cells" has made, as long as it is open: '
    "the affinities of these are not known."
)


class ExportTargets(QWidget):
    """The lower fields of the dock widget "Export".

    Parameters
    ----------
    parent : QWidget, optional
        Qt parent.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._proposed = ""
        self._proposed_folder = str(Path.home())
        self._make_parts()
        self._make_place()
        self._lay_out()
        for edit in (self.name, self.folder):
            edit.textChanged.connect(self._on_changed)
        self.label_format.currentIndexChanged.connect(self._on_changed)
        for box in self.parts.values():
            box.toggled.connect(self._on_changed)
        self.set_labels(None)

    @property
    def chosen_format(self) -> str:
        """The format of the labels, a key of `images.LABEL_FORMATS`."""
        return FORMATS[self.label_format.currentText()]

    @property
    def paths(self) -> dict[Part, Path]:
        """What would be written, and where."""
        folder, name = Path(self.folder.text().strip()).expanduser(), self.name.text().strip()
        return {
            part: folder / f"{name}{self._ending(part)}"
            for part, box in self.parts.items()
            if box.isChecked() and box.isEnabled()
        }

    @property
    def problem(self) -> str:
        """Why nothing can be written; empty when it can."""
        name = self.name.text().strip()
        if not self.paths:
            return "Tick something to write."
        if not self.folder.text().strip():
            return "Choose a folder."
        if not name or re.search(r'[/\\:*?"<>|]', name) or name.startswith("."):
            return 'Give a name without the characters / \\ : * ? " < > |.'
        return ""

    def set_labels(self, layer: Layer | None) -> None:
        """Propose a name for the labels of a layer, and offer what is known of them."""
        if layer is not None and self.name.text() in ("", self._proposed):
            self._proposed = re.sub(r"[^\w.-]+", "_", layer.name).strip("_.") or "cells"
            self.name.setText(self._proposed)
        known = layer is not None and evidence_of(layer) is not None
        box = self.parts[Part.AFFINITIES]
        box.setEnabled(known)
        box.setToolTip(
            "What the cells were cut from: `inpaintaff partition` makes labels of it again."
            if known
            else NO_AFFINITIES
        )
        self._on_changed()

    def propose_folder(self, folders: Sequence[Path]) -> None:
        """Take the first folder that exists, unless the user chose one."""
        if self.folder.text() == self._proposed_folder:
            found = next((str(folder) for folder in folders if folder.is_dir()), None)
            self._proposed_folder = found or self._proposed_folder
            self.folder.setText(self._proposed_folder)

    def _ending(self, part: Part) -> str:
        return _ENDINGS[self.chosen_format if part is Part.LABELS else part]

    def _make_parts(self) -> None:
        self.parts = {
            Part.LABELS: QCheckBox("Label image"),
            Part.TABLE: QCheckBox("Measurements (CSV)"),
            Part.ROIS: QCheckBox("ImageJ ROIs"),
            Part.AFFINITIES: QCheckBox("Affinities"),
        }
        self.parts[Part.LABELS].setChecked(True)
        self.parts[Part.TABLE].setChecked(True)
        self.parts[Part.LABELS].setToolTip("Every cell has a number, the background is 0.")
        self.parts[Part.TABLE].setToolTip(
            "Size, shape, place and intensities of every cell; of stacks a row per plane."
        )
        self.parts[Part.ROIS].setToolTip("The outline of every cell, for ImageJ's ROI Manager.")
        self.label_format = QComboBox()
        self.label_format.addItems(list(FORMATS))
        self.label_format.setToolTip(
            "OME-TIFF and OME-Zarr keep axes and pixel size. The Cell Tracking Challenge wants\n"
            "a folder of mask000.tif, mask001.tif and so on, with labels up to 65535."
        )
        self.label_format.setMinimumContentsLength(14)
        self.label_format.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )

    def _make_place(self) -> None:
        self.folder = QLineEdit(self._proposed_folder)
        self.folder.setToolTip("Where the files go.")
        self.button = QPushButton("Choose…")
        self.button.setToolTip("Choose the folder.")
        self.button.clicked.connect(self._ask)
        self.name = QLineEdit()
        self.name.setToolTip("How the names of all files begin.")
        self.files = QLabel()
        self.files.setWordWrap(True)

    def _lay_out(self) -> None:
        place = QWidget()
        row = QHBoxLayout(place)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.folder, 1)
        row.addWidget(self.button)
        place.setToolTip(self.folder.toolTip())
        boxes = QGridLayout()
        for number, box in enumerate(self.parts.values()):
            boxes.addWidget(box, number // 2, number % 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(boxes)
        fields: dict[str, QWidget] = {
            "Label format": self.label_format,
            "Folder": place,
            "Name": self.name,
            "Files": self.files,
        }
        layout.addWidget(field_rows(fields))

    def _ask(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Folder for the files", self.folder.text())
        if name:
            self.folder.setText(name)

    def _on_changed(self) -> None:
        self.label_format.setEnabled(self.parts[Part.LABELS].isChecked())
        names = [path.name for path in self.paths.values()]
        self.files.setText(self.problem or ", ".join(names))
        self.changed.emit()
