"""Rows of fields, as all dock widgets of this plugin show them."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QFormLayout, QGroupBox, QPushButton, QVBoxLayout, QWidget

#: Of nuclei, in pixels.
USUAL_DIAMETER = 25.0

DEVICES = {
    "Automatic": "auto",
    "Processor (CPU)": "cpu",
    "NVIDIA GPU (CUDA)": "cuda",
    "Apple GPU (MPS)": "mps",
}


def spin_box(kind: type[Any], low: float, high: float, value: float, suffix: str = "") -> Any:
    """Make a spin box of a Qt class, with its range, value and unit."""
    box = kind()
    box.setRange(low, high)
    box.setValue(value)
    box.setSuffix(suffix)
    return box


def set_button(button: QPushButton, tooltip: str, refusal: str) -> None:
    """Let a button say what it does, or why it cannot be pressed if there is a refusal."""
    button.setEnabled(not refusal)
    button.setToolTip(refusal or tooltip)


def field_group(title: str, fields: dict[str, QWidget]) -> QGroupBox:
    """Put fields with their labels into a box with a title."""
    group = QGroupBox(title)
    _add_fields(QFormLayout(group), fields)
    return group


def widget_group(title: str, contents: QWidget) -> QGroupBox:
    """Put a widget into a box with a title."""
    group = QGroupBox(title)
    QVBoxLayout(group).addWidget(contents)
    return group


def field_rows(fields: dict[str, QWidget]) -> QWidget:
    """Put fields with their labels into rows."""
    widget = QWidget()
    _add_fields(QFormLayout(widget), fields)
    return widget


def _add_fields(form: QFormLayout, fields: dict[str, QWidget]) -> None:
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    for text, field in fields.items():
        form.addRow(text, field)
        label = form.labelForField(field)
        label.setToolTip(field.toolTip())
