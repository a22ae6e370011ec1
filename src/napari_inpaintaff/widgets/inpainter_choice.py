"""Choose an inpainter: one that is installed, or a model file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QPushButton, QWidget

from napari_inpaintaff.widgets.engine import InpainterCard

MODEL_FILTER = "Inpainter (*.safetensors);;All files (*)"


class InpainterChoice(QWidget):
    """A combo box of inpainters and a button that adds a model file.

    Parameters
    ----------
    cards : sequence of InpainterCard
        The installed inpainters, the default first.
    read_card : callable
        Reads the card of a model file; raises `InpaintAffError` for bad files.
    on_error : callable
        Called with what ``read_card`` raised.
    parent : QWidget, optional
        Qt parent.
    """

    chosen = Signal()

    def __init__(
        self,
        cards: Sequence[InpainterCard],
        *,
        read_card: Callable[[Path], InpainterCard],
        on_error: Callable[[Exception], object],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._cards: list[InpainterCard] = []
        self._read_card = read_card
        self._on_error = on_error
        self.combo = QComboBox()
        self.combo.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.combo.setMinimumContentsLength(10)
        self.load_button = QPushButton("Load file…")
        self.load_button.setToolTip(
            "Use a model file (.safetensors) that you trained or were given."
        )
        self.load_button.clicked.connect(self._ask_for_file)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.combo, 1)
        layout.addWidget(self.load_button)
        for card in cards:
            self._add(card)
        self.combo.currentIndexChanged.connect(self._on_index_changed)
        self._show_tooltip()

    @property
    def card(self) -> InpainterCard | None:
        """The chosen inpainter; None when there is none at all."""
        index = self.combo.currentIndex()
        return self._cards[index] if index >= 0 else None

    def load(self, path: Path) -> None:
        """Add a model file to the list and choose it; errors go to ``on_error``."""
        try:
            card = self._read_card(path)
        except Exception as error:
            self._on_error(error)
            return
        known = [other.name for other in self._cards]
        if card.name not in known:
            self._add(card, text=path.name)
            known.append(card.name)
        self.combo.setCurrentIndex(known.index(card.name))

    def _add(self, card: InpainterCard, *, text: str = "") -> None:
        self._cards.append(card)
        self.combo.addItem(text or card.name)
        index = self.combo.count() - 1
        self.combo.setItemData(index, card.description, Qt.ItemDataRole.ToolTipRole)

    def _ask_for_file(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Load an inpainter", "", MODEL_FILTER)
        if name:
            self.load(Path(name))

    def _on_index_changed(self, index: int) -> None:
        self._show_tooltip()
        self.chosen.emit()

    def _show_tooltip(self) -> None:
        card = self.card
        about = "The network that guesses hidden pixels from visible ones."
        self.combo.setToolTip(f"{about}\n\n{card.description}" if card else about)
