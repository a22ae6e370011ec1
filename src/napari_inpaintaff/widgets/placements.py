"""Where layers lie, for sessions."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Layer

from napari_inpaintaff.session import Placement


def placement_of(layer: Layer) -> Placement:
    """Record where a layer lies."""
    shear = np.asarray(layer.shear, dtype=float)
    if shear.ndim == 1:
        # napari tells shears by the pairs of axes above the diagonal, row by row.
        matrix = np.eye(layer.ndim)
        matrix[np.triu_indices(layer.ndim, 1)] = shear
        shear = matrix
    return Placement(
        scale=_row(layer.scale),
        translate=_row(layer.translate),
        rotate=_rows(layer.rotate),
        shear=_rows(shear),
        affine=_rows(layer.affine.affine_matrix),
        units=tuple(str(unit) for unit in layer.units),
        axis_labels=tuple(str(label) for label in layer.axis_labels),
    )


def placement_arguments(placement: Placement) -> dict[str, Any]:
    """Give the arguments of napari that put a layer where it was."""
    return {
        "scale": placement.scale,
        "translate": placement.translate,
        "rotate": np.asarray(placement.rotate),
        "shear": np.asarray(placement.shear),
        "affine": np.asarray(placement.affine),
        "units": placement.units,
        "axis_labels": placement.axis_labels,
    }


def _row(values: Any) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def _rows(matrix: Any) -> tuple[tuple[float, ...], ...]:
    return tuple(_row(row) for row in np.asarray(matrix))
