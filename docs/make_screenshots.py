"""Take the pictures of the napari widget for the documentation.

Run it where there is a display, or under a virtual one::

    xvfb-run -a -s "-screen 0 1600x1000x24" python docs/make_screenshots.py
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import napari
import numpy as np
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_inpaintaff.widgets.preview import ORANGE, PREVIEW_NAME, PURPLE

IMAGES = Path(__file__).parent / "images"
PLUGIN = "napari-inpaintaff"
TIMEOUT_SECONDS = 600
WINDOW = (1500, 940)


def main() -> None:
    """Open the built-in sample, run the widget and save pictures of the window."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=IMAGES, help="folder for the pictures")
    output = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    viewer = napari.Viewer(show=True, title="napari")
    viewer.window.resize(*WINDOW)
    image = viewer.open_sample(PLUGIN, "simulated_nuclei")[0]
    viewer.layers.selection.active = image
    _, widget = viewer.window.add_plugin_dock_widget(PLUGIN, "Separate cells")
    QTest.qWait(1000)
    viewer.reset_view(margin=0.02)

    widget.run()
    wait_for(lambda: widget.controls.bar.value() > 20 and shows_both_sides(viewer))
    save(viewer, output / "separate-cells-running.png")
    wait_for(lambda: not widget.controller.is_running)
    if "nuclei cells" not in viewer.layers:
        raise SystemExit(f"no labels were made: {widget.controls.status.text()}")
    QTest.qWait(500)
    save(viewer, output / "separate-cells.png")
    viewer.close()


def shows_both_sides(viewer: Any) -> bool:
    """Whether the preview shows a split that is easy to see."""
    if PREVIEW_NAME not in viewer.layers:
        return False
    picture = viewer.layers[PREVIEW_NAME].data
    return all(np.mean(picture == side) > 0.25 for side in (PURPLE, ORANGE))


def wait_for(ready: Callable[[], bool]) -> None:
    """Let the interface work until something is so."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not ready():
        if time.monotonic() > deadline:
            raise SystemExit("the widget did not get there in time")
        QTest.qWait(50)


def save(viewer: Any, path: Path) -> None:
    """Save the whole window."""
    QApplication.processEvents()
    viewer.screenshot(str(path), canvas_only=False, flash=False)


if __name__ == "__main__":
    main()
