"""File > Open Sample: images to try the widget on."""

from __future__ import annotations

from typing import Any

from napari_inpaintaff.images import simulate_dense_nuclei

LayerData = tuple[Any, dict[str, Any], str]


def simulated_nuclei() -> list[LayerData]:
    """Make the built-in image of dense nuclei, and its ground truth as a hidden layer."""
    image, labels = simulate_dense_nuclei()
    return [
        (image, {"name": "nuclei"}, "image"),
        (labels, {"name": "nuclei ground truth", "visible": False}, "labels"),
    ]
