"""What the fields of a form hold, as text and numbers, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeGuard

from napari.layers import Layer
from qtpy.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QLineEdit, QSpinBox, QWidget
from superqt import QLabeledDoubleSlider

from napari_inpaintaff.session import Json
from napari_inpaintaff.widgets.foreground_choice import ForegroundChoice
from napari_inpaintaff.widgets.layer_choice import LayerChoice
from napari_inpaintaff.widgets.model_choice import ModelChoice
from napari_inpaintaff.widgets.quality_choice import QualityChoice
from napari_inpaintaff.widgets.region_picker import RegionPicker

Fields = Mapping[str, QWidget]


def field_values(fields: Fields, key_of: Callable[[Layer], str | None]) -> dict[str, Json]:
    """Say what fields hold.

    Parameters
    ----------
    fields : mapping of str to QWidget
        By name.
    key_of : callable
        Names a layer that is chosen; None for one that the session does not hold.

    Returns
    -------
    dict of str to JSON
    """
    return {name: _value(field, key_of) for name, field in fields.items()}


def set_field_values(
    fields: Fields, values: Mapping[str, Json], layer_of: Callable[[str], Layer | None]
) -> list[str]:
    """Let fields hold what they held.

    Parameters
    ----------
    fields : mapping of str to QWidget
        By name, in the order in which they depend on each other.
    values : mapping of str to JSON
        Read from a file: whatever does not fit a field is left out.
    layer_of : callable
        Finds a layer by its name; None when it is not there.

    Returns
    -------
    list of str
        A sentence for every model or layer that is not there.
    """
    missing = []
    for name, field in fields.items():
        if name in values and values[name] is not None:
            missing.append(_set(field, values[name], layer_of))
    return [sentence for sentence in missing if sentence]


def _value(field: QWidget, key_of: Callable[[Layer], str | None]) -> Json:
    if isinstance(field, LayerChoice):
        chosen = field.value
        if isinstance(chosen, Layer):
            return {"layer": key_of(chosen)}
        return {"entry": chosen}
    if isinstance(field, ModelChoice):
        return field.name
    if isinstance(field, QualityChoice):
        return field.mode
    if isinstance(field, RegionPicker):
        return field.choice.name
    if isinstance(field, QComboBox):
        return str(field.currentText())
    if isinstance(field, QLineEdit):
        return str(field.text())
    if isinstance(field, QCheckBox):
        return bool(field.isChecked())
    if isinstance(field, QSpinBox):
        return int(field.value())
    return float(field.value())


def _set(field: QWidget, value: Any, layer_of: Callable[[str], Layer | None]) -> str:
    """Set a field; return a sentence when what it held is not there any more."""
    if isinstance(field, LayerChoice):
        return _choose_layer(field, value, layer_of)
    if isinstance(field, ModelChoice):
        return _choose_model(field, str(value))
    if isinstance(field, QComboBox):
        # A quality is chosen by its key, other combo boxes by what the user reads.
        data = field.findData(value) if isinstance(field, QualityChoice) else -1
        index = data if data >= 0 else field.findText(str(value))
        if index >= 0:
            field.setCurrentIndex(index)
    elif isinstance(field, RegionPicker):
        field.choose_named(str(value))
    elif isinstance(field, QLineEdit):
        field.setText(str(value))
    elif isinstance(field, QCheckBox):
        field.setChecked(value is True)
    elif isinstance(field, (QSpinBox, QDoubleSpinBox, QLabeledDoubleSlider)) and isinstance(
        value, (int, float)
    ):
        # Qt keeps to the range.
        field.setValue(int(value) if isinstance(field, QSpinBox) else float(value))
    return ""


def _choose_layer(field: LayerChoice, value: Any, layer_of: Callable[[str], Layer | None]) -> str:
    if not isinstance(value, dict):
        return ""
    if "entry" in value:
        entry = str(value["entry"] or "")
        field.choose(entry)
        if _is_file_to_load(field, entry):
            field.load(Path(entry))
        if entry and field.value != entry:
            return f"There is no foreground {entry} here."
        return ""
    layer = layer_of(str(value.get("layer")))
    if layer is not None:
        field.choose(layer)
    return ""


def _is_file_to_load(field: LayerChoice, entry: str) -> TypeGuard[ForegroundChoice]:
    is_file = entry.endswith(".safetensors") and Path(entry).is_file()
    return isinstance(field, ForegroundChoice) and field.value != entry and is_file


def _choose_model(field: ModelChoice, name: str) -> str:
    field.choose(name)
    if field.name != name and name.endswith(".safetensors") and Path(name).is_file():
        field.load(Path(name))
    if field.name == name:
        return ""
    return f"The network {Path(name).name} is not here: {field.name or 'none'} is chosen."
