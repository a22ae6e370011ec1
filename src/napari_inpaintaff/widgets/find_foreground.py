"""The dock widget "Foreground"."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari.layers import Image, Labels
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_inpaintaff.errors import InpaintAffError, ParameterError
from napari_inpaintaff.foreground import FGNetUpdate
from napari_inpaintaff.widgets.fields import widget_group
from napari_inpaintaff.widgets.finding_section import FindingSection
from napari_inpaintaff.widgets.foreground_controller import ForegroundController
from napari_inpaintaff.widgets.foreground_controls import ForegroundControls, ForegroundStage
from napari_inpaintaff.widgets.foreground_engine import CoreForegroundEngine, ForegroundEngine
from napari_inpaintaff.widgets.foreground_form import ForegroundForm
from napari_inpaintaff.widgets.foreground_settings import ForegroundRequest, PaintedLabels
from napari_inpaintaff.widgets.foreground_words import BUSY, NO_IMAGE, NO_MASK
from napari_inpaintaff.widgets.kept_work import KeptStrokes
from napari_inpaintaff.widgets.layer_choice import image_refusal
from napari_inpaintaff.widgets.loss_plot import LossPlot
from napari_inpaintaff.widgets.model_choice import MODEL_FILTER
from napari_inpaintaff.widgets.model_names import model_path
from napari_inpaintaff.widgets.next_steps import NextSteps
from napari_inpaintaff.widgets.notices import notify_failure
from napari_inpaintaff.widgets.paint_layers import (
    CELL_LABEL,
    brush_size,
    is_paint_layer,
    make_paint_layer,
    paint_layer_of,
)
from napari_inpaintaff.widgets.planes import current_plane, is_colour, pixels_of
from napari_inpaintaff.widgets.preferences import follow_preferences
from napari_inpaintaff.widgets.regions import RegionChoice
from napari_inpaintaff.widgets.restore_offer import RestoreOffer
from napari_inpaintaff.widgets.scrolling import scroll_all
from napari_inpaintaff.widgets.tabs import tab_with_others
from napari_inpaintaff.widgets.theme_colours import theme_colours
from napari_inpaintaff.widgets.threshold_field import ThresholdField
from napari_inpaintaff.widgets.timers import WARM_UP_DELAY_MS, single_shot

#: What may come next, and what it is for.
_NEXT = {"Separate cells": "Separate the cells within the foreground that was found here."}


class FindForeground(QWidget):
    """Find the foreground without labels, or learn it from a few painted cells.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Filled in by napari.
    engine : ForegroundEngine, optional
        The calls into the core.
    """

    def __init__(self, napari_viewer: Any, *, engine: ForegroundEngine | None = None) -> None:
        super().__init__()
        self._viewer = napari_viewer
        follow_preferences()
        engine = engine or CoreForegroundEngine()
        colours = theme_colours(napari_viewer.theme)
        self.controller = ForegroundController(napari_viewer, engine)
        self.form = ForegroundForm(
            napari_viewer, engine.starts, read_card=engine.read_card, on_error=notify_failure
        )
        self.controls = ForegroundControls()
        self.finding = FindingSection(napari_viewer, on_error=notify_failure)
        self.plot = LossPlot(colours)
        self.threshold = ThresholdField()
        self.offer = RestoreOffer()
        self.kept = KeptStrokes(napari_viewer, self.offer, self.form.labels.choose)
        #: The name under which something was learned from the chosen image.
        self._learned_name = ""
        self._lay_out()
        self._connect()
        single_shot(self, WARM_UP_DELAY_MS, self.controller.warm_up).start()
        active = napari_viewer.layers.selection.active
        if active is not None:
            self.form.image.choose(active)
        self._on_image_chosen()

    def train(self) -> None:
        """Do what the Train button does; errors become notifications."""
        try:
            source, request = self._request()
            self.controller.train(source, request, anew=not self.controls.goes_on)
        except InpaintAffError as error:
            self.controls.show_text(notify_failure(error))

    def apply(self) -> None:
        """Do what the button "Apply to this plane" does."""
        try:
            source = self._source()
            self.controller.apply(source, current_plane(source, self._viewer.dims.point))
        except InpaintAffError as error:
            self.controls.show_text(notify_failure(error))

    def find(self) -> None:
        """Do what the Find button does; errors become notifications."""
        try:
            source, point = self._source(), self._viewer.dims.point
            request = self.finding.request(source, point, self.form.settings())
            self.controller.find(source, request)
        except InpaintAffError as error:
            self.controls.show_text(notify_failure(error))

    def paint(self, label: int = CELL_LABEL) -> Labels | None:
        """Let the user paint with a label; the layer is made if there is none.

        Parameters
        ----------
        label : int
            2 for cells, 1 for background, 0 for the eraser.

        Returns
        -------
        Labels or None
            The layer to paint in; None if there can be none, which the user was told.
        """
        try:
            layer = self._layer_to_paint()
        except InpaintAffError as error:
            self.controls.show_text(notify_failure(error))
            return None
        self._viewer.layers.selection.active = layer
        layer.visible = True
        if label:
            layer.selected_label = label
        layer.mode = "paint" if label else "erase"
        return layer

    def _layer_to_paint(self) -> Labels:
        source = self._source()
        if image_refusal(source):
            raise ParameterError(image_refusal(source))
        chosen = self.form.labels.layer
        if isinstance(chosen, Labels) and not is_paint_layer(chosen):
            return chosen
        return self._own_layer(source)

    def _own_layer(self, source: Image) -> Labels:
        layer = paint_layer_of(source, self._viewer)
        if layer is None:
            layer = make_paint_layer(self._viewer, source, self.form.diameter.value())
        self.form.labels.choose(layer)
        return layer

    def _new_paint(self) -> None:
        """Go to the layer of this plugin, whatever labels are chosen."""
        self.form.labels.choose("")
        self.paint()

    def _request(self) -> tuple[Image, ForegroundRequest]:
        source = self._source()
        layer = self.form.labels.layer
        if layer is None:
            raise ParameterError(self.form.problem)
        plane = current_plane(source, self._viewer.dims.point)
        region = self.form.region
        whole = region.choice is RegionChoice.WHOLE
        labels = PaintedLabels(
            pixels_of(layer),
            plane.index,
            layer.name,
            ours=is_paint_layer(layer),
            meaning=self.form.chosen_meaning(),
            box=None if whole else region.region(source, plane.shape),
        )
        return source, ForegroundRequest(self.form.settings(), plane, labels)

    def _source(self) -> Image:
        source = self.form.image.layer
        if source is None:
            raise ParameterError(NO_IMAGE)
        return source

    def _draw_region(self) -> None:
        try:
            self.form.region.start_drawing(self._source())
        except InpaintAffError as error:
            self.controls.show_text(notify_failure(error))
            return
        self.controls.show_text("Drag over the image to draw the region. Labels in it count.")

    def _save_elsewhere(self) -> None:
        proposed = model_path(self.form.name.name)
        name, _ = QFileDialog.getSaveFileName(
            self, "Save the foreground", str(proposed), MODEL_FILTER
        )
        if name:
            self.controller.save(Path(name).with_suffix(".safetensors"))

    def _lay_out(self) -> None:
        result = widget_group("Result", self.threshold)
        tab_with_others(self)
        self.next = NextSteps(self._viewer, _NEXT)
        self._scroll = scroll_all(
            self,
            self.offer,
            self.form,
            self.controls,
            self.finding,
            result,
            self.plot,
            self.next,
        )

    def _connect(self) -> None:
        form, controls, controller = self.form, self.controls, self.controller
        plot, viewer, tools = self.plot, self._viewer, self.form.tools
        threshold, kept, finding = self.threshold, self.kept, self.finding

        def follow_theme(event: object = None) -> None:
            plot.set_colours(theme_colours(viewer.theme))

        def follow_plane(event: object = None) -> None:
            threshold.set_refusal(controller.refusal(form.image.layer))

        form.changed.connect(self._show_problem)
        form.changed.connect(self._keep_strokes)
        form.image.chosen.connect(self._on_image_chosen)
        form.diameter.valueChanged.connect(self._fit_brush)
        form.region.draw_button.clicked.connect(self._draw_region)
        tools.new_pressed.connect(self._new_paint)
        tools.brush_chosen.connect(self.paint)
        finding.pressed.connect(self.find)
        controls.train_pressed.connect(self.train)
        controls.finish_pressed.connect(controller.finish)
        controls.cancel_pressed.connect(controller.cancel)
        controls.save_pressed.connect(self._save_elsewhere)
        controls.anew.toggled.connect(self._show_fields)
        controller.stage_changed.connect(self._on_stage_changed)
        controller.step_changed.connect(controls.show_step)
        controller.updated.connect(self._on_updated)
        controller.ended.connect(self._on_ended)
        self.threshold.level_changed.connect(self._on_level_changed)
        self.threshold.apply_pressed.connect(self.apply)
        viewer.events.theme.connect(follow_theme)
        viewer.dims.events.point.connect(follow_plane)

        # As in "Separate cells": nothing here holds this widget.
        def dispose() -> None:
            kept.dispose()
            viewer.events.theme.disconnect(follow_theme)
            viewer.dims.events.point.disconnect(follow_plane)
            controller.dispose()
            form.dispose()
            finding.dispose()

        self.destroyed.connect(dispose)

    def _on_image_chosen(self) -> None:
        source = self.form.image.layer
        layer = None if source is None else paint_layer_of(source, self._viewer)
        if layer is not None:
            self.form.labels.choose(layer)
        self._keep_strokes()
        self._show_learned()

    def _keep_strokes(self) -> None:
        layer = self.form.labels.layer
        painted = layer if layer is not None and is_paint_layer(layer) else None
        source = self.form.image.layer
        self.kept.follow(None if source is None or is_colour(source) else source, painted)

    def _show_learned(self) -> None:
        """Show what was learned from the chosen image, and under which name."""
        source, name = self.form.image.layer, self.form.name
        trained = self.controller.trained(source)
        if trained is not None:
            name.edit.setText(trained.name)
        elif source is not None:
            if name.name and name.name == self._learned_name:
                # This is another image's.
                name.edit.clear()
            name.propose(source.name)
        self._learned_name = "" if trained is None else trained.name
        name.let_replace(self._learned_name)
        self.controls.set_has_learned(trained is not None)
        self.threshold.set_slider_refusal("" if self.controller.has_mask(source) else NO_MASK)
        self.threshold.set_many_planes(source is not None and source.ndim > 2)
        self._show_fields()
        self._show_problem()

    def _show_fields(self) -> None:
        self.form.set_stage(
            running=self.controls.stage is not ForegroundStage.IDLE,
            continuing=self.controls.goes_on,
        )

    def _fit_brush(self) -> None:
        source = self.form.image.layer
        layer = None if source is None else paint_layer_of(source, self._viewer)
        if layer is not None:
            layer.brush_size = brush_size(self.form.diameter.value())

    def _show_problem(self) -> None:
        self.controls.set_problem(self.form.problem)
        source = self.form.image.layer
        self.threshold.set_refusal(self.controller.refusal(source))
        busy = self.controller.is_running or self.controller.is_applying
        self.finding.set_refusal(NO_IMAGE if source is None else BUSY if busy else "")

    def _on_level_changed(self) -> None:
        self.controller.set_level(self.threshold.level)

    def _on_stage_changed(self, stage: ForegroundStage, text: str) -> None:
        if stage is ForegroundStage.STARTING:
            self.plot.clear()
            self.controls.show_unsaved(False)
            self.form.name.keep()
            self._scroll.ensureWidgetVisible(self.plot)
        self.controls.show_stage(stage, text)
        self._show_fields()
        self._show_problem()

    def _on_updated(self, update: FGNetUpdate) -> None:
        self.controls.show_update(update)
        self.plot.add(update.step, update.loss, update.progress)

    def _on_ended(self, text: str) -> None:
        self.plot.show_now()
        self.controls.show_idle(text)
        self.controls.show_unsaved(self.controller.unsaved is not None)
        self._show_learned()
