"""Start, Pause, Stop and keep, Cancel; the progress, the verdict and one line of words."""

from __future__ import annotations

import math
from enum import Enum

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QGridLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_inpaintaff.inpainting.quality import Verdict
from napari_inpaintaff.inpainting.updates import TrainingUpdate
from napari_inpaintaff.widgets.fields import set_button
from napari_inpaintaff.widgets.run_controls import duration
from napari_inpaintaff.widgets.share_bar import ShareBar
from napari_inpaintaff.widgets.theme_colours import ThemeColours
from napari_inpaintaff.widgets.training_plot import DENOISER


class Stage(Enum):
    """What is going on; the value is why buttons that need something else are disabled."""

    IDLE = "No training is going on."
    STARTING = "The images are still being read."
    DENOISING = "The noise is being learnt first: there is no inpainter to keep yet."
    TRAINING = "A training is going on."
    PAUSED = "The training is paused."
    STOPPING = "The training is about to end."
    CANCELLING = "The training is being cancelled."
    SAVING = "The model is being saved."


_PAUSABLE = (Stage.DENOISING, Stage.TRAINING, Stage.PAUSED)
_CANCELLABLE = (Stage.STARTING, *_PAUSABLE, Stage.STOPPING)


class TrainingControls(QWidget):
    """The lower half of the dock widget, without the plot.

    Parameters
    ----------
    colours : ThemeColours
        Of napari's theme.
    parent : QWidget, optional
        Qt parent.
    """

    start_pressed = Signal()
    #: The button is "Pause" while a training goes on, and "Resume" while it is paused.
    pause_pressed = Signal()
    stop_pressed = Signal()
    cancel_pressed = Signal()
    save_pressed = Signal()

    def __init__(self, colours: ThemeColours, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colours = colours
        self._verdict: Verdict | None = None
        self._stage = Stage.IDLE
        self._keepable = False
        self._problem = ""
        self.start_button = QPushButton("Start")
        self.pause_button = QPushButton("Pause")
        self.stop_button = QPushButton("Stop and keep")
        self.cancel_button = QPushButton("Cancel")
        self.save_button = QPushButton("Save the model…")
        self.save_button.setToolTip("The model could not be saved. Try again, or elsewhere.")
        self.save_button.hide()
        self.bar = ShareBar()
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.status.setMinimumHeight(self.status.fontMetrics().lineSpacing() * 2)
        self.verdict = QLabel()
        self.verdict.setWordWrap(True)
        self.verdict.hide()
        for button, signal in (
            (self.start_button, self.start_pressed),
            (self.pause_button, self.pause_pressed),
            (self.stop_button, self.stop_pressed),
            (self.cancel_button, self.cancel_pressed),
            (self.save_button, self.save_pressed),
        ):
            button.clicked.connect(signal)
        self._lay_out()
        self.show_idle("Choose images and press Start.")

    @property
    def stage(self) -> Stage:
        """What is going on."""
        return self._stage

    def set_problem(self, problem: str) -> None:
        """Say why a training cannot start; empty when it can."""
        self._problem = problem
        self._show_buttons()

    def show_stage(self, stage: Stage, text: str = "") -> None:
        """Show what is going on now, and which buttons that leaves."""
        if stage is Stage.STARTING:
            self._keepable = False
            self._show_busy()
        self._stage = stage
        self._show_buttons()
        if text:
            self.status.setText(text)

    def show_idle(self, text: str) -> None:
        """Show that nothing goes on, and why."""
        self.bar.show_idle()
        self.show_stage(Stage.IDLE, text)

    def show_text(self, text: str) -> None:
        """Say something else; the rest stays."""
        self.status.setText(text)

    def show_step(self, text: str) -> None:
        """Show a step of unknown length."""
        self._show_busy()
        self.status.setText(text)

    def show_update(self, update: TrainingUpdate) -> None:
        """Show how far the training is."""
        denoising = update.phase == DENOISER
        self._keepable = not denoising
        if self._stage in (Stage.STARTING, Stage.DENOISING, Stage.TRAINING):
            self.show_stage(Stage.DENOISING if denoising else Stage.TRAINING)
        self.bar.show_share(round(1000 * update.progress), 1000)
        if self._stage in (Stage.DENOISING, Stage.TRAINING):
            self.status.setText(describe_update(update))

    def show_verdict(self, verdict: Verdict | None) -> None:
        """Show whether the inpainter is good enough; None when that is not known."""
        self._verdict = verdict
        self.verdict.setVisible(verdict is not None)
        if verdict is None:
            return
        colour = self._colours.success if verdict.ready else self._colours.warning
        self.verdict.setText(f"✔  {verdict.text}" if verdict.ready else verdict.text)
        self.verdict.setStyleSheet(
            f"color: {colour}; border: 1px solid {colour}; border-radius: 3px;"
            " padding: 5px; font-weight: bold;"
        )

    def set_colours(self, colours: ThemeColours) -> None:
        """Follow napari's theme."""
        self._colours = colours
        self.show_verdict(self._verdict)

    def show_unsaved(self, unsaved: bool) -> None:
        """Offer to save a model that could not be saved."""
        self.save_button.setVisible(unsaved)

    def _show_buttons(self) -> None:
        stage = self._stage
        idle = stage is Stage.IDLE
        self.pause_button.setText("Resume" if stage is Stage.PAUSED else "Pause")
        set_button(
            self.start_button,
            "Learn from the chosen images.",
            self._problem if idle else stage.value,
        )
        set_button(
            self.pause_button,
            "Go on with the training."
            if stage is Stage.PAUSED
            else "Hold the training, to have the computer for something else.",
            "" if stage in _PAUSABLE else stage.value,
        )
        not_keepable = "" if self._keepable else Stage.DENOISING.value
        set_button(
            self.stop_button,
            "End the training now and keep the best network so far.",
            not_keepable if stage in _PAUSABLE else stage.value,
        )
        set_button(
            self.cancel_button,
            "End the training and keep nothing of it. Models that you have stay as they are.",
            "" if stage in _CANCELLABLE else stage.value,
        )

    def _show_busy(self) -> None:
        self.bar.show_share(0, 0)

    def _lay_out(self) -> None:
        buttons = QGridLayout()
        buttons.addWidget(self.start_button, 0, 0)
        buttons.addWidget(self.pause_button, 0, 1)
        buttons.addWidget(self.stop_button, 1, 0)
        buttons.addWidget(self.cancel_button, 1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(buttons)
        layout.addWidget(self.bar)
        layout.addWidget(self.status)
        layout.addWidget(self.save_button)
        layout.addWidget(self.verdict)


def describe_update(update: TrainingUpdate) -> str:
    """Put the state of a training into words.

    Parameters
    ----------
    update : TrainingUpdate
        The newest one.

    Returns
    -------
    str
    """
    what = "Learning the noise" if update.phase == DENOISER else "Learning"
    text = f"{what}: {duration(update.seconds)} done"
    if math.isfinite(update.seconds_left):
        text += f", about {duration(update.seconds_left)} left"
    return f"{text}.\n{update.crops_per_second:.0f} crops per second."
