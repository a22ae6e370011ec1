"""The dock widget "Export" in the real viewer: count, measure, write, read back."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import roifile
from napari.utils.notifications import NotificationSeverity
from qtpy.QtWidgets import QMessageBox

from napari_inpaintaff.images import read_affinity_file, read_image, read_label_image
from napari_inpaintaff.widgets.export_cells import ExportCells, ask_to_replace
from napari_inpaintaff.widgets.export_steps import Part
from napari_inpaintaff.widgets.runner import JobRunner

PLACEMENT = {"scale": (0.5, 0.5), "translate": (3, -7), "units": ("um", "um")}


def cells() -> np.ndarray:
    plane = np.zeros((64, 48), dtype=np.int32)
    plane[8:20, 8:20] = 1
    plane[12:14, 12:14] = 0
    plane[30:40, 10:20] = 2
    plane[50:52, 30:32] = 3
    plane[56:, 2:12] = 4
    return plane


@pytest.fixture
def asked():
    """What the user was asked to replace; the answer is the last item of `answers`."""
    return []


@pytest.fixture
def export(viewer, tmp_path, qtbot, asked):
    """The dock widget with four cells over the image; no job is left when a test ends."""
    viewer.add_labels(cells(), name="my cells", **PLACEMENT)

    def may_replace(parent, paths):
        asked.append([path.name for path in paths])
        return len(asked) > 1

    widget = ExportCells(viewer, may_replace=may_replace)
    viewer.window.add_dock_widget(widget, name="Export")
    widget.targets.folder.setText(str(tmp_path))
    yield widget
    widget.controller.cancel()
    qtbot.waitUntil(lambda: not JobRunner._working, timeout=180_000)


@pytest.fixture
def finish(qtbot):
    """Click a button and wait until the widget is idle again."""

    def finish(widget, button):
        with qtbot.waitSignal(widget.controller.ended, timeout=180_000):
            button.click()
        return widget.controls.status.text()

    return finish


def rows(path):
    with path.open(encoding="utf8", newline="") as file:
        return list(csv.DictReader(file))


def waits_for(qtbot, widget, text):
    qtbot.waitUntil(lambda: widget.filter.count.text() == text, timeout=180_000)


def test_the_count_follows_the_fields_and_the_brush(viewer, export, qtbot):
    waits_for(qtbot, export, "4 cells.")
    export.filter.minimum.setValue(5)
    waits_for(qtbot, export, "3 cells, 1 left out.")
    export.filter.clear_border.setChecked(True)
    waits_for(qtbot, export, "2 cells, 2 left out.")
    export.filter.maximum.setValue(120)
    waits_for(qtbot, export, "1 cell, 3 left out.")
    layer = viewer.layers["my cells"]
    layer.selected_label = 7
    layer.brush_size = 9
    layer.paint((26, 36), 7)
    waits_for(qtbot, export, "2 cells, 3 left out.")
    layer.undo()
    waits_for(qtbot, export, "1 cell, 3 left out.")
    export.filter.minimum.setValue(500)
    assert "maximum size" in export.controls.export_button.toolTip()
    assert not export.controls.export_button.isEnabled()


def test_everything_is_written_and_read_back(export, finish, tmp_path, viewer):
    layer = viewer.layers["my cells"]
    layer.name = "renamed"
    export.filter.minimum.setValue(5)
    export.filter.fill_holes.setChecked(True)
    export.targets.parts[Part.ROIS].setChecked(True)
    export.targets.name.setText("run 1")
    text = finish(export, export.controls.export_button)
    assert text == (
        f"3 cells, 1 left out. Written to {tmp_path}: run 1.tif, run 1.csv, run 1_rois.zip."
    )
    wanted = cells()
    wanted[12:14, 12:14] = 1
    wanted[wanted == 3] = 0
    back = read_image(tmp_path / "run 1.tif")
    np.testing.assert_array_equal(back.data, wanted)
    assert (back.scale, back.units) == ((0.5, 0.5), ("micrometer", "micrometer"))
    table = rows(tmp_path / "run 1.csv")
    assert [row["label"] for row in table] == ["1", "2", "4"]
    assert float(table[0]["area_um2"]) == 36
    image = viewer.layers["nuclei"].data
    assert float(table[2]["mean_nuclei"]) == image[wanted == 4].mean()
    assert [roi.name for roi in roifile.roiread(tmp_path / "run 1_rois.zip")] == [
        "0001",
        "0002",
        "0004",
    ]
    np.testing.assert_array_equal(layer.data, cells())


def test_nothing_is_replaced_unasked(export, finish, tmp_path, asked):
    (tmp_path / "my_cells.csv").write_text("mine")
    export.controls.export_button.click()
    assert asked == [["my_cells.csv"]]
    assert (tmp_path / "my_cells.csv").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["my_cells.csv"]
    assert export.controls.status.text().startswith("Nothing was written")
    finish(export, export.controls.export_button)
    assert len(rows(tmp_path / "my_cells.csv")) == 4


def test_the_user_is_asked_with_the_names_of_the_files(export, tmp_path, monkeypatch):
    questions = []

    def question(parent, title, text, buttons, default):
        questions.append((title, text))
        assert default == QMessageBox.StandardButton.No
        return QMessageBox.StandardButton.No

    monkeypatch.setattr(QMessageBox, "question", question)
    assert not ask_to_replace(export, [tmp_path / "a.tif", tmp_path / "a.csv"])
    assert questions == [("Replace?", questions[0][1])]
    assert "These exist already" in questions[0][1]
    assert "a.tif\na.csv" in questions[0][1]


def test_stacks_are_linked_and_written_per_frame(viewer, export, finish, tmp_path):
    frame = cells()
    stack = np.stack([frame, np.where(frame > 0, 5 - frame, 0)])
    layer = viewer.add_labels(stack, name="lapse", axis_labels=("t", "y", "x"))
    assert not export.filter.link.isEnabled()
    export.labels.choose(layer)
    assert export.filter.link.isEnabled()
    export.filter.link.setChecked(True)
    export.targets.label_format.setCurrentIndex(1)
    assert export.targets.files.text() == "lapse_masks, lapse.csv"
    finish(export, export.controls.export_button)
    masks = sorted((tmp_path / "lapse_masks").iterdir())
    assert [path.name for path in masks] == ["mask000.tif", "mask001.tif"]
    for path in masks:
        np.testing.assert_array_equal(read_label_image(path).data, frame)
    assert [row["t"] for row in rows(tmp_path / "lapse.csv")] == ["0"] * 4 + ["1"] * 4


def test_measurements_become_features_that_napari_shows(viewer, export, finish):
    layer = viewer.layers["my cells"]
    layer.features = {"index": [0, 1, 2, 3, 4], "type": ["", "a", "b", "c", "d"]}
    export.filter.minimum.setValue(5)
    text = finish(export, export.controls.measure_button)
    assert text.startswith("3 rows of measurements: the features of my cells.")
    features = layer.features
    assert features["index"].tolist() == [0, 1, 2, 3, 4]
    assert features["area_px"].tolist()[1:3] == [140, 100]
    assert np.isnan(features["area_px"][3])
    assert features["mean_nuclei"][2] == 100
    assert features["type"].tolist() == ["", "a", "b", "c", "d"]
    world = layer.data_to_world((35, 15))
    assert "area_um2: 25" in layer.get_status(world, world=True)["value"]
    assert any("Features table" in name for name in viewer.window.dock_widgets)


def test_stacks_have_a_row_of_features_per_plane(viewer, export, finish):
    layer = viewer.add_labels(np.stack([cells(), cells()]), name="lapse")
    export.labels.choose(layer)
    finish(export, export.controls.measure_button)
    assert layer.features["index"].tolist() == [1, 2, 3, 4] * 2
    assert layer.features["t"].tolist() == [0] * 4 + [1] * 4


def test_measurements_of_a_removed_layer_are_dropped(viewer, export, finish, qtbot):
    export.controls.measure_button.click()
    with qtbot.waitSignal(export.controller.ended, timeout=180_000):
        viewer.layers.remove("my cells")
    assert "removed" in export.controls.status.text()
    assert not export.controls.measure_button.isEnabled()
    assert "Labels layer" in export.controls.measure_button.toolTip()
    assert export.filter.count.text() == ""


def test_only_images_behind_the_labels_can_be_measured(viewer, export):
    stack = viewer.add_image(np.zeros((5, 64, 48)), name="stack", scale=(1, 0.5, 0.5))
    small = viewer.add_image(np.zeros((9, 9)), name="small")
    states = {
        layer.name: (export.images.item(row).flags(), export.images.item(row).toolTip())
        for row, layer in enumerate(export.images._rows)
    }
    assert "more axes" in states["stack"][1]
    assert "9 x 9 pixels" in states["small"][1]
    export.images.tick(stack)
    export.images.tick(small)
    assert [layer.name for layer in export.images.layers] == ["nuclei"]


def test_a_result_of_one_plane_is_measured_in_that_plane(viewer, export, finish, tmp_path):
    movie = np.stack([np.full((64, 48), 10.0 * t) for t in range(4)])
    image = viewer.add_image(movie, name="movie", scale=(5, 2, 2), translate=(1, 0, 0))
    layer = viewer.add_labels(
        cells()[None],
        name="plane 2",
        scale=(5, 2, 2),
        translate=(11, 0, 0),
        units=("s", "um", "um"),
    )
    export.labels.choose(layer)
    export.images.tick(image)
    finish(export, export.controls.export_button)
    table = rows(tmp_path / "plane_2.csv")
    assert {row["mean_movie"] for row in table} == {"20.0"}
    assert "t" not in table[0]
    assert read_image(tmp_path / "plane_2.tif").axes == "YX"


@pytest.mark.parametrize("case", ["folder", "full", "too many"])
def test_what_goes_wrong_is_a_sentence(
    viewer, export, finish, tmp_path, notifications, monkeypatch, case
):
    if case == "folder":
        export.targets.folder.setText(str(tmp_path / "missing"))
        export.controls.export_button.click()
        sentence = f"There is no folder {tmp_path / 'missing'}: choose another."
    elif case == "full":

        def full(*arguments, **keywords):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("tifffile.TiffWriter.write", full)
        finish(export, export.controls.export_button)
        sentence = f"{tmp_path / 'my_cells.tif'} cannot be written: the disk is full"
    else:
        viewer.layers["my cells"].data = cells() * 70_000
        export.targets.label_format.setCurrentIndex(1)
        finish(export, export.controls.export_button)
        sentence = "choose another format, or leave out objects"
    errors = [n for n in notifications if n.severity is NotificationSeverity.ERROR]
    assert len(errors) == 1
    assert sentence in errors[0].message
    assert sentence in export.controls.status.text()
    assert not list(tmp_path.iterdir())
    assert export.controls.export_button.isEnabled()


def test_the_affinities_of_separate_cells_are_written(
    viewer, export, dock, finish, run_to_end, tmp_path
):
    assert not export.targets.parts[Part.AFFINITIES].isEnabled()
    run_to_end(dock)
    export.labels.choose(viewer.layers["nuclei cells"])
    box = export.targets.parts[Part.AFFINITIES]
    assert box.isEnabled()
    box.setChecked(True)
    finish(export, export.controls.export_button)
    saved = read_affinity_file(tmp_path / "nuclei_cells_affinities.npz")
    assert saved.affinities.shape == (64, 48)
    assert (saved.scale, saved.alpha) == ((0.5, 0.5), dock.form.label_settings().alpha)
    labels = read_label_image(tmp_path / "nuclei_cells.tif").data
    np.testing.assert_array_equal(saved.foreground, labels > 0)
