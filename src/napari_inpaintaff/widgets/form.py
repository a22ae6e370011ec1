"""The fields of the dock widget and the settings that they say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)
from superqt import QCollapsible, QLabeledDoubleSlider

from napari_inpaintaff.partition import DEFAULT_METHOD, MUTEX_WATERSHEDS, PartitionParameters
from napari_inpaintaff.widgets.fields import (
    DEVICES,
    USUAL_DIAMETER,
    field_group,
    field_rows,
    spin_box,
)
from napari_inpaintaff.widgets.foreground_choice import ALL_METHODS, ForegroundChoice
from napari_inpaintaff.widgets.layer_choice import LayerChoice, image_refusal, is_image, is_mask
from napari_inpaintaff.widgets.model_cards import ModelCard
from napari_inpaintaff.widgets.model_choice import ModelChoice
from napari_inpaintaff.widgets.quality_choice import QualityChoice
from napari_inpaintaff.widgets.region_picker import RegionPicker
from napari_inpaintaff.widgets.settings import LabelSettings, NetworkSettings

SEED_TEXT = "Start of all random choices: the same seed gives the same result."
#: What the labels are made from, and the partition method that does it.
EVIDENCE = {
    "Shape and image": DEFAULT_METHOD,
    "Image": "mutex_watershed",
    "Image and outline": "outline_mutex_watershed",
}


class SettingsForm(QWidget):
    """All fields, without any behaviour beyond saying what they hold.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers to offer.
    list_cards : callable
        Lists the installed models.
    read_card : callable
        Reads the card of a model file.
    on_error : callable
        Called with what ``read_card`` raised.
    parent : QWidget, optional
        Qt parent.
    """

    #: Outlines, evidence, alpha or the minimum size is another one.
    label_settings_changed = Signal()
    #: Anything but image and region is another one.
    settings_changed = Signal()

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
        self.image = LayerChoice(
            viewer,
            accepts=is_image,
            refusal=image_refusal,
            placeholder="Open an image first",
        )
        self.image.setToolTip(
            "The image whose cells touch: one channel.\n"
            "Of a stack or time-lapse, the plane that you see is used."
        )
        self.model = ModelChoice(list_cards, read_card=read_card, on_error=on_error)
        self.quality = QualityChoice()
        self.region = RegionPicker(viewer)
        self.foreground = ForegroundChoice(
            viewer, accepts=is_mask, methods=ALL_METHODS, on_error=on_error
        )
        self.foreground.setToolTip(
            "Where the cells are. A Labels layer of the same size can be the mask:\n"
            "every non-zero pixel is foreground. Changes show at once.\n"
            "The inpainting error also finds cells on an uneven background. It takes longer.\n"
            'With "Foreground" (in the menu Plugins) you teach a network, which is listed here,\n'
            "as is every other network of yours that finds a foreground."
        )
        self.diameter = spin_box(QDoubleSpinBox, 4, 400, USUAL_DIAMETER, " px")
        self.diameter.setDecimals(1)
        self.diameter.setToolTip(
            "Typical diameter of one cell in pixels.\n"
            "The network sees the image at the size that it was trained for."
        )
        self._make_label_fields()
        self._make_advanced_fields()
        self._lay_out()
        self.model.chosen.connect(self._take_over_card)
        self._take_over_card()
        # The last, so that they tell what the others have made of it.
        for changed in (
            self.model.chosen,
            self.quality.currentIndexChanged,
            self.foreground.chosen,
            self.diameter.valueChanged,
            self.outlines.toggled,
            self.evidence.currentIndexChanged,
            self.alpha.valueChanged,
            self.minimum_size.valueChanged,
            self.seed.valueChanged,
            self.device.currentIndexChanged,
        ):
            changed.connect(self.settings_changed)

    @property
    def chosen_device(self) -> str:
        """Where networks shall run, as the core calls it."""
        return DEVICES[self.device.currentText()]

    def network_settings(self) -> NetworkSettings | None:
        """Say what the affinities shall be computed with; None without any model."""
        card = self.model.card
        if card is None:
            return None
        return NetworkSettings(
            model=card.name,
            diameter=self.diameter.value(),
            quality=self.quality.mode,
            seed=0 if card.one_pass else self.seed.value(),
            device=self.chosen_device,
        )

    def label_settings(self) -> LabelSettings:
        """Say how the labels shall be built."""
        return LabelSettings(
            alpha=round(self.alpha.value(), 2),
            minimum_size=self.minimum_size.value(),
            method=EVIDENCE[self.evidence.currentText()],
            outlines="auto" if self.outlines.isChecked() else "keep",
        )

    def dispose(self) -> None:
        """Stop following the viewer."""
        self.image.dispose()
        self.foreground.dispose()

    def _make_label_fields(self) -> None:
        self.outlines = QCheckBox("Move to the edges of the image")
        self.outlines.setChecked(True)
        self.outlines.setToolTip(
            "Outlines of the foreground that miss the edges of the image by about a pixel or more\n"
            "are moved there, so a mask may be roughly painted. Others stay as they are.\n"
            "The labels follow at once."
        )
        self.outlines.toggled.connect(self.label_settings_changed)
        self.evidence = QComboBox()
        self.evidence.addItems(list(EVIDENCE))
        self._proposed_evidence = self.evidence.currentText()
        self.evidence.setToolTip(
            "What tells one cell from two. Shape and image: pieces are put together to what has\n"
            "the shape of a cell, unless the image parts them. Image: where the network parts\n"
            "them, the method of the paper. Image and outline: also where the outline of the\n"
            "foreground is narrow. The labels follow at once."
        )
        self.evidence.currentIndexChanged.connect(self._propose_alpha)
        self.evidence.currentIndexChanged.connect(self.label_settings_changed)
        self.alpha = QLabeledDoubleSlider(Qt.Orientation.Horizontal)
        self.alpha.setRange(0.5, 3.0)
        self.alpha.setSingleStep(0.05)
        self.alpha.setPageStep(0.1)
        self.alpha.setDecimals(2)
        self.alpha.setValue(PartitionParameters.alpha)
        self._proposed_alpha = self.alpha.value()
        self.alpha.setToolTip(
            "Weight of the evidence for cuts. More: cells are cut apart more readily;\n"
            "less: pieces are joined. Useful from 0.85 to 2.5. The labels follow at once.\n"
            "For the evidence of the image, a student brings the value that suits it."
        )
        self.alpha.valueChanged.connect(self.label_settings_changed)
        self.minimum_size = spin_box(QSpinBox, 0, 100_000, PartitionParameters.minimum_size, " px")
        self.minimum_size.setToolTip(
            "Smaller pieces are given to the neighbour that they touch most.\n"
            "The labels follow at once."
        )
        self.minimum_size.valueChanged.connect(self.label_settings_changed)
        self._proposed_size = self.minimum_size.value()
        self.diameter.valueChanged.connect(self._propose_minimum_size)

    def _make_advanced_fields(self) -> None:
        self.seed = spin_box(QSpinBox, 0, 2**31 - 1, 0, "")
        self.seed.setToolTip(SEED_TEXT)
        self.device = QComboBox()
        self.device.addItems(list(DEVICES))
        self.device.setToolTip("Where the network runs. Automatic takes a GPU if there is one.")

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(
            field_group(
                "What to separate",
                {
                    "Image": self.image,
                    "Network": self.model,
                    "Quality": self.quality,
                    "Region": self.region,
                    "Foreground": self.foreground.with_button(),
                    "Cell diameter": self.diameter,
                },
            )
        )
        layout.addWidget(
            field_group(
                "Labels (change at any time)",
                {
                    "Outlines": self.outlines,
                    "Evidence": self.evidence,
                    "Cut strength α": self.alpha,
                    "Minimum size": self.minimum_size,
                },
            )
        )
        self.advanced = QCollapsible("Advanced")
        self.advanced.addWidget(
            field_rows(
                {
                    "Seed": self.seed,
                    "Device": self.device,
                }
            )
        )
        layout.addWidget(self.advanced)

    def _propose_minimum_size(self) -> None:
        """Let the minimum size grow with the area of a cell until the user sets it."""
        if self.minimum_size.value() == self._proposed_size:
            relative = self.diameter.value() / USUAL_DIAMETER
            self._proposed_size = round(PartitionParameters.minimum_size * relative**2)
            self.minimum_size.setValue(self._proposed_size)

    def _take_over_card(self) -> None:
        card = self.model.card
        if card is None:
            return
        self.diameter.setValue(card.diameter)
        self._propose_evidence("Image" if card.labelled else "Shape and image")
        self._propose_alpha()
        self.quality.set_one_pass(card.one_pass)
        self.seed.setEnabled(not card.one_pass)
        self.seed.setToolTip("A student makes no random choices." if card.one_pass else SEED_TEXT)

    def _propose_evidence(self, evidence: str) -> None:
        """Let the evidence be what suits the network until the user chooses it."""
        if self.evidence.currentText() == self._proposed_evidence:
            # Labels on show are another network's: they stay as they are.
            blocked = self.blockSignals(True)
            self.evidence.setCurrentText(evidence)
            self.blockSignals(blocked)
            self._proposed_evidence = evidence

    def _propose_alpha(self) -> None:
        """Let alpha be what suits the network and the evidence until the user sets it."""
        card = self.model.card
        alpha = PartitionParameters.alpha
        if (
            card is not None
            and card.alpha is not None
            and EVIDENCE[self.evidence.currentText()] in MUTEX_WATERSHEDS
        ):
            alpha = card.alpha
        if self.alpha.value() == self._proposed_alpha:
            # Labels on show are another network's: they stay as they are.
            blocked = self.blockSignals(True)
            self.alpha.setValue(round(alpha, 2))
            self.blockSignals(blocked)
            self._proposed_alpha = self.alpha.value()
