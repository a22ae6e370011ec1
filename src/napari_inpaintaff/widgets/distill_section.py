"""The part of the dock widget "Separate cells" that distills a student."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QDoubleSpinBox, QFileDialog, QLabel, QSpinBox, QVBoxLayout, QWidget
from superqt import QCollapsible

from napari_inpaintaff.errors import InpaintAffError
from napari_inpaintaff.separation import Distillation
from napari_inpaintaff.widgets.distill_controller import DistillController
from napari_inpaintaff.widgets.distill_controls import DistillControls, DistillStage
from napari_inpaintaff.widgets.distill_engine import DistillEngine
from napari_inpaintaff.widgets.distill_settings import DistillRequest
from napari_inpaintaff.widgets.fields import field_rows, spin_box
from napari_inpaintaff.widgets.model_choice import MODEL_FILTER
from napari_inpaintaff.widgets.model_name_field import ModelNameField
from napari_inpaintaff.widgets.model_names import model_path
from napari_inpaintaff.widgets.notices import notify_failure

TITLE = "Distill: a fast network for images like this"
ABOUT = (
    "A student learns, on all planes of the image above, what the network above finds. "
    "It then separates such an image in one pass: seconds instead of minutes."
)
USUAL_MINUTES = 5.0


class DistillSection(QCollapsible):
    """Fields and buttons of a distillation, folded away until they are wanted.

    Parameters
    ----------
    engine : DistillEngine
        The calls into the core.
    make_request : callable
        Adds to this section's fields what is chosen elsewhere; raises `InpaintAffError`
        where that cannot be used.
    parent : QWidget, optional
        Qt parent.
    """

    #: (Path,): a student was saved and is in the list of models.
    saved = Signal(object)
    #: A distillation has begun or ended.
    running_changed = Signal(bool)

    def __init__(
        self,
        engine: DistillEngine,
        make_request: Callable[[DistillSection], DistillRequest],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(TITLE, parent)
        self._make_request = make_request
        self._problem = ""
        self.controller = DistillController(engine)
        self.name = ModelNameField(lambda name: None, ending="student")
        self.minutes = spin_box(QDoubleSpinBox, 0.1, 10_000, USUAL_MINUTES, " min")
        self.minutes.setDecimals(1)
        self.minutes.setToolTip(
            "How long the distillation may take, all in all: first the network takes patches\n"
            "of the image apart, then the student learns from them. It may end earlier."
        )
        self.patches = spin_box(QSpinBox, 20, 100_000, Distillation.patches)
        self.patches.setToolTip(
            "From how many small pieces of the image the student learns, at most.\n"
            "More is better, and takes longer. When time is short there are fewer."
        )
        self.controls = DistillControls()
        self._lay_out()
        self._connect()
        self._show_problem()

    def start(self) -> None:
        """Do what the Distill button does; errors become notifications."""
        try:
            self.controller.start(self._make_request(self))
        except InpaintAffError as error:
            self.controls.show_text(notify_failure(error))

    def set_problem(self, problem: str) -> None:
        """Say what stands in the way besides the name; empty for nothing."""
        self._problem = problem
        self._show_problem()

    def dispose(self) -> None:
        """Let go; a distillation ends soon."""
        self.controller.dispose()

    def _lay_out(self) -> None:
        about = QLabel(ABOUT)
        about.setWordWrap(True)
        advanced = QCollapsible("Advanced")
        advanced.addWidget(field_rows({"Patches": self.patches}))
        self.fields = QWidget()
        inner = QVBoxLayout(self.fields)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.addWidget(field_rows({"Student name": self.name, "Time": self.minutes}))
        inner.addWidget(advanced)
        for widget in (about, self.fields, self.controls):
            self.addWidget(widget)

    def _connect(self) -> None:
        controls, controller = self.controls, self.controller
        self.name.changed.connect(self._show_problem)
        controls.start_pressed.connect(self.start)
        controls.stop_pressed.connect(controller.stop)
        controls.cancel_pressed.connect(controller.cancel)
        controls.save_pressed.connect(self._save_elsewhere)
        controller.stage_changed.connect(self._on_stage_changed)
        controller.progressed.connect(controls.show_progress)
        controller.updated.connect(controls.show_update)
        controller.saved.connect(self.saved)
        controller.ended.connect(self._on_ended)

    def _show_problem(self) -> None:
        self.controls.set_problem(self._problem or self.name.problem)

    def _save_elsewhere(self) -> None:
        proposed = model_path(self.name.name)
        name, _ = QFileDialog.getSaveFileName(self, "Save the student", str(proposed), MODEL_FILTER)
        if name:
            self.controller.save(Path(name).with_suffix(".safetensors"))

    def _on_stage_changed(self, stage: DistillStage, text: str) -> None:
        if self.controls.stage is DistillStage.IDLE:
            self.controls.show_unsaved(False)
            self.name.keep()
            self.fields.setEnabled(False)
            self.running_changed.emit(True)
        self.controls.show_stage(stage, text)

    def _on_ended(self, text: str) -> None:
        self.fields.setEnabled(True)
        self.controls.show_idle(text)
        self.controls.show_unsaved(self.controller.unsaved is not None)
        self.name.refresh()
        self.running_changed.emit(False)
