"""A viewer in which something is painted and corrected until its process is killed.

Arguments: the folder of autosaved files, and what to do: "paint" or "correct".
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import napari
import numpy as np
from qtpy.QtCore import QTimer

from napari_inpaintaff.session import autosave
from napari_inpaintaff.widgets.correct_labels import CorrectLabels
from napari_inpaintaff.widgets.find_foreground import FindForeground
from napari_inpaintaff.widgets.stroke_layer import StrokePurpose


def image() -> np.ndarray:
    """The image of `conftest.viewer`."""
    image = np.zeros((64, 48), dtype=np.uint16)
    image[8:48, 8:40] = 100
    return image


def cells() -> np.ndarray:
    """Two cells, and a third of which one seed is painted."""
    labels = np.zeros((64, 48), np.int32)
    labels[8:48, 8:40] = 1 + np.arange(32) // 11
    return labels


def main() -> None:
    folder, what = Path(sys.argv[1]), sys.argv[2]
    autosave.autosave_folder = lambda: folder
    viewer = napari.Viewer()
    viewer.add_image(image(), name="nuclei", scale=(0.5, 0.5), translate=(3, -7))
    dock: Any
    if what == "paint":
        dock = FindForeground(viewer)
        viewer.window.add_dock_widget(dock, name="Foreground")
        layer = dock.paint()
        layer.paint((20, 20), 2)
    else:
        viewer.add_labels(cells(), name="cells", scale=(0.5, 0.5), translate=(3, -7))
        dock = CorrectLabels(viewer)
        viewer.window.add_dock_widget(dock, name="Correct labels")
        dock.controller.pick(1)
        dock.controller.merge_with(2)
        dock.controller.start_strokes(StrokePurpose.SPLIT)
        dock.controller.strokes.layer.paint((20, 35), 1)

    def tell() -> None:
        if not dock.kept.saver.is_waiting:
            print("saved", flush=True)

    timer = QTimer()
    timer.timeout.connect(tell)
    timer.start(100)
    napari.run()


if __name__ == "__main__":
    main()
