"""Open every widget and sample of the installed plugin, and use the shipped weights.

Run by the Python of an environment in which the wheel is installed: ``open_everything.py
NO_GO``, where NO_GO is the source tree that nothing may come from.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import napari
import numpy as np
from npe2 import PluginManager
from qtpy.QtCore import QThreadPool
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

import napari_inpaintaff
from napari_inpaintaff.images import ImageData, read_image
from napari_inpaintaff.widgets import samples

NAME = "napari-inpaintaff"
TIMEOUT_SECONDS = 300


def main(no_go: Path) -> None:
    """Print one line for everything that was opened."""
    home = Path(napari_inpaintaff.__file__).resolve()
    assert Path(sys.prefix).resolve() in home.parents, home
    assert not any(no_go in (path, *path.parents) for path in map(Path, sys.path))
    viewer = napari.Viewer()
    open_samples(viewer)
    open_widgets(viewer)
    separate(viewer)
    save(viewer)
    foreign = [
        name
        for name, module in list(sys.modules.items())
        if no_go in Path(getattr(module, "__file__", None) or "/").parents
    ]
    assert not foreign, foreign
    viewer.close()
    QThreadPool.globalInstance().waitForDone()


def open_samples(viewer: napari.Viewer) -> None:
    """Open all samples; what is downloaded elsewhere is put in their place here."""
    pixels = np.zeros((32, 32), np.uint16)
    frame = ImageData(pixels, "YX", (0.5, 0.5), ("micrometer",) * 2, "frame")
    samples.download_sample = lambda name: frame
    contributed = dict(PluginManager.instance().iter_sample_data())[NAME]
    for sample in contributed:
        before = len(viewer.layers)
        viewer.open_sample(NAME, sample.key)
        assert len(viewer.layers) > before
        print("sample", sample.key)


def open_widgets(viewer: napari.Viewer) -> None:
    """Open all dock widgets beside each other."""
    manifest = PluginManager.instance().get_manifest(NAME)
    for widget in manifest.contributions.widgets:
        viewer.window.add_plugin_dock_widget(NAME, widget.display_name, tabify=True)
        QTest.qWait(200)
        print("widget", widget.display_name)


def separate(viewer: napari.Viewer) -> None:
    """Separate the simulated nuclei with a shipped network."""
    image = viewer.layers["nuclei"]
    viewer.layers.selection.active = image
    _, widget = viewer.window.add_plugin_dock_widget(NAME, "Separate cells")
    widget.form.image.choose(image)
    widget.form.model.choose("nuclei-student")
    widget.controls.run_button.click()
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while widget.controller.is_running and time.monotonic() < deadline:
        QTest.qWait(50)
    QApplication.processEvents()
    assert "nuclei cells" in viewer.layers, widget.controls.status.text()
    print("cells", viewer.layers["nuclei cells"].data.max() > 20)


def save(viewer: napari.Viewer) -> None:
    """Save the labels with the plugin's writer and read them back."""
    labels = viewer.layers["nuclei cells"]
    viewer.layers.selection = {labels}
    (path,) = viewer.layers.save("cells.tif", selected=True, plugin=NAME)
    np.testing.assert_array_equal(read_image(path).data, labels.data)
    print("saved", Path(path).name)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
