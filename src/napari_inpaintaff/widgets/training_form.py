"""The fields of the dock widget "Train inpainter" and the settings that they say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)
from superqt import QCollapsible

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.images import NormalisationKind
from napari_inpaintaff.widgets.fields import (
    DEVICES,
    USUAL_DIAMETER,
    field_group,
    field_rows,
    spin_box,
)
from napari_inpaintaff.widgets.file_choice import FileChoice
from napari_inpaintaff.widgets.model_cards import ModelCard
from napari_inpaintaff.widgets.model_choice import ModelChoice
from napari_inpaintaff.widgets.model_name_field import ModelNameField
from napari_inpaintaff.widgets.training_files import InterruptedTraining
from napari_inpaintaff.widgets.training_settings import TrainingSettings

KINDS: dict[str, NormalisationKind] = {
    "Fluorescence (bright on dark)": "fluorescence",
    "Other (phase contrast, brightfield…)": "linear",
}
PRESETS = {"Quick look (2 min)": 2.0, "Standard (20 min)": 20.0, "Thorough (60 min)": 60.0}
OTHER = "Other"
NETWORKS = {
    "Small: fast": "small",
    "Partial convolutions": "pconv",
    "As in the paper: needs a GPU": "paper",
}
LOSSES = {
    "Likelihood (Laplace)": "laplace",
    "Absolute error (L1)": "l1",
    "Liu et al. 2018": "liu2018",
}
_FILTER = "Weights of a VGG16 (*.pth *.pt *.safetensors);;All files (*)"


class TrainingForm(QWidget):
    """All fields but the images.

    Parameters
    ----------
    list_cards : callable
        Lists the installed inpainters, to start from.
    read_card : callable
        Reads the card of a model file.
    find_interrupted : callable
        Returns the training of a name that can go on, or None.
    on_error : callable
        Called with what ``read_card`` raised.
    parent : QWidget, optional
        Qt parent.
    """

    changed = Signal()
    #: (InterruptedTraining,): the user wants this training to go on.
    resume_wanted = Signal(object)

    def __init__(
        self,
        list_cards: Callable[[], Sequence[ModelCard]],
        *,
        read_card: Callable[[Path], ModelCard],
        find_interrupted: Callable[[str], InterruptedTraining | None],
        on_error: Callable[[Exception], object],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._resumed: InterruptedTraining | None = None
        self.name = ModelNameField(find_interrupted)
        self.start_from = ModelChoice(
            list_cards,
            read_card=read_card,
            on_error=on_error,
            nothing="Nothing: a new network",
            about=(
                "A network that knows images like yours already needs less time.\n"
                "It stays as it is; the result is a model of its own."
            ),
        )
        self._make_fields()
        self._make_advanced_fields()
        self._tooltips = {field: field.toolTip() for field in self._locked_fields()}
        self._lay_out()
        self.name.changed.connect(self._on_name_changed)
        self.start_from.chosen.connect(self._on_start_chosen)
        self.preset.currentIndexChanged.connect(self._on_preset_chosen)
        self.loss.currentIndexChanged.connect(self._lock_fields)
        self._on_preset_chosen()
        self._lock_fields()

    @property
    def problem(self) -> str:
        """Why a training cannot start; empty when it can."""
        return self.name.problem

    def settings(self, channel: int | str | None) -> TrainingSettings:
        """Say what shall be trained.

        Parameters
        ----------
        channel : int, str or None
            Of files with several channels.

        Raises
        ------
        ParameterError
            When a field has to be filled in first.
        """
        if self.problem:
            raise ParameterError(self.problem)
        card = self.start_from.card
        return TrainingSettings(
            name=self.name.name,
            minutes=self.minutes.value(),
            diameter=self.diameter.value(),
            normalisation=self.kind.currentData(),
            start_from=self.start_from.name,
            denoise=self.denoise.isChecked() and not (card is not None and card.denoises),
            network=self.network.currentData(),
            loss=self.loss.currentData(),
            vgg=self.vgg.path if self.loss.currentData() == "liu2018" else None,
            seed=self.seed.value(),
            device=self.device.currentData(),
            channel=channel,
        )

    def show_settings(self, settings: TrainingSettings) -> None:
        """Fill in the fields, except for the name."""
        self._show_minutes(settings.minutes)
        if settings.start_from is not None and Path(settings.start_from).is_absolute():
            self.start_from.load(Path(settings.start_from))
        self.start_from.choose(settings.start_from)
        self.diameter.setValue(settings.diameter)
        self.denoise.setChecked(settings.denoise)
        self.vgg.set_path(settings.vgg)
        self.seed.setValue(settings.seed)
        for combo, value in (
            (self.kind, settings.normalisation),
            (self.network, settings.network),
            (self.loss, settings.loss),
            (self.device, settings.device),
        ):
            combo.setCurrentIndex(max(0, combo.findData(value)))

    def _make_fields(self) -> None:
        self.diameter = spin_box(QDoubleSpinBox, 4, 400, USUAL_DIAMETER, " px")
        self.diameter.setDecimals(1)
        self.diameter.setToolTip(
            "Typical diameter of one cell in these images, in pixels.\n"
            '"Separate cells" takes it over from the model.'
        )
        self.kind = _combo(
            KINDS,
            "Fluorescence: cells are brighter than the background, by factors.\n"
            "Other: anything else, such as phase contrast, brightfield, or stained tissue.",
        )
        self.preset = QComboBox()
        self.preset.addItems([*PRESETS, OTHER])
        self.preset.setCurrentIndex(list(PRESETS.values()).index(20.0))
        self.preset.setToolTip(
            "Longer is better, up to a point: watch the curve and the verdict.\n"
            "You can stop at any time and keep the best network so far."
        )
        self.minutes = spin_box(QDoubleSpinBox, 0.1, 10_000, 20, " min")
        self.minutes.setDecimals(1)
        self.minutes.setToolTip("How long to train.")
        self.minutes.setMinimumWidth(
            self.minutes.fontMetrics().horizontalAdvance("+ 00000.0 min -") + 30
        )
        self.denoise = QCheckBox("Denoise first")
        self.denoise.setToolTip(
            "For images in which single pixels flicker with noise (dim, or short exposure).\n"
            "A quarter of the time goes into a network that learns, from the same images,\n"
            "to take the noise away. The model remembers it: images are then denoised\n"
            'the same way in "Separate cells". Leave it off for clean images.'
        )

    def _make_advanced_fields(self) -> None:
        self.network = _combo(
            NETWORKS,
            "Small suits most images. The others are slower to train and to use;\n"
            "the one of the paper takes hours without a GPU.",
        )
        self.loss = _combo(
            LOSSES,
            "What the training makes small. Likelihood: the network also says how sure it is,\n"
            "which separates cells best. The others are for comparison with the papers.",
        )
        self.vgg = FileChoice(title="Weights of a VGG16", file_filter=_FILTER)
        self.vgg.setToolTip(
            "A file with the weights of VGG16, for the perceptual part of the loss of Liu et al.\n"
            "Without it that part is left out."
        )
        self.seed = spin_box(QSpinBox, 0, 2**31 - 1, 0)
        self.seed.setToolTip("Start of all random choices.")
        self.device = _combo(DEVICES, "Where to train. Automatic takes a GPU if there is one.")

    def _lay_out(self) -> None:
        time = QWidget()
        row = QHBoxLayout(time)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.preset, 1)
        row.addWidget(self.minutes)
        time.setToolTip(self.preset.toolTip())
        self.advanced = QCollapsible("Advanced")
        self.advanced.addWidget(
            field_rows(
                {
                    "Network": self.network,
                    "Loss": self.loss,
                    "VGG16 file": self.vgg,
                    "Seed": self.seed,
                    "Device": self.device,
                }
            )
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(
            field_group(
                "What to train",
                {
                    "Model name": self.name,
                    "Kind of image": self.kind,
                    "Cell diameter": self.diameter,
                    "Time": time,
                    "Start from": self.start_from,
                    "Noise": self.denoise,
                },
            )
        )
        layout.addWidget(self.advanced)

    def _show_minutes(self, minutes: float) -> None:
        presets = list(PRESETS.values())
        known = minutes in presets
        self.preset.setCurrentIndex(presets.index(minutes) if known else len(presets))
        self.minutes.setValue(minutes)

    def _on_preset_chosen(self) -> None:
        minutes = PRESETS.get(self.preset.currentText())
        self.minutes.setVisible(minutes is None)
        if minutes is not None:
            self.minutes.setValue(minutes)

    def _on_start_chosen(self) -> None:
        card = self.start_from.card
        if card is not None:
            self.diameter.setValue(card.diameter)
            self.kind.setCurrentIndex(self.kind.findData(card.normalisation))
            self.denoise.setChecked(card.denoises)
            if card.laplace != (self.loss.currentData() == "laplace"):
                self.loss.setCurrentIndex(self.loss.findData("laplace" if card.laplace else "l1"))
        self._lock_fields()

    def _on_name_changed(self) -> None:
        wanted = self.name.interrupted
        if wanted != self._resumed:
            self._resumed = wanted
            if wanted is not None:
                if wanted.settings is not None:
                    self.show_settings(wanted.settings)
                self.resume_wanted.emit(wanted)
            self._lock_fields()
        self.changed.emit()

    def _locked_fields(self) -> tuple[Any, ...]:
        return (
            self.start_from,
            self.kind,
            self.denoise,
            self.network,
            self.loss,
            self.vgg,
            self.seed,
        )

    def _lock_fields(self) -> None:
        """Disable what is given by something else; the tooltip says by what."""
        card, reasons = self.start_from.card, {}
        if card is not None:
            taken = f"Taken over from {Path(card.name).stem}, which the training starts from."
            reasons = {self.kind: taken, self.network: taken}
            if card.laplace:
                reasons[self.loss] = taken
            if card.denoises:
                reasons[self.denoise] = taken
        if self.loss.currentData() != "liu2018":
            reasons[self.vgg] = "Only the loss of Liu et al. 2018 needs it."
        if self._resumed is not None and self._resumed.settings is not None:
            resumed = "The interrupted training goes on with the settings it was started with."
            reasons = dict.fromkeys(self._locked_fields(), resumed)
        laplace = self.loss.model().item(self.loss.findData("laplace"))
        laplace.setEnabled(card is None or card.laplace)
        for field in self._locked_fields():
            field.setEnabled(field not in reasons)
            field.setToolTip(reasons.get(field, self._tooltips[field]))


def _combo(entries: Mapping[str, str], tooltip: str) -> QComboBox:
    combo = QComboBox()
    for text, value in entries.items():
        combo.addItem(text, value)
    combo.setToolTip(tooltip)
    return combo
