"""A list that files can be dropped on."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent, QKeyEvent
from qtpy.QtWidgets import QListWidget, QWidget


class DropList(QListWidget):
    """A list of several selectable rows that takes files and folders from the desktop.

    Parameters
    ----------
    parent : QWidget, optional
        Qt parent.
    """

    #: (paths,): a list of Path.
    dropped = Signal(object)
    delete_pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAcceptDrops(True)
        self.setSelectionMode(QListWidget.SelectionMode.ExtendedSelection)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files; anything else is not for this list."""
        _accept_files(event)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Take files on every row."""
        _accept_files(event)

    def dropEvent(self, event: QDropEvent) -> None:
        """Hand over the files."""
        _accept_files(event)
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            self.dropped.emit(paths)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Let Delete and Backspace remove rows."""
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.delete_pressed.emit()
        else:
            super().keyPressEvent(event)


def _accept_files(event: QDropEvent) -> None:
    if any(url.isLocalFile() for url in event.mimeData().urls()):
        event.acceptProposedAction()
    else:
        event.ignore()
