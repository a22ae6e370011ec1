"""Which channel to take of files that have several, or which ones to combine."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QWidget

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.images import parse_channel

#: How many channels the list offers; others are typed.
_LISTED = 8

_ONE = "Files have one channel"


class ChannelField(QComboBox):
    """A list of channel numbers in which names and combinations can be typed.

    Parameters
    ----------
    parent : QWidget, optional
        The Qt parent.

    Attributes
    ----------
    changed : Signal
        Another channel was chosen, or one was typed and confirmed.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.addItem(_ONE)
        self.addItems([_listed(number) for number in range(_LISTED)])
        self.setEditable(True)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.setToolTip(
            "Which channel to take of files that have several. Numbers count from 0.\n"
            "Type 0+2 to combine channels: each is normalised, so that none drowns the others.\n"
            "Names from the metadata of the files work, too: DAPI, or DAPI+GFP."
        )
        self._value: int | str | None = None
        self.currentIndexChanged.connect(self._on_edited)
        self.lineEdit().editingFinished.connect(self._on_edited)

    @property
    def value(self) -> int | str | None:
        """A number, a name, or a combination such as ``"0+2"``; None for files with one."""
        text = self.currentText().strip()
        row = self.findText(text)
        if row >= 0:
            return row - 1 if row > 0 else None
        try:
            return parse_channel(text)
        except ParameterError:
            return None

    def choose(self, channel: int | str | None) -> None:
        """Show a channel; `changed` tells if it is another one."""
        if channel is None:
            self.setCurrentIndex(0)
        elif isinstance(channel, int) and channel < _LISTED:
            self.setCurrentIndex(channel + 1)
        else:
            self.setEditText(str(channel))
        self._on_edited()

    def _on_edited(self) -> None:
        if self.value is None and self.currentText() != _ONE:
            self.setEditText(_ONE)
        if self.value != self._value:
            self._value = self.value
            self.changed.emit()


def _listed(number: int) -> str:
    return f"Channel {number} of files"
