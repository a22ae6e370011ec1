"""The buttons that save and open sessions."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QHBoxLayout, QPushButton, QWidget

from napari_inpaintaff.widgets.session_commands import ask_and_open_session, ask_and_save_session


class SessionButtons(QWidget):
    """As in napari's menu File > IO Utilities.

    Parameters
    ----------
    viewer : napari.Viewer
        What to save, and where to open.
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.save_button = QPushButton("Save session…")
        self.save_button.setToolTip(
            "Save labels, strokes, corrections and the fields of the widgets in one file,\n"
            "with the place of the image, to go on another day."
        )
        self.save_button.clicked.connect(lambda: ask_and_save_session(viewer))
        self.open_button = QPushButton("Open session…")
        self.open_button.setToolTip("Go on with a saved session. What is open stays open.")
        self.open_button.clicked.connect(lambda: ask_and_open_session(viewer))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.save_button)
        layout.addWidget(self.open_button)
