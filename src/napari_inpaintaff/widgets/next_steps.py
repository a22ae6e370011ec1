"""What comes next: buttons at the end of a dock widget that open the others."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget

from napari_inpaintaff.widgets.docks import open_dock


class NextSteps(QWidget):
    """A row of buttons, one for every dock widget that may be next.

    Parameters
    ----------
    viewer : napari.Viewer
        Where they are opened.
    steps : mapping of str to str
        What each is for, by its name in the menu Plugins.
    """

    def __init__(self, viewer: Any, steps: Mapping[str, str]) -> None:
        super().__init__()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(QLabel("Next:"))
        self.buttons: dict[str, QPushButton] = {}
        for name, purpose in steps.items():
            button = QPushButton(f"{name}…")
            button.setToolTip(purpose)
            button.clicked.connect(partial(_open, viewer, name))
            layout.addWidget(button)
            self.buttons[name] = button
        layout.addStretch()


def _open(viewer: Any, name: str, checked: bool = False) -> None:
    del checked  # Qt says it of every button
    open_dock(viewer, name)
