"""The dock widget "Export"."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from napari.layers import Labels, Layer
from qtpy.QtWidgets import QMessageBox, QWidget

from napari_inpaintaff.errors import InpaintAffError, OutputError, ParameterError
from napari_inpaintaff.images import LABEL_FORMATS, check_writable
from napari_inpaintaff.measurement import ReadPlane
from napari_inpaintaff.widgets.cell_filter import CellFilter
from napari_inpaintaff.widgets.evidence import evidence_of
from napari_inpaintaff.widgets.export_controller import ExportController
from napari_inpaintaff.widgets.export_controls import ExportControls
from napari_inpaintaff.widgets.export_steps import ExportRequest, Part
from napari_inpaintaff.widgets.export_targets import ExportTargets
from napari_inpaintaff.widgets.fields import field_rows, widget_group
from napari_inpaintaff.widgets.image_ticks import ImageTicks
from napari_inpaintaff.widgets.label_source import LabelSource, layer_source
from napari_inpaintaff.widgets.layer_choice import LayerChoice
from napari_inpaintaff.widgets.measured_images import plane_reader
from napari_inpaintaff.widgets.notices import notify_failure
from napari_inpaintaff.widgets.own_layers import is_own_layer
from napari_inpaintaff.widgets.pixel_events import FollowedPixels
from napari_inpaintaff.widgets.preview import PREVIEW_NAME
from napari_inpaintaff.widgets.scrolling import scroll_all
from napari_inpaintaff.widgets.session_buttons import SessionButtons
from napari_inpaintaff.widgets.tabs import tab_with_others

NO_LABELS = "Make a Labels layer with cells first, and choose it."
FEATURES_TABLE = ("napari", "Features table widget")

MayReplace = Callable[[QWidget, Sequence[Path]], bool]


class ExportCells(QWidget):
    """Count, measure and write the cells of a Labels layer.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Filled in by napari.
    may_replace : callable, optional
        Asks the user whether existing files may be replaced.
    """

    def __init__(self, napari_viewer: Any, *, may_replace: MayReplace | None = None) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self._may_replace = may_replace or ask_to_replace
        self.controller = ExportController(napari_viewer)
        self.labels = LayerChoice(
            napari_viewer, accepts=is_labels, placeholder="Make or open labels first"
        )
        self.labels.setToolTip("The cells: a Labels layer. Stacks are exported as a whole.")
        self.images = ImageTicks(napari_viewer)
        self.filter = CellFilter()
        self.targets = ExportTargets()
        self.controls = ExportControls()
        self.sessions = SessionButtons(napari_viewer)
        self._pixels = FollowedPixels()
        self._lay_out()
        self._connect()
        active = napari_viewer.layers.selection.active
        if active is not None:
            self.labels.choose(active)
        self._on_labels_chosen()

    def export(self) -> None:
        """Do what the Export button does; errors become notifications."""
        try:
            request = self._request()
            self._check(request)
            existing = [path for path in request.targets.values() if path.exists()]
            if existing and not self._may_replace(self, existing):
                self.controls.show_text("Nothing was written: choose another name or folder.")
                return
            self.controller.export(request)
        except InpaintAffError as error:
            self.controls.show_text(notify_failure(error))

    def measure(self) -> None:
        """Do what the button "Show measurements" does; errors become notifications."""
        try:
            layer, source = self._source()
            channels = self._channels(layer, source)
            # The numbers must be those that the layer shows.
            cells = replace(self.filter.settings(), link=False)
            self.controller.measure(layer, source, cells, channels)
        except InpaintAffError as error:
            self.controls.show_text(notify_failure(error))

    def cancel(self) -> None:
        """Do what the Cancel button does."""
        if self.controller.is_running:
            self.controls.show_cancelling()
            self.controller.cancel()

    def _request(self) -> ExportRequest:
        layer, source = self._source()
        if self.targets.problem:
            raise ParameterError(self.targets.problem)
        targets = self.targets.paths
        return ExportRequest(
            source=source,
            cells=self.filter.settings(),
            channels=self._channels(layer, source) if Part.TABLE in targets else {},
            label_format=self.targets.chosen_format,
            targets=targets,
            evidence=evidence_of(layer) if Part.AFFINITIES in targets else None,
        )

    def _check(self, request: ExportRequest) -> None:
        """Raise what is wrong with the files before long work starts."""
        for part, path in request.targets.items():
            if not path.parent.is_dir():
                raise OutputError(f"There is no folder {path.parent}: choose another.")
            if part is Part.LABELS:
                LABEL_FORMATS[request.label_format].check(path)
            else:
                check_writable(path)

    def _source(self) -> tuple[Layer, LabelSource]:
        layer = self.labels.layer
        if layer is None:
            raise ParameterError(NO_LABELS)
        return layer, layer_source(layer)

    def _channels(self, labels: Layer, source: LabelSource) -> dict[str, ReadPlane]:
        channels: dict[str, ReadPlane] = {}
        for image in self.images.layers:
            name = image.name
            while name in channels:
                name = f"{name} again"
            channels[name] = plane_reader(image, labels, source.dropped)
        return channels

    def _on_labels_chosen(self) -> None:
        layer = self.labels.layer
        self._pixels.follow(layer)
        self.images.set_labels(layer)
        self.filter.set_labels(layer)
        self.targets.set_labels(layer)
        self.targets.propose_folder(self._folders(layer))
        self._on_fields_changed()

    def _folders(self, labels: Layer | None) -> list[Path]:
        """Return where the labels and the images come from, as far as that is files."""
        layers = [labels, *self.images.layers, *self._viewer.layers]
        paths = [layer.source.path for layer in layers if layer is not None]
        return [Path(path).parent for path in paths if path]

    def _on_fields_changed(self) -> None:
        measuring = "" if self.labels.layer is not None else NO_LABELS
        try:
            self.filter.settings()
        except InpaintAffError as error:
            measuring = measuring or str(error)
        self.controls.set_problems(measuring or self.targets.problem, measuring)
        self._count_soon()

    def _count_soon(self) -> None:
        try:
            source = None if self.labels.layer is None else layer_source(self.labels.layer)
            self.controller.count(source, self.filter.settings().wanted)
        except InpaintAffError as error:
            self.filter.count.setText(str(error))

    def _show_features(self, layer: Layer) -> None:
        """Bring napari's table of features to the front of this widget."""
        self._viewer.layers.selection.active = layer
        with suppress(KeyError, ValueError, AttributeError):
            dock, _ = self._viewer.window.add_plugin_dock_widget(*FEATURES_TABLE, tabify=True)
            dock.show()
            dock.raise_()

    def _lay_out(self) -> None:
        source = field_rows({"Cells": self.labels, "Measure in": self.images})
        tab_with_others(self)
        scroll_all(
            self,
            widget_group("What to export", source),
            widget_group("Which cells", self.filter),
            widget_group("Files", self.targets),
            self.controls,
            widget_group("Go on another day", self.sessions),
        )

    def _connect(self) -> None:
        controller, controls = self.controller, self.controls
        labels, images, pixels = self.labels, self.images, self._pixels
        pixels.changed.connect(self._count_soon)
        labels.chosen.connect(self._on_labels_chosen)
        self.filter.changed.connect(self._on_fields_changed)
        self.targets.changed.connect(self._on_fields_changed)
        controls.export_button.clicked.connect(self.export)
        controls.measure_button.clicked.connect(self.measure)
        controls.cancel_button.clicked.connect(self.cancel)
        controller.started.connect(controls.show_running)
        controller.step_changed.connect(controls.show_text)
        controller.share_changed.connect(controls.bar.show_share)
        controller.counted.connect(self.filter.count.setText)
        controller.ended.connect(controls.show_idle)
        controller.measured.connect(self._show_features)

        # As in "Separate cells": nothing here holds this widget.
        def dispose() -> None:
            pixels.follow(None)
            controller.dispose()
            labels.dispose()
            images.dispose()

        self.destroyed.connect(dispose)


def is_labels(layer: Layer) -> bool:
    """Whether a layer holds cells; the preview of splits does not."""
    return isinstance(layer, Labels) and not (is_own_layer(layer) and layer.name == PREVIEW_NAME)


def ask_to_replace(parent: QWidget, paths: Sequence[Path]) -> bool:
    """Ask whether files may be replaced."""
    names = "\n".join(path.name for path in paths)
    what = "This exists already" if len(paths) == 1 else "These exist already"
    answer = QMessageBox.question(
        parent,
        "Replace?",
        f"{what} in {paths[0].parent}:\n\n{names}\n\nReplace?",
        QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.No,
        QMessageBox.StandardButton.No,
    )
    return bool(answer == QMessageBox.StandardButton.Yes)
