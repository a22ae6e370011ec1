"""Take the pictures of the napari widget for the documentation.

Run it where there is a display, or under a virtual one::

    xvfb-run -a -s "-screen 0 1600x1000x24" python docs/make_screenshots.py
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import napari
import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication
from skimage.measure import regionprops
from tutorial_steps import Tutorial, follow

from napari_inpaintaff.images import simulate_dense_nuclei
from napari_inpaintaff.inpainting import catalogue
from napari_inpaintaff.separation.affinities import affinities_from_labels
from napari_inpaintaff.session import AutosaveRun, autosave
from napari_inpaintaff.widgets.correction_view import show_segment
from napari_inpaintaff.widgets.distill_controls import DistillStage
from napari_inpaintaff.widgets.evidence import Evidence, remember_evidence
from napari_inpaintaff.widgets.kept_work import captured
from napari_inpaintaff.widgets.paint_layers import make_paint_layer
from napari_inpaintaff.widgets.preview import ORANGE, PREVIEW_NAME, PURPLE
from napari_inpaintaff.widgets.runner import JobRunner
from napari_inpaintaff.widgets.split_following import SplitSpeed
from napari_inpaintaff.widgets.stroke_layer import StrokePurpose
from napari_inpaintaff.widgets.training_form import OTHER

IMAGES = Path(__file__).parent / "images"
PLUGIN = "napari-inpaintaff"
TIMEOUT_SECONDS = 900
TRAINING_MINUTES = 5.0
DISTILLATION_MINUTES = 3.0
WINDOW = (1500, 940)


def main() -> None:
    """Open the built-in sample, run the widgets and save pictures of the window."""
    pictures = {
        "separate-cells": separate_cells,
        "watch-splits": watch_splits,
        "train-inpainter": train_inpainter,
        "distill-student": distill_student,
        "foreground": foreground,
        "whole-data": whole_data,
        "correct": correct_labels,
        "export": export,
        "restore-strokes": restore_strokes,
        "preferences": preferences,
        "tutorial": tutorial,
    }
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=IMAGES, help="folder for the pictures")
    parser.add_argument("--only", choices=pictures, help="take those of one widget")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    for name, take in pictures.items():
        if options.only in (None, name):
            viewer = open_sample()
            take(viewer, options.output)
            viewer.close()


def open_sample() -> Any:
    """Open a viewer with the built-in sample."""
    viewer = napari.Viewer(show=True, title="napari")
    viewer.window.resize(*WINDOW)
    image = viewer.open_sample(PLUGIN, "simulated_nuclei")[0]
    viewer.layers.selection.active = image
    return viewer


def separate_cells(viewer: Any, output: Path) -> None:
    """Take a picture of a draft during a separation, and one of its result."""
    _, widget = viewer.window.add_plugin_dock_widget(PLUGIN, "Separate cells")
    QTest.qWait(1000)
    viewer.reset_view(margin=0.02)

    widget.run()
    wait_for(lambda: "nuclei cells" in viewer.layers and shows_both_sides(viewer))
    save(viewer, output / "separate-cells-draft.png")
    wait_for(lambda: not widget.controller.is_running)
    if "nuclei cells" not in viewer.layers:
        raise SystemExit(f"no labels were made: {widget.controls.status.text()}")
    QTest.qWait(500)
    save(viewer, output / "separate-cells.png")


def watch_splits(viewer: Any, output: Path) -> None:
    """Take a picture of a cut near its end; the run is cancelled."""
    _, widget = viewer.window.add_plugin_dock_widget(PLUGIN, "Separate cells")
    QTest.qWait(1000)
    viewer.reset_view(margin=0.02)
    widget.watch.choose(SplitSpeed.EVERY)
    widget.watch.record.click()

    widget.run()
    wait_for(lambda: len(widget.watch.curve.points) > 10 and widget.watch.curve.points[-1][1] < -3)
    save(viewer, output / "watch-splits.png")
    widget.cancel()
    wait_for(lambda: not widget.controller.is_running)


def train_inpainter(viewer: Any, output: Path) -> None:
    """Take a picture near the end of a training; no model is left."""
    _, widget = viewer.window.add_plugin_dock_widget(PLUGIN, "Train inpainter")
    QTest.qWait(1000)
    widget.form.preset.setCurrentText(OTHER)
    widget.form.minutes.setValue(TRAINING_MINUTES)
    viewer.reset_view(margin=0.02)
    QTest.qWait(200)

    widget.start()
    wait_for(lambda: widget.controls.bar.value() > 0.93 * widget.controls.bar.maximum() > 1)
    QTest.qWait(700)
    save(viewer, output / "train-inpainter.png")
    widget.controller.cancel()
    wait_for(lambda: not widget.controller.is_running)


def distill_student(viewer: Any, output: Path) -> None:
    """Take a picture during a distillation, and one of what its student finds; none is left."""
    with tempfile.TemporaryDirectory() as folder:
        catalogue.user_model_folder = lambda: Path(folder)
        _, widget = viewer.window.add_plugin_dock_widget(PLUGIN, "Separate cells")
        QTest.qWait(1000)
        viewer.reset_view(margin=0.02)
        widget.distill.expand(animate=False)
        widget.distill.name.edit.setText("nuclei-of-monday")
        widget.distill.minutes.setValue(DISTILLATION_MINUTES)

        controls = widget.distill.controls
        widget.distill.start()
        wait_for(lambda: controls.stage is DistillStage.TRAINING and controls.bar.value() > 400)
        save(viewer, output / "distill-student.png")
        wait_for(lambda: not widget.distill.controller.is_running)
        widget.run()
        wait_for(lambda: not widget.controller.is_running)
        QTest.qWait(500)
        save(viewer, output / "distilled-student.png")


def foreground(viewer: Any, output: Path) -> None:
    """Paint ten cells, and take a picture near the end of a training; no model is left."""
    with tempfile.TemporaryDirectory() as folder:
        catalogue.user_model_folder = lambda: Path(folder)
        _, widget = viewer.window.add_plugin_dock_widget(PLUGIN, "Foreground")
        QTest.qWait(1000)
        viewer.reset_view(margin=0.02)
        # Enough for such nuclei.
        widget.form.length.setCurrentIndex(0)
        truth = next(layer for layer in viewer.layers if layer.name.endswith("truth"))
        paint = widget.paint()
        for cell in regionprops(np.asarray(truth.data))[::6]:
            row, column = (round(middle) for middle in cell.centroid)
            for step in range(-4, 5):
                paint.paint((row + step, column + step // 2), 2)

        widget.train()
        wait_for(lambda: widget.controls.bar.value() > 900 and widget.controls.bar.maximum() > 1)
        QTest.qWait(700)
        save(viewer, output / "foreground.png")
        wait_for(lambda: not widget.controller.is_running)


def whole_data(viewer: Any, output: Path) -> None:
    """Apply a student to a time-lapse, and take a picture while its frames appear."""
    field, _ = simulate_dense_nuclei(shape=(256, 256 + 12 * 8))
    movie = np.stack([field[:, 8 * frame :][:, :256] for frame in range(12)])
    viewer.layers.clear()
    image = viewer.add_image(movie, name="time-lapse", axis_labels=("t", "y", "x"))
    viewer.layers.selection.active = image
    _, separate = viewer.window.add_plugin_dock_widget(PLUGIN, "Separate cells")
    QTest.qWait(1000)
    separate.form.model.choose("nuclei-student")
    separate.whole_button.click()
    _, widget = viewer.window.add_plugin_dock_widget(PLUGIN, "Whole data")
    viewer.dims.set_current_step(0, 2)
    viewer.reset_view(margin=0.02)

    widget.apply()
    wait_for(lambda: "time-lapse [6]" in widget.controls.status.text())
    save(viewer, output / "whole-data.png")
    wait_for(lambda: not widget.controller.is_running)


def correct_labels(viewer: Any, output: Path) -> None:
    """Take a picture of corrections: two locked segments, and seeds in one to be split."""
    truth = next(layer for layer in viewer.layers if isinstance(layer, napari.layers.Labels))
    labels = viewer.add_labels(truth.data.copy(), name="nuclei cells", opacity=0.5)
    viewer.layers.remove(truth)
    viewer.layers.selection.active = labels
    remember_evidence(labels, Evidence(affinities_from_labels(truth.data), 1.5, 60))
    _, widget = viewer.window.add_plugin_dock_widget(PLUGIN, "Correct labels")
    QTest.qWait(1000)
    viewer.reset_view(margin=0.02)

    controller = widget.controller
    one, other = touching_pair(truth.data)
    rows, columns = np.nonzero(truth.data == one)
    around = truth.data[rows.min() - 40 : rows.max() + 40, columns.min() - 40 : columns.max() + 40]
    locked = [int(n) for n in np.unique(around) if n not in (0, one, other)]
    for segment in locked[:3]:
        controller.pick(segment)
        controller.toggle_lock()
    controller.pick(one)
    controller.merge_with(other)
    controller.start_strokes(StrokePurpose.SPLIT)
    QTest.qWait(300)
    for number, segment in enumerate((one, other), start=1):
        rows, columns = np.nonzero(truth.data == segment)
        controller.strokes.layer.selected_label = number
        controller.strokes.layer.paint((round(rows.mean()), round(columns.mean())), number)
    viewer.scene.camera.zoom *= 1.6
    show_segment(viewer, labels, (), controller.corrections.state.box(one))
    QTest.qWait(500)
    save(viewer, output / "correct.png")


def touching_pair(labels: Any) -> tuple[int, int]:
    """Find two cells with a common border in the middle of the image."""
    rows, columns = np.nonzero((labels[:, :-1] != labels[:, 1:]) & (labels[:, :-1] > 0))
    one, other = labels[rows, columns], labels[rows, columns + 1]
    middle = np.hypot(rows - labels.shape[0] / 2, columns - labels.shape[1] / 2)
    place = np.where(other > 0, middle, np.inf).argmin()
    return int(one[place]), int(other[place])


def export(viewer: Any, output: Path) -> None:
    """Take a picture of counted and measured cells; nothing is written."""
    _, widget = viewer.window.add_plugin_dock_widget(PLUGIN, "Export")
    truth = viewer.layers["nuclei ground truth"]
    truth.visible = True
    widget.labels.choose(truth)
    widget.filter.minimum.setValue(100)
    widget.filter.clear_border.setChecked(True)
    widget.targets.name.setText("nuclei")
    widget.targets.folder.setText("~/results")
    viewer.reset_view(margin=0.02)
    wait_for(lambda: "left out" in widget.filter.count.text())
    QTest.qWait(500)
    save(viewer, output / "export.png")


def restore_strokes(viewer: Any, output: Path) -> None:
    """Take a picture of the offer to restore what another process left behind."""
    with tempfile.TemporaryDirectory() as folder:
        autosave.autosave_folder = lambda: Path(folder)
        image = viewer.layers["nuclei"]
        paint = make_paint_layer(viewer, image, 25)
        for row in range(100, 400, 50):
            paint.paint((row, row), 2)
        run = AutosaveRun(Path(folder))
        run.write(run.new_path(), captured(viewer, paint).complete())
        run.close()
        viewer.layers.remove(paint)
        viewer.layers.selection.active = image
        _, widget = viewer.window.add_plugin_dock_widget(PLUGIN, "Foreground")
        viewer.reset_view(margin=0.02)
        wait_for(lambda: not widget.offer.isHidden())
        QTest.qWait(500)
        save(viewer, output / "restore-strokes.png")
        wait_for(lambda: not JobRunner._working)


def preferences(viewer: Any, output: Path) -> None:
    """Take a picture of the plugin's page in napari's preferences."""
    dialog = viewer.window._open_preferences_dialog()
    pages = dialog._list
    (page,) = pages.findItems("Inpainting affinities", Qt.MatchFlag.MatchContains)
    pages.setCurrentItem(page)
    QTest.qWait(500)
    dialog.grab().save(str(output / "preferences.png"))
    dialog.close()


def tutorial(viewer: Any, output: Path) -> None:
    """Follow the tutorial and take its pictures."""
    follow(Tutorial(viewer, wait_for, lambda name: save(viewer, output / name)))


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
