"""What one can see of the splits, and how much of it: a section of "Separate cells"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QWidget
from superqt import QCollapsible

from napari_inpaintaff.widgets.fields import field_rows
from napari_inpaintaff.widgets.split_curve import SplitCurve
from napari_inpaintaff.widgets.split_following import SplitSpeed
from napari_inpaintaff.widgets.theme_colours import ThemeColours

if TYPE_CHECKING:
    from napari_inpaintaff.separation import SplitUpdate

_SPEEDS = {
    SplitSpeed.PACED: (
        "As time allows",
        "Leaves the computer to the run: steps are left out where drawing is slow.",
    ),
    SplitSpeed.EVERY: (
        "Every step",
        "Follows one cut from its first step to its last, then another. The run gets slower.",
    ),
    SplitSpeed.FIFTH: (
        "Every 5th step",
        "Follows one cut at a time too, with fewer steps: a little faster.",
    ),
    SplitSpeed.OFF: ("Off", "Draws no splits: the fastest. The count of patches goes on."),
}
_RECORD = (
    "Keeps the pictures of the splits that are shown. At the end of the run, or when it is\n"
    "cancelled, they become a layer with a slider below the image, to watch them again.\n"
    "Choose Every step for a recording without gaps."
)
_RECORD_REFUSAL = 'Nothing is shown, so nothing can be recorded: choose another "Splits shown".'
_ONE_PASS = "A student sees the whole image in one pass: there are no splits to watch."
_NOTHING = "No split is shown at the moment."


class WatchSection(QCollapsible):
    """A curve, a line of text, and the choices how many splits are shown and recorded.

    Parameters
    ----------
    colours : ThemeColours
        Of napari's theme.
    parent : QWidget, optional
        Qt parent.
    """

    #: (SplitSpeed,)
    speed_changed = Signal(object)
    recording_changed = Signal(bool)

    def __init__(self, colours: ThemeColours, parent: QWidget | None = None) -> None:
        super().__init__("Watch the splits", parent)
        self.curve = SplitCurve(colours)
        self.line = QLabel(_NOTHING)
        self.line.setToolTip(
            "Depth 1 is the first cut of a patch; the parts are cut again at depth 2, and so on."
        )
        self.speed = QComboBox()
        for speed, (name, about) in _SPEEDS.items():
            self.speed.addItem(name, speed)
            self.speed.setItemData(self.speed.count() - 1, about, Qt.ItemDataRole.ToolTipRole)
        self._speed_about = "\n".join(
            [
                "How much of the splits you see. You can change it during a run.",
                "",
                *(f"{name}: {about}" for name, about in _SPEEDS.values()),
            ]
        )
        self.record = QCheckBox("Record the evolution")
        self.recorded = QLabel()
        self._one_pass = False

        self._lay_out()
        self.speed.currentIndexChanged.connect(self._on_speed_chosen)
        self.record.toggled.connect(self.recording_changed)
        self._show_choices()
        self.expand(animate=False)

    def choose(self, speed: SplitSpeed) -> None:
        """Choose how many steps are shown."""
        self.speed.setCurrentIndex(list(_SPEEDS).index(speed))

    def set_one_pass(self, one_pass: bool) -> None:
        """Say whether the network is a student, which has no splits."""
        self._one_pass = one_pass
        self._show_choices()

    def show_split(self, update: SplitUpdate, gains: Sequence[tuple[int, float]]) -> None:
        """Show where the split stands that the preview shows.

        Parameters
        ----------
        update : SplitUpdate
            Its newest step.
        gains : sequence of (int, float)
            Iterations and evidence of the split until now.
        """
        self.curve.show_gains(gains, update.iterations)
        self.line.setText(
            f"Patch {update.patch} of {update.total} · depth {update.depth + 1} · "
            f"iteration {update.iteration} of {update.iterations}"
        )

    def clear(self) -> None:
        """Show no split."""
        self.curve.clear()
        self.line.setText(_NOTHING)

    def show_recorded(self, pictures: int, most: int) -> None:
        """Show how many pictures are recorded, and how many can be."""
        full = pictures >= most
        self.recorded.setText(f"full: {most} pictures" if full else f"{pictures} of {most}")
        self.recorded.setToolTip("No more are kept of this run." if full else "Pictures recorded.")
        self.recorded.setVisible(pictures > 0)

    def set_colours(self, colours: ThemeColours) -> None:
        """Follow napari's theme."""
        self.curve.set_colours(colours)

    def _lay_out(self) -> None:
        speed = field_rows({"Splits shown": self.speed})
        recording = QWidget()
        row = QHBoxLayout(recording)
        row.addWidget(self.record)
        row.addStretch()
        row.addWidget(self.recorded)
        for rows in (speed, recording):
            rows.layout().setContentsMargins(0, 0, 0, 0)
        for widget in (self.curve, self.line, speed, recording):
            self.addWidget(widget)
        self.content().layout().setSpacing(4)

    def _on_speed_chosen(self) -> None:
        self._show_choices()
        self.speed_changed.emit(self._speed)

    @property
    def _speed(self) -> SplitSpeed:
        return list(_SPEEDS)[int(self.speed.currentIndex())]

    def _show_choices(self) -> None:
        refusal = _ONE_PASS if self._one_pass else ""
        self.speed.setEnabled(not refusal)
        self.speed.setToolTip(refusal or self._speed_about)
        if self._speed is SplitSpeed.OFF:
            refusal = refusal or _RECORD_REFUSAL
        self.record.setEnabled(not refusal)
        self.record.setToolTip(refusal or _RECORD)
