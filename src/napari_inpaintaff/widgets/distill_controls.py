"""Distill, Stop and keep, Cancel; the progress and one line of words."""

from __future__ import annotations

import math
from enum import Enum

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.separation import DistillationUpdate
from napari_inpaintaff.widgets.fields import set_button
from napari_inpaintaff.widgets.run_controls import duration
from napari_inpaintaff.widgets.share_bar import ShareBar


class DistillStage(Enum):
    """What is going on; the value is why buttons that need something else are disabled."""

    IDLE = "No student is being distilled."
    LABELLING = "Patches are still being taken apart: there is no student to keep yet."
    TRAINING = "A student is being distilled."
    STOPPING = "The distillation is about to end."
    CANCELLING = "The distillation is being cancelled."
    SAVING = "The student is being saved."


_CANCELLABLE = (DistillStage.LABELLING, DistillStage.TRAINING, DistillStage.STOPPING)

#: What the user reads for phases whose names are jargon.
_PHASES = {
    "IGM labels of patches": "Taking patches apart",
    "Two students of half the patches, to choose alpha": "Finding the cut strength (1)",
    "Choosing alpha…": "Finding the cut strength (2)",
}


class DistillControls(QWidget):
    """The buttons of a distillation, and what goes on.

    Parameters
    ----------
    parent : QWidget, optional
        Qt parent.
    """

    start_pressed = Signal()
    stop_pressed = Signal()
    cancel_pressed = Signal()
    save_pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._stage = DistillStage.IDLE
        self._problem = ""
        self.start_button = QPushButton("Distill")
        self.stop_button = QPushButton("Stop and keep")
        self.cancel_button = QPushButton("Cancel")
        self.save_button = QPushButton("Save the student…")
        self.save_button.setToolTip("The student could not be saved. Try again, or elsewhere.")
        self.save_button.hide()
        self.bar = ShareBar()
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.status.setMinimumHeight(self.status.fontMetrics().lineSpacing() * 3)
        for button, signal in (
            (self.start_button, self.start_pressed),
            (self.stop_button, self.stop_pressed),
            (self.cancel_button, self.cancel_pressed),
            (self.save_button, self.save_pressed),
        ):
            button.clicked.connect(signal)
        self._lay_out()
        self.show_idle("")

    @property
    def stage(self) -> DistillStage:
        """What is going on."""
        return self._stage

    def set_problem(self, problem: str) -> None:
        """Say why no distillation can start; empty when it can."""
        self._problem = problem
        self._show_buttons()

    def show_stage(self, stage: DistillStage, text: str = "") -> None:
        """Show what is going on now, and which buttons that leaves."""
        self._stage = stage
        self._show_buttons()
        if text:
            self.status.setText(text)
        if stage is DistillStage.SAVING:
            self.bar.show_share(0, 0)

    def show_idle(self, text: str) -> None:
        """Show that nothing goes on, and why."""
        self.bar.show_idle()
        self.status.setText(text)
        self.show_stage(DistillStage.IDLE)

    def show_text(self, text: str) -> None:
        """Say something else; the rest stays."""
        self.status.setText(text)

    def show_progress(self, progress: Progress) -> None:
        """Show how far a phase before or after the training is."""
        self.bar.show_share(progress.done, progress.total)
        if progress.message and self._stage in (DistillStage.LABELLING, DistillStage.TRAINING):
            self.status.setText(describe_progress(progress))

    def show_update(self, update: DistillationUpdate) -> None:
        """Show how far the training is."""
        self.bar.show_share(round(1000 * update.progress), 1000)
        if self._stage is DistillStage.LABELLING:
            self.show_stage(DistillStage.TRAINING)
        if self._stage is DistillStage.TRAINING:
            self.status.setText(describe_update(update))

    def show_unsaved(self, unsaved: bool) -> None:
        """Offer to save a student that could not be saved."""
        self.save_button.setVisible(unsaved)

    def _show_buttons(self) -> None:
        stage = self._stage
        set_button(
            self.start_button,
            "Teach a student what the chosen network does, on all planes of the chosen image.",
            self._problem if stage is DistillStage.IDLE else stage.value,
        )
        set_button(
            self.stop_button,
            "End the training now and keep the best student so far.",
            "" if stage is DistillStage.TRAINING else stage.value,
        )
        set_button(
            self.cancel_button,
            "End the distillation and keep nothing of it.",
            "" if stage in _CANCELLABLE else stage.value,
        )

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        for button in (self.start_button, self.stop_button, self.cancel_button):
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(buttons)
        layout.addWidget(self.bar)
        layout.addWidget(self.status)
        layout.addWidget(self.save_button)


def describe_progress(progress: Progress) -> str:
    """Put the state of a phase without measurements into words.

    Parameters
    ----------
    progress : Progress
        With a message.

    Returns
    -------
    str
    """
    phase = _PHASES.get(progress.message, progress.message)
    if not progress.total:
        return phase
    return f"{phase.rstrip('…')}: {progress.done} of {progress.total}."


def describe_update(update: DistillationUpdate) -> str:
    """Put the state of the training into words.

    Parameters
    ----------
    update : DistillationUpdate
        The newest one.

    Returns
    -------
    str
    """
    text = "Training"
    if update.agreement is not None:
        text += f", agreement {update.agreement:.2f}"
    if math.isfinite(update.seconds_left):
        text += f". At most {duration(update.seconds_left)} left"
    return f"{text}.\n0.5 would be guessing, 1 is perfect."
