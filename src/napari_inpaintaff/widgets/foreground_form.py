"""The fields of the dock widget "Foreground" and the settings that they say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from napari.layers import Layer
from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)
from superqt import QCollapsible

from napari_inpaintaff.foreground.fgnet_parameters import DEFAULT_STEPS
from napari_inpaintaff.widgets.fields import (
    DEVICES,
    USUAL_DIAMETER,
    field_group,
    field_rows,
    spin_box,
)
from napari_inpaintaff.widgets.foreground_labels import misfit
from napari_inpaintaff.widgets.foreground_layers import is_found_mask
from napari_inpaintaff.widgets.foreground_settings import ForegroundSettings, LabelMeaning
from napari_inpaintaff.widgets.foreground_words import NO_IMAGE
from napari_inpaintaff.widgets.form import SEED_TEXT
from napari_inpaintaff.widgets.layer_choice import LayerChoice, image_refusal, is_image
from napari_inpaintaff.widgets.model_cards import ModelCard
from napari_inpaintaff.widgets.model_choice import ModelChoice
from napari_inpaintaff.widgets.model_name_field import ModelNameField
from napari_inpaintaff.widgets.paint_layers import belongs_to, is_paint_layer, may_teach
from napari_inpaintaff.widgets.paint_tools import LEGEND, PaintTools
from napari_inpaintaff.widgets.region_picker import RegionPicker
from napari_inpaintaff.widgets.training_form import KINDS

#: How long to train, in steps.
LENGTHS = {"Quick look": DEFAULT_STEPS // 4, "Standard": DEFAULT_STEPS, "Thorough": 3000}
CONTINUING = "The training goes on as it began. Tick Start anew to change this."


class ForegroundForm(QWidget):
    """All fields but the threshold.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers to offer.
    list_cards : callable
        Lists the models to start from.
    read_card : callable
        Reads the card of a model file.
    on_error : callable
        Called with what ``read_card`` raised.
    parent : QWidget, optional
        Qt parent.
    """

    changed = Signal()

    def __init__(
        self,
        viewer: Any,
        list_cards: Callable[[], Sequence[ModelCard]],
        *,
        read_card: Callable[[Path], ModelCard],
        on_error: Callable[[Exception], object],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._make_label_fields(viewer)
        self._make_training_fields(list_cards, read_card, on_error)
        self._lay_out()
        self.image.chosen.connect(self.labels.refresh)
        for signal in (self.image.chosen, self.labels.chosen, self.name.changed):
            signal.connect(self.changed)
        self.start_from.chosen.connect(self._take_over_card)

    @property
    def problem(self) -> str:
        """Why no training can start; empty when it can."""
        if self.image.layer is None:
            return NO_IMAGE
        if image_refusal(self.image.layer):
            return image_refusal(self.image.layer)
        if self.labels.layer is None:
            return 'Press "Paint labels" and paint over a few cells first.'
        return self.name.problem

    def settings(self) -> ForegroundSettings:
        """Say how to train."""
        return ForegroundSettings(
            name=self.name.name,
            diameter=self.diameter.value(),
            normalisation=KINDS[self.kind.currentText()],
            steps=LENGTHS[str(self.length.currentData())],
            start_from=self.start_from.name,
            seed=self.seed.value(),
            device=DEVICES[self.device.currentText()],
        )

    def chosen_meaning(self) -> LabelMeaning:
        """Say what is not painted."""
        return LabelMeaning(self.meaning.currentText())

    def set_stage(self, *, running: bool, continuing: bool) -> None:
        """Disable what cannot change now; painting goes on.

        Parameters
        ----------
        running : bool
            While a training runs.
        continuing : bool
            When the next training goes on from an earlier one.
        """
        for field in self._fixed_while_running:
            field.setEnabled(not running)
        for field, tooltip in self._fixed_once:
            field.setEnabled(not (running or continuing))
            field.setToolTip(CONTINUING if continuing else tooltip)

    def dispose(self) -> None:
        """Stop following the viewer."""
        self.image.dispose()
        self.labels.dispose()

    def _make_label_fields(self, viewer: Any) -> None:
        self.image = LayerChoice(viewer, accepts=is_image, placeholder="Open an image first")
        self.image.setToolTip(
            "The image whose cells are to be found: one channel to learn from.\n"
            "Of a stack or time-lapse, what is painted on any plane counts."
        )
        self.labels = LayerChoice(
            viewer,
            accepts=lambda layer: may_teach(layer) and not is_found_mask(layer),
            refusal=self._label_refusal,
            fixed={"Nothing painted yet": ""},
        )
        self.labels.setMinimumContentsLength(8)
        self.labels.setToolTip("What to learn from: the layer that you paint in, or label images.")
        self.tools = PaintTools()
        self.meaning = QComboBox()
        self.meaning.addItems([meaning.value for meaning in LabelMeaning])
        self.meaning.setToolTip(
            "What it means where nothing is painted.\n"
            "Automatic: unknown, unless you chose a region and painted whole cells in it and no\n"
            "background. Label images that you load are read by their numbers."
        )
        self.region = RegionPicker(viewer)
        self.diameter = spin_box(QDoubleSpinBox, 4, 400, USUAL_DIAMETER, " px")
        self.diameter.setDecimals(1)
        self.diameter.setToolTip(
            "Typical diameter of one cell in pixels. The brush fits it, and the network sees the\n"
            "image at the size that it was trained for."
        )

    def _make_training_fields(
        self,
        list_cards: Callable[[], Sequence[ModelCard]],
        read_card: Callable[[Path], ModelCard],
        on_error: Callable[[Exception], object],
    ) -> None:
        self.kind = QComboBox()
        self.kind.addItems(list(KINDS))
        self.length = QComboBox()
        for name, steps in LENGTHS.items():
            self.length.addItem(f"{name} ({steps} steps)", name)
        self.length.setCurrentIndex(1)
        self.length.setToolTip(
            "Standard takes about two minutes on an idle computer. You can finish at any time."
        )
        self.name = ModelNameField(lambda name: None, ending="foreground")
        self.start_from = ModelChoice(
            list_cards,
            read_card=read_card,
            on_error=on_error,
            nothing="Nothing: random weights",
            about="What the training begins with: who knows such images learns faster.",
        )
        self.start_from.combo.setCurrentIndex(min(1, self.start_from.combo.count() - 1))
        self.seed = spin_box(QSpinBox, 0, 2**31 - 1, 0, "")
        self.seed.setToolTip(SEED_TEXT)
        self.device = QComboBox()
        self.device.addItems(list(DEVICES))
        self.device.setToolTip("Where to train. Automatic takes a GPU if there is one.")
        kind_text = "Which values are cells: bright ones, or whatever is unlike the background."
        self._fixed_once: list[tuple[QWidget, str]] = [
            (self.kind, kind_text),
            (self.start_from, ""),
            (self.diameter, self.diameter.toolTip()),
        ]
        self.kind.setToolTip(kind_text)

    def _lay_out(self) -> None:
        row = QWidget()
        beside = QHBoxLayout(row)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.addWidget(self.labels, 1)
        beside.addWidget(self.tools.new_button)
        row.setToolTip(self.labels.toolTip())
        group = field_group(
            "What to learn from",
            {
                "Image": self.image,
                "Cell diameter": self.diameter,
                "Labels": row,
                "Paint": self.tools,
                "Region": self.region,
            },
        )
        legend = QLabel(LEGEND)
        legend.setWordWrap(True)
        group.layout().insertRow(4, legend)
        training = field_group(
            "What to train",
            {"Name": self.name, "Kind of images": self.kind, "Length": self.length},
        )
        self.advanced = QCollapsible("Advanced")
        self.advanced.addWidget(
            field_rows(
                {
                    "Not painted": self.meaning,
                    "Start from": self.start_from,
                    "Seed": self.seed,
                    "Device": self.device,
                }
            )
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (group, training, self.advanced):
            layout.addWidget(widget)
        self._fixed_while_running: tuple[QWidget, ...] = (
            self.image,
            row,
            self.region,
            self.name,
            self.length,
            self.advanced,
        )

    def _label_refusal(self, layer: Layer) -> str:
        source = self.image.layer
        if source is None:
            return "Choose an image first."
        if is_paint_layer(layer) and not belongs_to(layer, source):
            return "This was painted over another image."
        return misfit(layer, source)

    def _take_over_card(self) -> None:
        card = self.start_from.card
        if card is not None:
            kinds = list(KINDS.values())
            self.kind.setCurrentIndex(kinds.index(card.normalisation))
