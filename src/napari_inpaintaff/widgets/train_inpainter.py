"""The dock widget "Train inpainter"."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QFileDialog, QWidget

from napari_inpaintaff.errors import InpaintAffError
from napari_inpaintaff.inpainting.updates import TrainingUpdate
from napari_inpaintaff.widgets.fields import widget_group
from napari_inpaintaff.widgets.model_choice import MODEL_FILTER
from napari_inpaintaff.widgets.model_names import model_path
from napari_inpaintaff.widgets.next_steps import NextSteps
from napari_inpaintaff.widgets.notices import notify_failure
from napari_inpaintaff.widgets.preferences import follow_preferences
from napari_inpaintaff.widgets.scrolling import scroll_all
from napari_inpaintaff.widgets.tabs import tab_with_others
from napari_inpaintaff.widgets.theme_colours import theme_colours
from napari_inpaintaff.widgets.timers import WARM_UP_DELAY_MS, single_shot
from napari_inpaintaff.widgets.training_controller import TrainingController
from napari_inpaintaff.widgets.training_controls import Stage, TrainingControls
from napari_inpaintaff.widgets.training_engine import CoreTrainingEngine, TrainingEngine
from napari_inpaintaff.widgets.training_files import InterruptedTraining
from napari_inpaintaff.widgets.training_form import TrainingForm
from napari_inpaintaff.widgets.training_plot import TrainingPlot
from napari_inpaintaff.widgets.training_settings import TrainingRequest
from napari_inpaintaff.widgets.training_sources import TrainingSources

#: What may come next, and what it is for.
_NEXT = {"Separate cells": "Use the network that was trained here; it is listed there."}


class TrainInpainter(QWidget):
    """Train an inpainter on images of the user, without labels.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Filled in by napari.
    engine : TrainingEngine, optional
        The calls into the core.
    """

    def __init__(self, napari_viewer: Any, *, engine: TrainingEngine | None = None) -> None:
        super().__init__()
        self._viewer = napari_viewer
        follow_preferences()
        engine = engine or CoreTrainingEngine()
        colours = theme_colours(napari_viewer.theme)
        self.controller = TrainingController(napari_viewer, engine)
        self.sources = TrainingSources(napari_viewer, look_through=engine.look_through)
        self.form = TrainingForm(
            engine.inpainters,
            read_card=engine.read_card,
            find_interrupted=engine.interrupted,
            on_error=notify_failure,
        )
        self.controls = TrainingControls(colours)
        self.plot = TrainingPlot(colours)
        self._lay_out()
        self._connect()
        single_shot(self, WARM_UP_DELAY_MS, self.controller.warm_up).start()
        if self.form.name.interrupted is None:
            self._on_sources_changed()

    def start(self) -> None:
        """Do what the Start button does; errors become notifications."""
        try:
            self.controller.start(self._request())
        except InpaintAffError as error:
            self.controls.show_text(notify_failure(error))

    def pause_or_resume(self) -> None:
        """Do what the Pause button does."""
        if self.controls.stage is Stage.PAUSED:
            self.controller.resume()
        else:
            self.controller.pause()

    def _request(self) -> TrainingRequest:
        layers, files = self.sources.captured()
        return TrainingRequest(
            settings=self.form.settings(self.sources.chosen_channel),
            layers=layers,
            files=files,
            resume=self.form.name.interrupted is not None,
        )

    def _save_elsewhere(self) -> None:
        proposed = model_path(self.form.name.name)
        name, _ = QFileDialog.getSaveFileName(self, "Save the model", str(proposed), MODEL_FILTER)
        if name:
            self.controller.save(Path(name).with_suffix(".safetensors"))

    def _lay_out(self) -> None:
        tab_with_others(self)
        self.next = NextSteps(self._viewer, _NEXT)
        self._scroll = scroll_all(
            self,
            widget_group("Images to learn from", self.sources),
            self.form,
            self.controls,
            self.plot,
            self.next,
        )

    def _connect(self) -> None:
        form, sources, controls = self.form, self.sources, self.controls
        controller, plot, viewer = self.controller, self.plot, self._viewer

        def follow_theme(event: object = None) -> None:
            colours = theme_colours(viewer.theme)
            controls.set_colours(colours)
            plot.set_colours(colours)

        sources.changed.connect(self._on_sources_changed)
        form.changed.connect(self._show_problem)
        form.resume_wanted.connect(self._restore_sources)
        controls.start_pressed.connect(self.start)
        controls.pause_pressed.connect(self.pause_or_resume)
        controls.stop_pressed.connect(controller.stop)
        controls.cancel_pressed.connect(controller.cancel)
        controls.save_pressed.connect(self._save_elsewhere)
        controller.stage_changed.connect(self._on_stage_changed)
        controller.step_changed.connect(controls.show_step)
        controller.updated.connect(self._on_updated)
        controller.judged.connect(controls.show_verdict)
        controller.ended.connect(self._on_ended)
        viewer.events.theme.connect(follow_theme)

        # As in "Separate cells": nothing here holds this widget.
        def dispose() -> None:
            viewer.events.theme.disconnect(follow_theme)
            controller.dispose()
            sources.dispose()

        self.destroyed.connect(dispose)

    def _on_sources_changed(self) -> None:
        self.form.name.propose(self.sources.title)
        self._show_problem()

    def _show_problem(self) -> None:
        self.controls.set_problem(self.form.problem or self.sources.problem)

    def _restore_sources(self, interrupted: InterruptedTraining) -> None:
        if interrupted.settings is None:
            return
        self.sources.restore(interrupted.layers, interrupted.files, interrupted.settings.channel)
        names = [*interrupted.layers, *(file.name for file in interrupted.files)]
        self.controls.show_text(f"{interrupted.name} was trained on {', '.join(names)}.")

    def _on_stage_changed(self, stage: Stage, text: str) -> None:
        if stage is Stage.STARTING:
            self.plot.clear()
            self.controls.show_verdict(None)
            self.controls.show_unsaved(False)
            self.form.name.keep()
            self._scroll.ensureWidgetVisible(self.plot)
        self._set_fields_enabled(False)
        self.controls.show_stage(stage, text)

    def _on_updated(self, update: TrainingUpdate) -> None:
        self.controls.show_update(update)
        self.plot.show_update(update)

    def _on_ended(self, text: str) -> None:
        self.plot.show_now()
        self._set_fields_enabled(True)
        self.controls.show_idle(text)
        self.controls.show_unsaved(self.controller.unsaved is not None)
        self.form.name.refresh()

    def _set_fields_enabled(self, enabled: bool) -> None:
        for part in (self.sources, self.form):
            part.setEnabled(enabled)
