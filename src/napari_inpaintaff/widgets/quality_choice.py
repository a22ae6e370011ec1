"""Choose between speed and quality, by name."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QWidget

from napari_inpaintaff.separation import SEPARATION_MODES, SeparationParameters

#: What each is for; how long it takes is computed.
_PURPOSES = {
    "draft": "A quick look: to try a region, a foreground or a network",
    "balanced": "Right for most images",
    "paper": "As thorough as in the paper: for difficult borders, and for comparisons",
}
_ABOUT = "How thoroughly cells are separated. The better, the slower."
_STUDENT = (
    "A student sees the whole image in one pass: it is always this fast, and has one quality."
)


class QualityChoice(QComboBox):
    """A combo box of the modes of the separation.

    Parameters
    ----------
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        for mode in SEPARATION_MODES:
            self.addItem(mode.capitalize(), mode)
            self.setItemData(self.count() - 1, quality_text(mode), Qt.ItemDataRole.ToolTipRole)
        self.setPlaceholderText("One pass")
        self._chosen = "balanced"
        self._one_pass = False
        self.setCurrentIndex(self.findData(self._chosen))
        self.setToolTip(_about())

    @property
    def mode(self) -> str:
        """A key of `separation.SEPARATION_MODES`; empty for a student."""
        return "" if self._one_pass else str(self.currentData())

    def choose(self, mode: str) -> None:
        """Choose a mode by its key."""
        self.setCurrentIndex(self.findData(mode))

    def set_one_pass(self, one_pass: bool) -> None:
        """Say whether the network is a student, which leaves no choice."""
        if one_pass == self._one_pass:
            return
        if one_pass:
            self._chosen = self.mode
        self._one_pass = one_pass
        self.setEnabled(not one_pass)
        self.setCurrentIndex(-1 if one_pass else self.findData(self._chosen))
        self.setToolTip(_STUDENT if one_pass else _about())


def quality_text(mode: str) -> str:
    """Say what a mode is for and how long it takes.

    Parameters
    ----------
    mode : str
        A key of `separation.SEPARATION_MODES`.

    Returns
    -------
    str
        One sentence.
    """
    ratio = _work(SEPARATION_MODES[mode]) / _work(SEPARATION_MODES["balanced"])
    if ratio > 1.2:
        times = f"; about {ratio:.0f} times slower than Balanced"
    elif ratio < 1 / 1.2:
        times = f"; about {1 / ratio:.0f} times faster than Balanced"
    else:
        times = ""
    return f"{_PURPOSES.get(mode, mode.capitalize())}{times}."


def _about() -> str:
    lines = [f"{mode.capitalize()}: {quality_text(mode)}" for mode in SEPARATION_MODES]
    return "\n".join([_ABOUT, "", *lines])


def _work(parameters: SeparationParameters) -> float:
    """Return what a pixel costs, in some unit."""
    return parameters.iterations * (parameters.patch / parameters.stride) ** 2
