"""Run and Cancel, the progress bar and one line that says what goes on."""

from __future__ import annotations

import time

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_inpaintaff.jobs import seconds_left
from napari_inpaintaff.widgets.fields import set_button
from napari_inpaintaff.widgets.share_bar import ShareBar

LEGEND = "Purple and orange: the two sides of a split."


class RunControls(QWidget):
    """The lower end of the dock widget.

    Parameters
    ----------
    parent : QWidget, optional
        Qt parent.
    """

    run_pressed = Signal()
    cancel_pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.run_button = QPushButton("Run")
        self.run_button.clicked.connect(self.run_pressed)
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setToolTip("Stop. Nothing of this run is kept.")
        self.cancel_button.clicked.connect(self.cancel_pressed)
        self.bar = ShareBar()
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.status.setMinimumHeight(self.status.fontMetrics().lineSpacing() * 3)
        self._counted_from: tuple[int, float] | None = None
        self._draft = ""
        self._line = ""
        self._running = False
        self._refusal = ""

        buttons = QHBoxLayout()
        buttons.addWidget(self.run_button, 2)
        buttons.addWidget(self.cancel_button, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(buttons)
        layout.addWidget(self.bar)
        layout.addWidget(self.status)
        self.show_idle("Choose an image and press Run.")

    def show_running(self, text: str) -> None:
        """Show that a run has begun."""
        self._running = True
        self._show_run_button()
        self.cancel_button.setEnabled(True)
        self._counted_from = None
        self._draft = ""
        self.show_step(text)

    def set_refusal(self, refusal: str) -> None:
        """Say why no run can start; empty when it can."""
        self._refusal = refusal
        self._show_run_button()

    def show_cancelling(self) -> None:
        """Show that the run will end soon."""
        self.cancel_button.setEnabled(False)
        self.status.setText("Cancelling…")

    def show_idle(self, text: str) -> None:
        """Show that nothing runs, and why."""
        self._running = False
        self._show_run_button()
        self.cancel_button.setEnabled(False)
        self.bar.show_idle()
        self.status.setText(text)

    def show_text(self, text: str) -> None:
        """Say something else; the rest stays."""
        self.status.setText(text)

    def show_step(self, text: str) -> None:
        """Show another step, of unknown length."""
        self.bar.show_share(0, 0)
        self._show_line(text)

    def show_draft(self, cells: str) -> None:
        """Say that the labels which are shown are a draft, of so many cells."""
        self._draft = f"Draft: {cells}. It gets better until the run ends.\n"
        self._show_line(self._line)

    def show_patches(self, done: int, total: int) -> None:
        """Show how many patches are finished and how long the others will take."""
        now = time.monotonic()
        if self._counted_from is None:
            self._counted_from = (done, now)
        first, since = self._counted_from
        self.bar.show_share(done, max(1, total))
        text = f"Patch {done} of {total}"
        left = seconds_left(done - first, total - first, now - since)
        if left is not None:
            text += f", about {duration(left)} left"
        self._show_line(f"{text}.\n{LEGEND}")

    def _show_run_button(self) -> None:
        refusal = "A run is going on." if self._running else self._refusal
        set_button(self.run_button, "Find where touching cells part.", refusal)

    def _show_line(self, text: str) -> None:
        self._line = text
        self.status.setText(self._draft + text)


def duration(seconds: float) -> str:
    """Put a duration into words, roughly.

    Parameters
    ----------
    seconds : float
        At least 0.

    Returns
    -------
    str
        Such as ``"20 s"``, ``"5 min"`` or ``"2 h 10 min"``.
    """
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"
