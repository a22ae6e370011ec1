"""Follow docs/tutorial.md in the real viewer, and take its pictures.

Part of ``make_screenshots.py``: each step presses what the page says. Nothing is left in the
folder of the user's models.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import _layer_actions
from qtpy.QtTest import QTest
from skimage.measure import regionprops

from napari_inpaintaff.inpainting import catalogue

PLUGIN = "napari-inpaintaff"
#: Part of a quick training after which nuclei like these are found.
GOOD_ENOUGH = 0.5


@dataclass
class Tutorial:
    """The viewer, how to wait, how to keep a picture, and the widgets opened so far."""

    viewer: Any
    wait_for: Callable[[Callable[[], bool]], None]
    save: Callable[[str], None]
    widgets: dict[str, Any] = field(default_factory=dict)

    def open(self, name: str) -> Any:
        """Open a dock widget as a tab, in front."""
        dock, widget = self.viewer.window.add_plugin_dock_widget(PLUGIN, name, tabify=True)
        dock.raise_()
        QTest.qWait(800)
        self.viewer.reset_view(margin=0.02)
        self.widgets[name] = widget
        return widget

    def picture(self, name: str) -> None:
        """Keep a picture when everything is drawn."""
        QTest.qWait(700)
        self.save(f"tutorial-{name}.png")


def follow(tutorial: Tutorial) -> None:
    """Go through all steps of the tutorial."""
    with tempfile.TemporaryDirectory() as folder:
        catalogue.user_model_folder = lambda: Path(folder) / "models"
        separate(tutorial)
        paint_a_foreground(tutorial)
        correct(tutorial)
        label_the_time_lapse(tutorial)
        count(tutorial, Path(folder))


def separate(tutorial: Tutorial) -> None:
    """Open the image and run: steps 1 and 2."""
    widget = tutorial.open("Separate cells")
    widget.form.model.choose("nuclei-student")
    tutorial.picture("1-image")
    widget.controls.run_button.click()
    tutorial.wait_for(lambda: not widget.controller.is_running)
    print("2:", widget.controls.status.text())
    tutorial.picture("2-separated")


def paint_a_foreground(tutorial: Tutorial) -> None:
    """Paint a few cells, train, use the result: step 3."""
    viewer, widget = tutorial.viewer, tutorial.open("Foreground")
    widget.form.image.choose(viewer.layers["nuclei"])
    widget.form.tools.cells_button.click()
    paint = viewer.layers.selection.active
    for cell in regionprops(np.asarray(viewer.layers["nuclei ground truth"].data))[::6]:
        row, column = (round(middle) for middle in cell.centroid)
        for step in range(-4, 5):
            paint.paint((row + step, column + step // 2), 2)
    widget.form.length.setCurrentIndex(0)
    viewer.layers["nuclei cells"].visible = False
    tutorial.picture("3-strokes")
    widget.controls.train_button.click()
    bar = widget.controls.bar
    tutorial.wait_for(lambda: bar.value() > GOOD_ENOUGH * bar.maximum() > GOOD_ENOUGH)
    widget.controls.finish_button.click()
    tutorial.wait_for(lambda: not widget.controller.is_running)
    print("3:", widget.controls.status.text())
    tutorial.picture("4-foreground")
    separate = tutorial.widgets["Separate cells"]
    choice = separate.form.foreground
    choice.setCurrentIndex(choice.findText("nuclei-foreground · network"))
    QTest.qWait(4000)
    print("3:", separate.controls.status.text())
    for name in ("foreground", "foreground probability", "foreground labels", "affinities"):
        viewer.layers[f"nuclei {name}"].visible = False
    viewer.layers["nuclei cells"].visible = True


def correct(tutorial: Tutorial) -> None:
    """Step 4: merge what belongs together, undo, redo, lock."""
    viewer = tutorial.viewer
    viewer.layers.selection.active = viewer.layers["nuclei cells"]
    widget = tutorial.open("Correct labels")
    form = widget.form
    form.buttons["next"].click()
    print("4:", form.status.text())
    tutorial.picture("5-review")
    cells, truth = (viewer.layers[f"nuclei {name}"] for name in ("cells", "ground truth"))
    torn = torn_nucleus(np.asarray(cells.data), np.asarray(truth.data))
    print("4: torn", torn)
    if torn is not None:
        widget.controller.pick(torn[0])
        widget.controller.merge_with(torn[1])
        merged = np.array(cells.data)
        form.buttons["undo"].click()
        form.buttons["redo"].click()
        np.testing.assert_array_equal(cells.data, merged)
    form.buttons["lock"].click()
    print("4:", form.status.text())
    tutorial.picture("6-corrected")


def torn_nucleus(labels: Any, truth: Any) -> tuple[int, int] | None:
    """Return two segments with most of their pixels in the same nucleus, if there are any."""
    found: dict[int, int] = {}
    for segment in range(1, int(labels.max()) + 1):
        inside = truth[(labels == segment) & (truth > 0)]
        if not inside.size:
            continue
        nucleus = int(np.bincount(inside).argmax())
        if nucleus in found:
            return found[nucleus], segment
        found[nucleus] = segment
    return None


def label_the_time_lapse(tutorial: Tutorial) -> None:
    """Step 5: two copies of the image, merged to a stack, stand for a time-lapse."""
    viewer = tutorial.viewer
    image = viewer.layers["nuclei"]
    viewer.layers.selection = {image}
    _layer_actions._duplicate_layer(viewer.layers)
    viewer.layers.selection = {image, viewer.layers["nuclei copy"]}
    _layer_actions._merge_stack(viewer.layers)
    viewer.layers["nuclei cells"].visible = False
    separate = tutorial.widgets["Separate cells"]
    separate.form.image.choose(viewer.layers["nuclei"])
    separate.whole_button.click()
    widget = tutorial.open("Whole data")
    widget.controls.apply_button.click()
    tutorial.wait_for(lambda: not widget.controller.is_running)
    print("5:", widget.controls.status.text(), [layer.name for layer in viewer.layers])
    tutorial.picture("7-time-lapse")


def count(tutorial: Tutorial, folder: Path) -> None:
    """Step 6: count, measure, write the files, and look into the table."""
    viewer = tutorial.viewer
    cells = viewer.layers["nuclei cells (all)"]
    viewer.layers.selection.active = cells
    widget = tutorial.open("Export")
    widget.labels.choose(cells)
    widget.filter.clear_border.setChecked(True)
    widget.filter.minimum.setValue(100)
    tutorial.wait_for(lambda: "left out" in widget.filter.count.text())
    print("6:", widget.filter.count.text())
    widget.targets.folder.setText("~/results")
    tutorial.picture("8-counted")
    widget.targets.folder.setText(str(folder))
    widget.controls.export_button.click()
    tutorial.wait_for(lambda: any(folder.glob("*.csv")))
    QTest.qWait(1000)
    (table,) = folder.glob("*.csv")
    with table.open(encoding="utf8") as file:
        print("6:", sorted(path.name for path in folder.iterdir()), len(list(csv.reader(file))))
