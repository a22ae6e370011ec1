"""Export, Cancel and Show measurements, the bar and one line that says what goes on."""

from __future__ import annotations

from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_inpaintaff.widgets.fields import set_button
from napari_inpaintaff.widgets.share_bar import ShareBar

RUNNING = "Wait until this is finished, or cancel it."
IDLE = "Nothing is running."


class ExportControls(QWidget):
    """The lower end of the dock widget "Export".

    Parameters
    ----------
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.export_button = QPushButton("Export")
        self.cancel_button = QPushButton("Cancel")
        self.measure_button = QPushButton("Show measurements")
        self.bar = ShareBar()
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.status.setMinimumHeight(self.status.fontMetrics().lineSpacing() * 3)
        self._running = False
        self._problems = ("", "")
        buttons = QHBoxLayout()
        buttons.addWidget(self.export_button, 2)
        buttons.addWidget(self.cancel_button, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.measure_button)
        layout.addLayout(buttons)
        layout.addWidget(self.bar)
        layout.addWidget(self.status)
        self.show_idle("")

    def set_problems(self, exporting: str, measuring: str) -> None:
        """Say why no export or no measurement can start; empty when they can."""
        self._problems = (exporting, measuring)
        self._show_buttons()

    def show_running(self) -> None:
        """Show that something has begun."""
        self._running = True
        self._show_buttons()

    def show_cancelling(self) -> None:
        """Show that it will end soon."""
        self.cancel_button.setEnabled(False)
        self.status.setText("Cancelling…")

    def show_idle(self, text: str) -> None:
        """Show that nothing runs, and why."""
        self._running = False
        self._show_buttons()
        self.bar.show_idle()
        self.status.setText(text)

    def show_text(self, text: str) -> None:
        """Say something; the rest stays."""
        self.status.setText(text)

    def _show_buttons(self) -> None:
        exporting, measuring = (RUNNING, RUNNING) if self._running else self._problems
        set_button(self.export_button, "Write the files.", exporting)
        set_button(
            self.measure_button,
            "Measure the cells, and show the values in napari's table of features.",
            measuring,
        )
        set_button(
            self.cancel_button,
            "Stop. Files that are complete stay, the one being written does not.",
            "" if self._running else IDLE,
        )
