"""From probability to mask: the threshold, and the planes that it is seen on."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget
from superqt import QLabeledDoubleSlider

from napari_inpaintaff.widgets.fields import field_rows, set_button

LEVEL = 0.5
ABOUT = (
    "What is more probable than this is foreground. Less: wider outlines; more: narrower\n"
    'ones. The mask follows at once. "Separate cells" takes 0.5 of a foreground chosen by\n'
    "its name; choose the mask layer there to use this threshold."
)


class ThresholdField(QWidget):
    """A slider, and a button that looks for the foreground of another plane.

    Parameters
    ----------
    parent : QWidget, optional
        Qt parent.
    """

    level_changed = Signal(float)
    apply_pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.slider = QLabeledDoubleSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0.01, 0.99)
        self.slider.setSingleStep(0.01)
        self.slider.setPageStep(0.1)
        self.slider.setDecimals(2)
        self.slider.setValue(LEVEL)
        self.slider.valueChanged.connect(self.level_changed)
        self.apply_button = QPushButton("Apply to this plane")
        self.apply_button.clicked.connect(self.apply_pressed)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(field_rows({"Threshold": self.slider}))
        layout.addWidget(self.apply_button)

    @property
    def level(self) -> float:
        """The threshold, above 0 and below 1."""
        return float(round(self.slider.value(), 2))

    def set_slider_refusal(self, refusal: str) -> None:
        """Say why there is no mask to change; empty if there is one."""
        self.slider.setEnabled(not refusal)
        self.slider.setToolTip(refusal or ABOUT)

    def set_many_planes(self, many: bool) -> None:
        """Say whether there are other planes to apply to."""
        self.apply_button.setVisible(many)

    def set_refusal(self, refusal: str) -> None:
        """Say why the foreground of the plane in view cannot be looked for; empty if it can."""
        tooltip = "Find the foreground of the plane in view with what was learned."
        set_button(self.apply_button, tooltip, refusal)
