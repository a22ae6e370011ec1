"""The dock widget "Whole data"."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Image, Layer
from qtpy.QtWidgets import QWidget

from napari_inpaintaff.errors import InpaintAffError, ParameterError
from napari_inpaintaff.pipeline.folders import label_targets
from napari_inpaintaff.pipeline.planewise import PlaneIndex
from napari_inpaintaff.widgets.core_engine import CoreEngine
from napari_inpaintaff.widgets.docks import open_dock
from napari_inpaintaff.widgets.engine import Engine
from napari_inpaintaff.widgets.fields import widget_group
from napari_inpaintaff.widgets.next_steps import NextSteps
from napari_inpaintaff.widgets.notices import notify_failure
from napari_inpaintaff.widgets.planes import Plane, mask_plane, pixels_of
from napari_inpaintaff.widgets.preferences import follow_preferences
from napari_inpaintaff.widgets.scrolling import scroll_all
from napari_inpaintaff.widgets.tabs import tab_with_others
from napari_inpaintaff.widgets.tuned_settings import TunedSettings, tuned_settings
from napari_inpaintaff.widgets.whole_controller import WholeController
from napari_inpaintaff.widgets.whole_controls import WholeControls
from napari_inpaintaff.widgets.whole_file import file_run
from napari_inpaintaff.widgets.whole_form import NO_SETTINGS, SettingsSummary, WholeForm
from napari_inpaintaff.widgets.whole_steps import PlaneSettings

READY = (
    "Labels count from 1 in every plane. Export can give cells that overlap from plane to plane "
    "the same number."
)
NO_NETWORK = 'There is no network: choose one in "Separate cells".'

#: What may come next, and what it is for.
_NEXT = {
    "Correct labels": "Merge, split, delete: mend what is wrong.",
    "Export": "Count and measure the cells, and save them for other programs.",
}


class WholeData(QWidget):
    """Apply the settings of "Separate cells" to all planes of a layer, or to a folder.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Filled in by napari.
    engine : Engine, optional
        The calls into the core.
    """

    def __init__(self, napari_viewer: Any, *, engine: Engine | None = None) -> None:
        super().__init__()
        self._viewer = napari_viewer
        follow_preferences()
        self.controller = WholeController(napari_viewer, engine or CoreEngine())
        self.summary = SettingsSummary()
        self.form = WholeForm(napari_viewer)
        self.controls = WholeControls()
        self._lay_out()
        self._connect()
        active = napari_viewer.layers.selection.active
        if active is not None:
            self.form.image.choose(active)
        self._on_settings_changed()
        self.controls.show_idle(READY)

    def apply(self) -> None:
        """Do what the Apply button does; errors become notifications."""
        try:
            if self.form.is_folder:
                self._apply_to_folder()
            else:
                self._apply_to_layer()
        except InpaintAffError as error:
            self.controls.show_text(notify_failure(error))

    def cancel(self) -> None:
        """Do what the Cancel button does."""
        if self.controller.is_running:
            self.controls.show_cancelling()
            self.controller.cancel()

    def _apply_to_layer(self) -> None:
        source = self.form.image.layer
        if source is None:
            raise ParameterError(self.form.problem)
        settings = self._settings()
        if self.form.writes_file:
            self._apply_in_file(source, settings)
            return
        indices = self.form.ranges.indices
        foreground = settings.foreground
        if isinstance(foreground, Layer):
            foreground = mask_of_every_plane(foreground, source, indices)
        self.controller.run_layer(
            source,
            indices,
            self._plane_settings(settings, foreground),
            keep_labels=self.form.keep_labels.isChecked(),
        )

    def _apply_in_file(self, source: Image, settings: TunedSettings) -> None:
        target = self.form.target.path
        if target is None:
            raise ParameterError(self.form.problem)
        if settings.network is None:
            raise ParameterError(NO_NETWORK)
        run = file_run(source, Path(target), settings.network, settings.foreground, settings.labels)
        self.controller.run_file(source, run)

    def _apply_to_folder(self) -> None:
        images, labels = self.form.folders
        if images is None or labels is None:
            raise ParameterError(self.form.problem)
        settings = self._settings()
        if isinstance(settings.foreground, Layer):
            raise ParameterError(
                f"The foreground is the layer {settings.foreground.name}, which does not fit "
                'images of a folder: choose a method or a network in "Separate cells".'
            )
        if not labels.is_dir():
            raise ParameterError(f"There is no folder {labels}: make it, or choose another.")
        self.controller.run_folder(
            label_targets(images, labels),
            self._plane_settings(settings, settings.foreground),
            channel=self.form.chosen_channel,
            replace=not self.form.keep_files.isChecked(),
        )

    def _settings(self) -> TunedSettings:
        settings = tuned_settings.of(self._viewer)
        if settings is None:
            raise ParameterError(NO_SETTINGS)
        return settings

    @staticmethod
    def _plane_settings(
        settings: TunedSettings, foreground: str | Mapping[PlaneIndex, Plane]
    ) -> PlaneSettings:
        if settings.network is None:
            raise ParameterError(NO_NETWORK)
        return PlaneSettings(settings.network, foreground, settings.labels)

    def _open_settings(self) -> None:
        open_dock(self._viewer, "Separate cells")

    def _on_settings_changed(self) -> None:
        settings = tuned_settings.of(self._viewer)
        self.summary.text.setText(NO_SETTINGS if settings is None else settings.summary)
        self._on_fields_changed()

    def _on_fields_changed(self) -> None:
        settings = tuned_settings.of(self._viewer)
        if settings is None:
            problem = NO_SETTINGS
        else:
            problem = NO_NETWORK if settings.network is None else self.form.problem
        self.controls.set_problem(problem)

    def _lay_out(self) -> None:
        tab_with_others(self)
        self.next = NextSteps(self._viewer, _NEXT)
        scroll_all(
            self,
            widget_group("Settings, from Separate cells", self.summary),
            widget_group("What to label", self.form),
            self.controls,
            self.next,
        )

    def _connect(self) -> None:
        form, controls, controller = self.form, self.controls, self.controller
        tuned_settings.changed.connect(self._on_settings_changed)
        self.summary.open_button.clicked.connect(self._open_settings)
        form.changed.connect(self._on_fields_changed)
        controls.apply_pressed.connect(self.apply)
        controls.pause_pressed.connect(controller.pause)
        controls.cancel_pressed.connect(self.cancel)
        controller.started.connect(controls.show_running)
        controller.step_changed.connect(controls.show_step)
        controller.progressed.connect(controls.show_progress)
        controller.ended.connect(controls.show_idle)

        # As in "Separate cells": nothing here holds this widget.
        def dispose() -> None:
            controller.dispose()
            form.dispose()

        self.destroyed.connect(dispose)


def mask_of_every_plane(
    mask: Layer, image: Image, indices: list[PlaneIndex]
) -> dict[PlaneIndex, Plane]:
    """Find the planes of a mask that belong to planes of an image.

    Parameters
    ----------
    mask : Layer
        Of the same shape as the image.
    image : Image
        Of any number of axes.
    indices : list of tuple of int
        Positions of the image's planes along its leading axes.

    Raises
    ------
    ParameterError
        When the shapes differ: a mask of one plane says nothing about the others.
    """
    shape, needed = tuple(pixels_of(mask).shape), tuple(pixels_of(image).shape)
    if shape != needed:
        planes, wanted = int(np.prod(shape[:-2])), int(np.prod(needed[:-2]))
        what = (
            f"has {planes} plane{'' if planes == 1 else 's'} and {image.name} has {wanted}"
            if planes != wanted
            else f"has the shape {shape} and {image.name} {needed}"
        )
        raise ParameterError(
            f"The foreground {mask.name} {what}: choose a method or a network in "
            '"Separate cells", or a mask of every plane.'
        )
    return {index: mask_plane(mask, index) for index in indices}
