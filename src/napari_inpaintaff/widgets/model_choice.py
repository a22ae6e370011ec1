"""Choose a model: one that is installed, or a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QPushButton, QWidget

from napari_inpaintaff.widgets.model_cards import ModelCard
from napari_inpaintaff.widgets.model_news import model_news

MODEL_FILTER = "Model (*.safetensors);;All files (*)"


class ModelChoice(QWidget):
    """A combo box of models and a button that adds a model file.

    When models are trained in this process, they appear at once; the choice stays.

    Parameters
    ----------
    list_cards : callable
        Lists the installed models, the default first.
    read_card : callable
        Reads the card of a model file; raises `InpaintAffError` for bad files.
    on_error : callable
        Called with what ``read_card`` raised.
    nothing : str, default ""
        Text of a first entry that stands for no model at all; empty for none.
    about : str
        What the chosen model is for, at the top of the tooltip.
    parent : QWidget, optional
        Qt parent.
    """

    chosen = Signal()

    def __init__(
        self,
        list_cards: Callable[[], Sequence[ModelCard]],
        *,
        read_card: Callable[[Path], ModelCard],
        on_error: Callable[[Exception], object],
        nothing: str = "",
        about: str = "The network that guesses hidden pixels from visible ones.",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._list_cards = list_cards
        self._about = about
        #: What the combo box offers; None stands for no model.
        self._cards: list[ModelCard | None] = []
        #: Those loaded from files, by path.
        self._loaded: dict[str, ModelCard] = {}
        self._nothing = nothing
        self._read_card = read_card
        self._on_error = on_error
        self.combo = QComboBox()
        self.combo.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        # As long as "nuclei-student · one pass".
        self.combo.setMinimumContentsLength(16)
        self.load_button = QPushButton("Load file…")
        self.load_button.setToolTip(
            "Use a model file (.safetensors) that you trained or were given."
        )
        self.load_button.clicked.connect(self._ask_for_file)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.combo, 1)
        layout.addWidget(self.load_button)
        self._fill()
        self.combo.currentIndexChanged.connect(self._on_index_changed)
        model_news.changed.connect(self.refresh)
        self._show_tooltip()

    @property
    def card(self) -> ModelCard | None:
        """The chosen model; None when there is none at all, or none is wanted."""
        index = self.combo.currentIndex()
        return self._cards[index] if index >= 0 else None

    @property
    def name(self) -> str | None:
        """Name or path of the chosen model."""
        card = self.card
        return None if card is None else card.name

    def choose(self, name: str | None) -> None:
        """Choose a model by its name; nothing happens if it is not there."""
        names = [None if card is None else card.name for card in self._cards]
        if name in names:
            self.combo.setCurrentIndex(names.index(name))

    def load(self, path: Path) -> None:
        """Add a model file to the list and choose it; errors go to ``on_error``."""
        try:
            card = self._read_card(path)
        except Exception as error:
            self._on_error(error)
            return
        if card.name not in [other.name for other in self._cards if other is not None]:
            self._loaded[card.name] = card
            self._add(card, text=path.name)
        self.choose(card.name)

    def refresh(self) -> None:
        """List the models anew; the chosen one stays chosen."""
        before = self.name
        blocked = self.combo.blockSignals(True)
        self._fill()
        self.choose(before)
        self.combo.blockSignals(blocked)
        self._show_tooltip()
        if self.name != before:
            self.chosen.emit()

    def _fill(self) -> None:
        self.combo.clear()
        self._cards = []
        if self._nothing:
            self._cards.append(None)
            self.combo.addItem(self._nothing)
        for card in self._list_cards():
            self._add(card)
        for card in self._loaded.values():
            self._add(card, text=Path(card.name).name)

    def _add(self, card: ModelCard, *, text: str = "") -> None:
        self._cards.append(card)
        text = text or card.name
        self.combo.addItem(f"{text} · one pass" if card.one_pass else text)
        index = self.combo.count() - 1
        self.combo.setItemData(index, card.description, Qt.ItemDataRole.ToolTipRole)

    def _ask_for_file(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Load a model", "", MODEL_FILTER)
        if name:
            self.load(Path(name))

    def _on_index_changed(self, index: int) -> None:
        self._show_tooltip()
        self.chosen.emit()

    def _show_tooltip(self) -> None:
        card = self.card
        self.combo.setToolTip(f"{self._about}\n\n{card.description}" if card else self._about)
