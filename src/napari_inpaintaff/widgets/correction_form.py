"""Buttons and lines of the dock widget "Correct labels"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from napari.layers import Labels, Layer
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QGridLayout, QGroupBox, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_inpaintaff.widgets.correction_keys import SHORTCUTS
from napari_inpaintaff.widgets.evidence import is_result
from napari_inpaintaff.widgets.fields import field_group, set_button
from napari_inpaintaff.widgets.layer_choice import LayerChoice
from napari_inpaintaff.widgets.own_layers import is_own_layer

NONE = "none"
_TEXTS = {
    "merge": (
        "Merge",
        "Join the picked segment with the one that you click next.\nShift+click does it at once.",
    ),
    "delete": ("Delete", "Make the picked segment background."),
    "lock": ("Lock or unlock", "Let nothing change the picked segment: it is hatched in yellow."),
    "split": (
        "Paint seeds",
        "Split: paint a seed into each part of a segment, then press Enter.",
    ),
    "relink": (
        "Draw strokes",
        "Run the mutex watershed again in the segments that you draw over:\n"
        "what one stroke touches belongs together, different strokes are different cells.",
    ),
    "previous": ("Previous", "Back to the segment before."),
    "next": ("Next", "Go to the next segment to review."),
    "undo": ("Undo", "Take back the last correction or stroke of the brush, without limit."),
    "redo": ("Redo", "Do again what was undone."),
}
_OTHERS = {
    "apply": ("Apply", "Split or relink as painted (Enter)."),
    "discard": ("Discard", "Remove the painted seeds or strokes."),
    "save": ("Save state…", "Save labels, locks, seeds and everything that can be undone."),
    "restore": ("Restore…", "Open a saved state again."),
}
_GROUPS = (
    ("Picked segment", ("merge", "delete", "lock")),
    ("Split and relink by strokes", ("split", "relink", "apply", "discard")),
    ("Review", ("previous", "next")),
    ("History", ("undo", "redo", "save", "restore")),
)


@dataclass(frozen=True)
class CorrectionView:
    """What the form shows.

    Attributes
    ----------
    refusals : dict of str to str
        Why a button cannot be pressed, by its name; empty for those that can.
    picked : str
        About the picked segment.
    strokes : str
        What seeds would be split by, or what to paint.
    review : str
        About the order of review.
    merging : bool
        Whether the next click merges.
    """

    refusals: dict[str, str]
    picked: str
    strokes: str
    review: str
    merging: bool


class CorrectionForm(QWidget):
    """Which layer, and a button for everything that can be done.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers to offer.
    parent : QWidget, optional
        Qt parent.
    """

    #: A button was pressed; carries its name.
    pressed = Signal(str)

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.labels = LayerChoice(
            viewer, accepts=can_be_listed, fixed={"Choose a Labels layer": NONE}
        )
        self.labels.setToolTip(
            "The labels to correct.\nOf a stack or time-lapse, the plane that you see."
        )
        self.buttons = {name: self._button(name) for name in (*_TEXTS, *_OTHERS)}
        self.buttons["merge"].setCheckable(True)
        self.lines = {title: _line() for title, _ in _GROUPS[:3]}
        self.status = _line()
        self.status.setMinimumHeight(self.status.fontMetrics().lineSpacing() * 3)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(field_group("What to correct", {"Labels": self.labels}))
        for title, names in _GROUPS:
            layout.addWidget(self._group(title, names))
        layout.addWidget(self.status)

    @property
    def layer(self) -> Labels | None:
        """The chosen layer."""
        return self.labels.layer

    def show_view(self, view: CorrectionView) -> None:
        """Show what can be done now."""
        for name, button in self.buttons.items():
            text, tooltip = (_TEXTS | _OTHERS)[name]
            del text
            set_button(button, tooltip, view.refusals.get(name, ""))
        self.buttons["merge"].setChecked(view.merging)
        about = (view.picked, view.strokes, view.review)
        for line, text in zip(self.lines.values(), about, strict=True):
            line.setText(text)

    def show_text(self, text: str) -> None:
        """Say something to the user."""
        self.status.setText(text)

    def dispose(self) -> None:
        """Stop following the viewer."""
        self.labels.dispose()

    def _button(self, name: str) -> QPushButton:
        text = (_TEXTS | _OTHERS)[name][0]
        button = QPushButton(f"{text} ({SHORTCUTS[name][1]})" if name in SHORTCUTS else text)
        button.clicked.connect(lambda checked=False: self.pressed.emit(name))
        return button

    def _group(self, title: str, names: tuple[str, ...]) -> QGroupBox:
        group = QGroupBox(title)
        grid = QGridLayout(group)
        if title in self.lines:
            grid.addWidget(self.lines[title], 0, 0, 1, 2)
        for place, name in enumerate(names):
            grid.addWidget(self.buttons[name], 1 + place // 2, place % 2)
        return group


def can_be_listed(layer: Layer) -> bool:
    """Whether a layer holds labels that one may wish to correct."""
    return isinstance(layer, Labels) and (is_result(layer) or not is_own_layer(layer))


def _line() -> QLabel:
    line = QLabel()
    line.setWordWrap(True)
    return line
