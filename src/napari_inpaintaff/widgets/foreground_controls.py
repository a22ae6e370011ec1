"""Train, Finish now, Cancel; the progress and one line of words."""

from __future__ import annotations

import math
from enum import Enum

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_inpaintaff.foreground import FGNetUpdate
from napari_inpaintaff.widgets.fields import set_button
from napari_inpaintaff.widgets.run_controls import duration
from napari_inpaintaff.widgets.share_bar import ShareBar


class ForegroundStage(Enum):
    """What is going on; the value is why buttons that need something else are disabled."""

    IDLE = "No training is going on."
    STARTING = "The training has not begun yet: there is nothing to keep."
    TRAINING = "A training is going on."
    FINISHING = "The training is about to end."
    CANCELLING = "The training is being cancelled."
    SAVING = "The foreground is being saved."
    APPLYING = "The foreground of a plane is being found."


_CANCELLABLE = (
    ForegroundStage.STARTING,
    ForegroundStage.TRAINING,
    ForegroundStage.FINISHING,
    ForegroundStage.APPLYING,
)
#: Of unknown length, at first.
_BUSY = (ForegroundStage.STARTING, ForegroundStage.SAVING, ForegroundStage.APPLYING)


class ForegroundControls(QWidget):
    """The buttons of a training, and what goes on.

    Parameters
    ----------
    parent : QWidget, optional
        Qt parent.
    """

    train_pressed = Signal()
    finish_pressed = Signal()
    cancel_pressed = Signal()
    save_pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._stage = ForegroundStage.IDLE
        self._problem = ""
        self._has_learned = False
        self.train_button = QPushButton("Train")
        self.finish_button = QPushButton("Finish now")
        self.cancel_button = QPushButton("Cancel")
        self.save_button = QPushButton("Save the foreground…")
        self.save_button.setToolTip("The foreground could not be saved. Try again, or elsewhere.")
        self.save_button.hide()
        self.anew = QCheckBox("Start anew: forget what was learned")
        self.anew.setToolTip(
            "Otherwise the training goes on from what was learned from this image before."
        )
        self.anew.toggled.connect(self._show_buttons)
        self.anew.hide()
        self.bar = ShareBar()
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.status.setMinimumHeight(self.status.fontMetrics().lineSpacing() * 3)
        for button, signal in (
            (self.train_button, self.train_pressed),
            (self.finish_button, self.finish_pressed),
            (self.cancel_button, self.cancel_pressed),
            (self.save_button, self.save_pressed),
        ):
            button.clicked.connect(signal)
        self._lay_out()
        self.show_idle('Press "Cells" and paint over a few cells, then press Train.')

    @property
    def stage(self) -> ForegroundStage:
        """What is going on."""
        return self._stage

    @property
    def goes_on(self) -> bool:
        """Whether the next training goes on from what was learned before."""
        return self._has_learned and not self.anew.isChecked()

    def set_problem(self, problem: str) -> None:
        """Say why no training can start; empty when it can."""
        self._problem = problem
        self._show_buttons()

    def set_has_learned(self, has_learned: bool) -> None:
        """Say whether something was learned from the chosen image before."""
        self._has_learned = has_learned
        self.anew.setChecked(False)
        self.anew.setVisible(has_learned)
        self._show_buttons()

    def show_stage(self, stage: ForegroundStage, text: str = "") -> None:
        """Show what is going on now, and which buttons that leaves."""
        self._stage = stage
        self._show_buttons()
        if text:
            self.status.setText(text)
        if stage in _BUSY:
            self.bar.show_share(0, 0)

    def show_idle(self, text: str) -> None:
        """Show that nothing goes on, and why."""
        self.bar.show_idle()
        self.status.setText(text)
        self.show_stage(ForegroundStage.IDLE)

    def show_text(self, text: str) -> None:
        """Say something else; the rest stays."""
        self.status.setText(text)

    def show_step(self, text: str) -> None:
        """Show a step of unknown length."""
        self.bar.show_share(0, 0)
        if self._stage in (ForegroundStage.STARTING, ForegroundStage.TRAINING):
            self.status.setText(text)

    def show_update(self, update: FGNetUpdate) -> None:
        """Show how far the training is."""
        self.bar.show_share(round(1000 * update.progress), 1000)
        if self._stage is ForegroundStage.STARTING:
            self.show_stage(ForegroundStage.TRAINING)
        if self._stage is ForegroundStage.TRAINING:
            self.status.setText(describe_update(update))

    def show_unsaved(self, unsaved: bool) -> None:
        """Offer to save a foreground that could not be saved."""
        self.save_button.setVisible(unsaved)

    def _show_buttons(self) -> None:
        stage = self._stage
        self.train_button.setText("Train further" if self.goes_on else "Train")
        self.anew.setEnabled(stage is ForegroundStage.IDLE)
        set_button(
            self.train_button,
            "Go on from what was learned before, with what is painted now."
            if self.goes_on
            else "Learn from what is painted what is cell and what is not.",
            self._problem if stage is ForegroundStage.IDLE else stage.value,
        )
        set_button(
            self.finish_button,
            "End the training now and keep what was learned so far.",
            "" if stage is ForegroundStage.TRAINING else stage.value,
        )
        set_button(
            self.cancel_button,
            "End what goes on and keep nothing of it. What you have painted stays.",
            "" if stage in _CANCELLABLE else stage.value,
        )

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        for button in (self.train_button, self.finish_button, self.cancel_button):
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.anew)
        layout.addLayout(buttons)
        for widget in (self.bar, self.status, self.save_button):
            layout.addWidget(widget)


def describe_update(update: FGNetUpdate) -> str:
    """Put the state of a training into words.

    Parameters
    ----------
    update : FGNetUpdate
        The newest one.

    Returns
    -------
    str
    """
    text = f"Learning: step {update.step}"
    if math.isfinite(update.seconds_left):
        text += f", about {duration(update.seconds_left)} left"
    return f"{text}.\nGood enough already? Press Finish now."
