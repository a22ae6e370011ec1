"""The dock widget "Separate cells"."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari.layers import Image, Layer
from qtpy.QtWidgets import QPushButton, QWidget

from napari_inpaintaff.errors import InpaintAffError, ParameterError
from napari_inpaintaff.widgets.controller import SeparationController
from napari_inpaintaff.widgets.core_engine import CoreEngine
from napari_inpaintaff.widgets.distill_engine import CoreDistillEngine, DistillEngine
from napari_inpaintaff.widgets.distill_section import DistillSection
from napari_inpaintaff.widgets.distill_settings import DistillRequest, DistillSettings
from napari_inpaintaff.widgets.docks import open_dock
from napari_inpaintaff.widgets.engine import Engine
from napari_inpaintaff.widgets.form import SettingsForm
from napari_inpaintaff.widgets.model_names import model_path
from napari_inpaintaff.widgets.model_news import model_news
from napari_inpaintaff.widgets.next_steps import NextSteps
from napari_inpaintaff.widgets.notices import notify_failure
from napari_inpaintaff.widgets.pixel_events import PIXEL_EVENTS
from napari_inpaintaff.widgets.planes import current_plane, mask_plane, mask_planes, pixels_of
from napari_inpaintaff.widgets.preferences import follow_preferences
from napari_inpaintaff.widgets.run_controls import RunControls
from napari_inpaintaff.widgets.scrolling import scroll_all
from napari_inpaintaff.widgets.settings import Foreground, SeparationRequest
from napari_inpaintaff.widgets.tabs import tab_with_others
from napari_inpaintaff.widgets.theme_colours import theme_colours
from napari_inpaintaff.widgets.timers import WARM_UP_DELAY_MS, single_shot
from napari_inpaintaff.widgets.training_settings import LayerImages
from napari_inpaintaff.widgets.tuned_settings import TunedSettings, tuned_settings
from napari_inpaintaff.widgets.watch_section import WatchSection

#: Labels follow a slider after it has rested this long.
RELABEL_DELAY_MS = 100

DISTILLING = "A student is being distilled: wait until it is finished, or cancel it."
NO_NETWORK = 'There is no network. Press "Load file…" to choose one.'

#: What may come next, and what it is for.
_NEXT = {
    "Foreground": "Teach a network where the cells are, when the foreground misses some.",
    "Correct labels": "Merge, split, delete: mend what is wrong.",
    "Export": "Count and measure the cells, and save them for other programs.",
}


class SeparateCells(QWidget):
    """Separate touching cells of an image layer without labels.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Filled in by napari.
    engine : Engine, optional
        The calls into the core.
    distill_engine : DistillEngine, optional
        The calls into the core that distill a student.
    """

    def __init__(
        self,
        napari_viewer: Any,
        *,
        engine: Engine | None = None,
        distill_engine: DistillEngine | None = None,
    ) -> None:
        super().__init__()
        self._viewer = napari_viewer
        follow_preferences()
        engine = engine or CoreEngine()
        self.controller = SeparationController(napari_viewer, engine)
        self.form = SettingsForm(
            napari_viewer,
            engine.models,
            read_card=engine.read_card,
            on_error=notify_failure,
        )
        self.controls = RunControls()
        self.watch = WatchSection(theme_colours(napari_viewer.theme))
        self.whole_button = QPushButton("Apply to everything…")
        self.whole_button.setToolTip(
            "Apply these settings to all planes of a stack or time-lapse, or to a folder of images."
        )
        self.distill = DistillSection(distill_engine or CoreDistillEngine(), self._distill_request)
        self._mask: Layer | None = None
        self._relabel_timer = single_shot(self, RELABEL_DELAY_MS, self._relabel)
        self._changed_during_run = False
        self._lay_out()
        self._connect()
        self._warm_up_timer = single_shot(self, WARM_UP_DELAY_MS, self.controller.warm_up)
        self._warm_up_timer.start()
        self._choose_active_image()
        self._on_distill_sources_changed()
        self._publish_settings()

    def run(self) -> None:
        """Do what the Run button does; errors become notifications."""
        try:
            source, request = self._request()
            self.controller.run(source, request)
        except InpaintAffError as error:
            self.controls.show_text(notify_failure(error))

    def cancel(self) -> None:
        """Do what the Cancel button does."""
        if self.controller.is_running:
            self.controls.show_cancelling()
            self.controller.cancel()

    def _request(self) -> tuple[Image, SeparationRequest]:
        source = self._source()
        network = self.form.network_settings()
        if network is None:
            raise ParameterError(NO_NETWORK)
        plane = current_plane(source, self._viewer.dims.point)
        return source, SeparationRequest(
            plane=plane,
            region=self.form.region.region(source, plane.shape),
            foreground=self._foreground(plane.index),
            network=network,
            labels=self.form.label_settings(),
        )

    def _distill_request(self, fields: DistillSection) -> DistillRequest:
        problem = self._distill_problem()
        card = self.form.model.card
        if problem or card is None:
            raise ParameterError(problem)
        source = self._source()
        chosen = self.form.foreground.value
        mask = mask_planes(chosen, source) if isinstance(chosen, Layer) else chosen or "none"
        settings = DistillSettings(
            name=fields.name.name,
            teacher=card.name,
            minutes=fields.minutes.value(),
            patches=fields.patches.value(),
            diameter=self.form.diameter.value(),
            seed=self.form.seed.value(),
            device=self.form.chosen_device,
        )
        return DistillRequest(settings, LayerImages(source.name, pixels_of(source)), mask)

    def _distill_problem(self) -> str:
        """Say what stands in the way of a distillation; empty for nothing."""
        card = self.form.model.card
        if self.form.image.layer is None:
            return "Open an image and choose it first."
        if card is None:
            return NO_NETWORK
        if card.one_pass:
            return "A student cannot teach another: choose a network that is not one pass."
        return "Wait until the run is finished, or cancel it." if self.controller.is_running else ""

    def _source(self) -> Image:
        source = self.form.image.layer
        if source is None:
            raise ParameterError("Open an image and choose it first.")
        return source

    def _foreground(self, index: tuple[int, ...]) -> Foreground:
        chosen = self.form.foreground.value
        return mask_plane(chosen, index) if isinstance(chosen, Layer) else chosen or "none"

    def _draw_region(self) -> None:
        try:
            self.form.region.start_drawing(self._source())
        except InpaintAffError as error:
            self.controls.show_text(notify_failure(error))
            return
        self.controls.show_text("Drag over the image to draw the region, then press Run.")

    def _publish_settings(self) -> None:
        settings = TunedSettings(
            network=self.form.network_settings(),
            foreground=self.form.foreground.value or "none",
            labels=self.form.label_settings(),
            foreground_title=self.form.foreground.currentText(),
            evidence=self.form.evidence.currentText(),
        )
        tuned_settings.publish(self._viewer, settings)

    def _open_whole_data(self) -> None:
        widget: Any = open_dock(self._viewer, "Whole data")
        if self.form.image.layer is not None:
            widget.form.image.choose(self.form.image.layer)

    def _relabel_soon(self) -> None:
        self._relabel_timer.start()

    def _relabel(self) -> None:
        self._changed_during_run = True
        source = self.form.image.layer
        index = self.controller.labelled_plane(source) if source is not None else None
        if source is None or index is None:
            return
        try:
            foreground = self._foreground(index)
            self.controller.relabel(source, foreground, self.form.label_settings())
        except InpaintAffError as error:
            notify_failure(error)

    def _follow_mask(self) -> None:
        """Relabel when the user paints in the mask layer that is chosen now."""
        self._forget_mask()
        self._mask = self.form.foreground.layer
        if self._mask is not None:
            for name in PIXEL_EVENTS:
                getattr(self._mask.events, name).connect(self._on_mask_painted)
        self._relabel_soon()

    def _on_models_changed(self) -> None:
        # The foreground network may be another one of the same name.
        if self.form.foreground.network:
            self._relabel_soon()

    def _forget_mask(self) -> None:
        if self._mask is not None:
            for name in PIXEL_EVENTS:
                getattr(self._mask.events, name).disconnect(self._on_mask_painted)
        self._mask = None

    def _on_mask_painted(self, event: object) -> None:
        self._relabel_soon()

    def _choose_active_image(self) -> None:
        active = self._viewer.layers.selection.active
        if active is not None:
            self.form.image.choose(active)

    def _lay_out(self) -> None:
        tab_with_others(self)
        self.next = NextSteps(self._viewer, _NEXT)
        scroll_all(
            self, self.form, self.controls, self.watch, self.whole_button, self.distill, self.next
        )

    def _connect(self) -> None:
        form, controls, controller = self.form, self.controls, self.controller
        form.label_settings_changed.connect(self._relabel_soon)
        form.settings_changed.connect(self._publish_settings)
        self.whole_button.clicked.connect(self._open_whole_data)
        form.foreground.chosen.connect(self._follow_mask)
        model_news.changed.connect(self._on_models_changed)
        form.region.draw_button.clicked.connect(self._draw_region)
        controls.run_pressed.connect(self.run)
        controls.cancel_pressed.connect(self.cancel)
        controller.started.connect(self._on_started)
        controller.step_changed.connect(controls.show_step)
        controller.share_changed.connect(controls.bar.show_share)
        controller.live.patches_done.connect(controls.show_patches)
        controller.drafted.connect(controls.show_draft)
        controller.labelled.connect(controls.show_text)
        controller.ended.connect(self._on_ended)
        form.image.chosen.connect(self._on_distill_sources_changed)
        form.model.chosen.connect(self._on_distill_sources_changed)
        self._connect_watch()
        self.distill.saved.connect(self._use_student)
        self.distill.running_changed.connect(self._on_distilling)
        distiller = self.distill.controller

        viewer, follow_theme = self._viewer, self._theme_follower()
        viewer.events.theme.connect(follow_theme)

        # Qt deletes the dock widget when it or the window is closed. The function
        # holds the controllers and the form, not this widget, so that nothing
        # stays alive for it.
        def dispose() -> None:
            viewer.events.theme.disconnect(follow_theme)
            controller.dispose()
            distiller.dispose()
            form.dispose()

        self.destroyed.connect(dispose)

    def _connect_watch(self) -> None:
        watch, live = self.watch, self.controller.live
        watch.speed_changed.connect(live.set_speed)
        watch.recording_changed.connect(live.set_recording)
        live.shown.connect(watch.show_split)
        live.cleared.connect(watch.clear)
        live.recorded.connect(watch.show_recorded)
        self.form.model.chosen.connect(self._on_network_chosen)
        self._on_network_chosen()

    def _on_network_chosen(self) -> None:
        card = self.form.model.card
        self.watch.set_one_pass(card is not None and card.one_pass)

    def _theme_follower(self) -> Callable[[object], None]:
        viewer, watch = self._viewer, self.watch

        def follow_theme(event: object) -> None:
            watch.set_colours(theme_colours(viewer.theme))

        return follow_theme

    def _on_started(self) -> None:
        self._changed_during_run = False
        self.controls.show_running("Starting…")
        self._on_distill_sources_changed()

    def _on_ended(self, text: str) -> None:
        self.controls.show_idle(text)
        self._on_distill_sources_changed()
        if self._changed_during_run:
            self._relabel_soon()

    def _on_distill_sources_changed(self) -> None:
        source = self.form.image.layer
        if source is not None:
            self.distill.name.propose(source.name)
        self.distill.set_problem(self._distill_problem())

    def _on_distilling(self, running: bool) -> None:
        self.controls.set_refusal(DISTILLING if running else "")

    def _use_student(self, path: Path) -> None:
        if path == model_path(path.stem):
            self.form.model.choose(path.stem)
        else:
            self.form.model.load(path)
