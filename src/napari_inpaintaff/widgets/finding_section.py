"""The part of the dock widget "Foreground" that needs no paint: a method, or a network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari.layers import Layer
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QGroupBox, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_inpaintaff.widgets.fields import field_rows, set_button
from napari_inpaintaff.widgets.foreground_choice import FINDING_METHODS, ForegroundChoice
from napari_inpaintaff.widgets.foreground_settings import FindingRequest, ForegroundSettings
from napari_inpaintaff.widgets.planes import current_picture

ABOUT = "Needs no paint and no training: try it first. Colour images are taken, too."


class FindingSection(QGroupBox):
    """A list of methods and networks, and a button that finds the foreground with one.

    Parameters
    ----------
    viewer : napari.Viewer
        Filled in by napari.
    on_error : callable
        Called with what is wrong with a model file.
    parent : QWidget, optional
        Qt parent.
    """

    pressed = Signal()

    def __init__(
        self,
        viewer: Any,
        *,
        on_error: Callable[[Exception], object],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__("Or find it without labels", parent)
        self.source = ForegroundChoice(
            viewer, accepts=lambda layer: False, methods=FINDING_METHODS, on_error=on_error
        )
        self.source.setToolTip(
            "Otsu: bright cells on an even background, at once.\n"
            "Inpainting error: also on an uneven background, and phase contrast; seconds.\n"
            "Largest object: for pictures of one thing.\n"
            "Networks of yours that find a foreground are listed, too."
        )
        self.button = QPushButton("Find")
        self.button.clicked.connect(self.pressed)
        about = QLabel(ABOUT)
        about.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.addWidget(about)
        layout.addWidget(field_rows({"By": self.source.with_button()}))
        layout.addWidget(self.button)

    def request(
        self, source: Layer, point: tuple[float, ...], settings: ForegroundSettings
    ) -> FindingRequest:
        """Say what shall be found, and with what.

        Parameters
        ----------
        source : Image
            In colour or not.
        point : tuple of float
            The viewer's current position, in world coordinates.
        settings : ForegroundSettings
            Of the dock widget.

        Raises
        ------
        ImageError
            For layers with fewer than two axes.
        """
        return FindingRequest(
            str(self.source.value),
            str(self.source.currentText()),
            current_picture(source, point),
            settings.diameter,
            settings.device,
        )

    def set_refusal(self, refusal: str) -> None:
        """Say why nothing can be looked for; empty if something can."""
        set_button(self.button, "Find the foreground of the plane in view.", refusal)

    def dispose(self) -> None:
        """Stop following the viewer."""
        self.source.dispose()
