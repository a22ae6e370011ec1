"""Apply, Pause and Cancel, the progress over planes and one line that says what goes on."""

from __future__ import annotations

import time

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_inpaintaff.jobs import seconds_left
from napari_inpaintaff.pipeline.planewise import PlaneShare
from napari_inpaintaff.widgets.fields import set_button
from napari_inpaintaff.widgets.run_controls import duration
from napari_inpaintaff.widgets.share_bar import ShareBar

NOT_RUNNING = "Nothing is going on."
#: Steps of the bar per plane or file.
_STEPS = 100


class WholeControls(QWidget):
    """The lower end of the dock widget.

    Parameters
    ----------
    parent : QWidget, optional
        Qt parent.
    """

    apply_pressed = Signal()
    #: Whether the run shall pause, or go on.
    pause_pressed = Signal(bool)
    cancel_pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.apply_button = QPushButton("Apply")
        self.apply_button.clicked.connect(self.apply_pressed)
        self.pause_button = QPushButton("Pause")
        self.pause_button.clicked.connect(self._on_pause)
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.clicked.connect(self.cancel_pressed)
        self.bar = ShareBar()
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.status.setMinimumHeight(self.status.fontMetrics().lineSpacing() * 4)
        self._problem = ""
        self._running = self._cancelling = self._paused = False
        self._line = ""
        self._clock = _Clock()
        self._counted_from: float | None = None
        self._lay_out()
        self.show_idle("")

    def set_problem(self, problem: str) -> None:
        """Say why nothing can be applied; empty when something can."""
        self._problem = problem
        self._show_buttons()

    def show_running(self) -> None:
        """Show that a run has begun."""
        self._running, self._cancelling, self._paused = True, False, False
        self._clock.start()
        self._counted_from = None
        self.bar.show_share(0, 0)
        self._show_buttons()
        self.show_step("Starting…")

    def show_step(self, text: str) -> None:
        """Say what goes on."""
        self._line = text
        if not (self._paused or self._cancelling):
            self.status.setText(text)

    def show_progress(self, share: PlaneShare) -> None:
        """Show how far the planes or files are, and how long the others will take."""
        position = share.done + share.share
        if self._counted_from is None:
            # Planes that had labels took no time.
            self._counted_from = position
        self.bar.show_share(round(position * _STEPS), share.total * _STEPS)
        left = seconds_left(
            round((position - self._counted_from) * _STEPS),
            round((share.total - self._counted_from) * _STEPS),
            self._clock.seconds,
        )
        about = "" if left is None else f"\nAbout {duration(left)} left."
        self.show_step(f"{share.done + 1} of {share.total}: {share.name}{about}")

    def show_cancelling(self) -> None:
        """Show that the run will end soon."""
        self._cancelling = True
        self._show_buttons()
        self.status.setText("Cancelling…")

    def show_idle(self, text: str) -> None:
        """Show that nothing runs, and why."""
        self._running = self._cancelling = self._paused = False
        self.bar.show_idle()
        self._show_buttons()
        self.status.setText(text)

    def show_text(self, text: str) -> None:
        """Say something else; the rest stays."""
        self.status.setText(text)

    def _on_pause(self) -> None:
        self._paused = not self._paused
        if self._paused:
            self._clock.stop()
            self.status.setText(f"Paused. {self._line}")
        else:
            self._clock.start(anew=False)
            self.status.setText(self._line)
        self._show_buttons()
        self.pause_pressed.emit(self._paused)

    def _show_buttons(self) -> None:
        set_button(
            self.apply_button,
            "Separate the cells of everything that is chosen above, plane by plane.\n"
            "Labels count from 1 in every plane; Export can link cells from plane to plane.",
            "A run is going on." if self._running else self._problem,
        )
        ending = "The run is being cancelled." if self._cancelling else ""
        refusal = ending if self._running else NOT_RUNNING
        self.pause_button.setText("Resume" if self._paused else "Pause")
        set_button(
            self.pause_button,
            "Go on." if self._paused else "Hold the run for a while, before its next step.",
            refusal,
        )
        set_button(
            self.cancel_button, "Stop. What is done stays; Apply goes on with the rest.", refusal
        )

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.addWidget(self.apply_button, 2)
        buttons.addWidget(self.pause_button, 1)
        buttons.addWidget(self.cancel_button, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(buttons)
        layout.addWidget(self.bar)
        layout.addWidget(self.status)


class _Clock:
    """Measures the time of a run without its pauses."""

    def __init__(self) -> None:
        self._before = 0.0
        self._since: float | None = None

    @property
    def seconds(self) -> float:
        """Time until now."""
        running = 0.0 if self._since is None else time.monotonic() - self._since
        return self._before + running

    def start(self, *, anew: bool = True) -> None:
        """Let the time run."""
        if anew:
            self._before = 0.0
        self._since = time.monotonic()

    def stop(self) -> None:
        """Hold the time."""
        self._before, self._since = self.seconds, None
