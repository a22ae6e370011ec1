"""The progress bar of the dock widgets."""

from __future__ import annotations

from qtpy.QtWidgets import QProgressBar


class ShareBar(QProgressBar):
    """Shows how much of a step is done, in percent."""

    def show_share(self, done: int, total: int) -> None:
        """Show how much of a step is done; of a total of 0 nobody knows."""
        # A bar draws itself at once with every new value, not when everything else is drawn.
        self.setUpdatesEnabled(False)
        self.setRange(0, total)
        self.setValue(done)
        self.setFormat("%p %" if total else "")
        self.setUpdatesEnabled(True)

    def show_idle(self) -> None:
        """Show that nothing goes on."""
        self.show_share(0, 1)
        self.setFormat("")
