"""What napari finds: the manifest, the widget in its menus, samples and the writer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import roifile
from npe2 import PluginManager, PluginManifest
from npe2.manifest.utils import import_python_name

import napari_inpaintaff
from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.images import read_image, read_labels
from napari_inpaintaff.widgets.label_source import layer_axes

NAME = "napari-inpaintaff"
MANIFEST = Path(napari_inpaintaff.__file__).parent / "napari.yaml"


@pytest.fixture
def plugin(npe2pm):
    """Our plugin, registered; npe2pm keeps all others away."""
    manifest = PluginManifest.from_file(MANIFEST)
    with npe2pm.tmp_plugin(manifest=manifest) as plugin:
        yield plugin


def test_every_command_can_be_imported():
    manifest = PluginManifest.from_file(MANIFEST)
    assert manifest.name == NAME
    for command in manifest.contributions.commands:
        assert callable(import_python_name(command.python_name))


@pytest.mark.parametrize(
    ("module", "call"),
    [
        ("separate_cells", "CoreEngine().models()"),
        ("train_inpainter", "CoreTrainingEngine().inpainters()"),
        ("find_foreground", "CoreForegroundEngine().starts()"),
        ("correct_labels", "CorrectLabels"),
        ("whole_data", "WholeData"),
        ("export_cells", "is_labels(None)"),
    ],
)
def test_importing_a_widget_does_not_import_torch(module, call):
    code = (
        f"import sys; import napari_inpaintaff.widgets.{module} as m; "
        f"m.{call}; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)


def test_the_widgets_are_in_the_plugins_and_the_segment_menu(
    plugin, make_napari_viewer, model_folder
):
    manager = PluginManager.instance()
    menu = [item.command for item in manager.iter_menu("napari/layers/segment")]
    docks = ("separate_cells", "train_inpainter", "find_foreground", "whole_data")
    docks += ("correct_labels", "export")
    assert menu == [f"{NAME}.{name}" for name in docks]
    assert f"{NAME}.export" in [item.command for item in manager.iter_menu("napari/layers/measure")]
    viewer = make_napari_viewer()
    dock, widget = viewer.window.add_plugin_dock_widget(NAME, "Separate cells")
    assert dock.name.startswith("Separate cells")
    assert widget.form.image.layer is None
    widget.whole_button.click()
    dock, widget = viewer.window.add_plugin_dock_widget(NAME, "Whole data")
    assert dock.name.startswith("Whole data")
    assert widget.summary.text.text().startswith("Network: ")
    assert widget.controls.apply_button.toolTip() == "Open an image and choose it first."
    dock, widget = viewer.window.add_plugin_dock_widget(NAME, "Train inpainter")
    assert dock.name.startswith("Train inpainter")
    assert widget.sources.layers == ()
    dock, widget = viewer.window.add_plugin_dock_widget(NAME, "Foreground")
    assert dock.name.startswith("Foreground")
    assert widget.form.image.layer is None
    dock, widget = viewer.window.add_plugin_dock_widget(NAME, "Export")
    assert dock.name.startswith("Export")
    assert widget.labels.layer is None
    dock, widget = viewer.window.add_plugin_dock_widget(NAME, "Correct labels")
    assert dock.name.startswith("Correct labels")
    assert widget.controller.layer is None
    assert not any(button.isEnabled() for button in widget.form.buttons.values())


def test_a_widget_that_napari_opens_takes_the_selected_layer(plugin, make_napari_viewer):
    viewer = make_napari_viewer()
    for name in ("first", "second"):
        viewer.add_labels(np.eye(20, dtype=int), name=name)
    viewer.layers.selection.active = viewer.layers["first"]
    _, widget = viewer.window.add_plugin_dock_widget(NAME, "Correct labels")
    assert widget.controller.layer is viewer.layers["first"]
    widget.controller.pick(1)
    widget.controller.delete_picked()
    assert viewer.layers["first"].data.max() == 0
    viewer.layers.remove("first")
    assert widget.controller.layer is None


def test_the_simulated_sample_opens_with_its_ground_truth(plugin, make_napari_viewer):
    viewer = make_napari_viewer()
    image, truth = viewer.open_sample(NAME, "simulated_nuclei")
    assert image.data.shape == truth.data.shape
    assert truth.data.max() > 10
    assert not truth.visible


@pytest.mark.parametrize(
    ("shape", "kwargs", "axes", "scale", "units"),
    [
        ((6, 5), {"scale": (0.5, 0.25), "units": ("um", "um")}, "YX", (0.5, 0.25), "micrometer"),
        ((3, 6, 5), {"axis_labels": ("z", "y", "x")}, "ZYX", (1, 1, 1), "pixel"),
        ((3, 6, 5), {}, "TYX", (1, 1, 1), "pixel"),
        ((2, 3, 6, 5), {}, "TZYX", (1, 1, 1, 1), "pixel"),
        ((1, 6, 5), {"translate": (7, 0, 0), "scale": (2, 3, 3)}, "YX", (3, 3), "pixel"),
    ],
)
def test_saved_labels_come_back_with_axes_and_scale(
    plugin, make_napari_viewer, tmp_path, shape, kwargs, axes, scale, units
):
    viewer = make_napari_viewer()
    data = np.arange(np.prod(shape)).reshape(shape) + 250
    viewer.add_labels(data, name="labels", **kwargs)
    viewer.layers.selection.active = viewer.layers["labels"]
    path = tmp_path / "cells.tif"
    written = viewer.layers.save(str(path), selected=True, plugin=NAME)
    assert written == [str(path)]
    back = read_image(path)
    assert back.data.dtype == np.uint16
    np.testing.assert_array_equal(back.data, data.reshape(back.data.shape))
    assert back.axes == axes
    np.testing.assert_allclose(back.scale, scale)
    assert back.units[-1] == units


def test_other_formats_are_in_the_save_dialog(plugin, make_napari_viewer, tmp_path):
    viewer = make_napari_viewer()
    data = np.zeros((2, 20, 30), dtype=np.int64)
    data[:, 4:10, 5:15] = 70_000
    kwargs = {"scale": (2, 0.5, 0.5), "units": ("s", "um", "um"), "axis_labels": ("t", "y", "x")}
    viewer.add_labels(data, name="cells", **kwargs)
    (zarr,) = viewer.layers.save(str(tmp_path / "cells.zarr"), plugin=NAME)
    back = read_image(zarr)
    np.testing.assert_array_equal(back.data, data)
    assert (back.axes, back.scale) == ("TYX", (2, 0.5, 0.5))
    assert back.units == ("second", "micrometer", "micrometer")
    (rois,) = viewer.layers.save(str(tmp_path / "cells.zip"), plugin=NAME)
    assert [roi.name for roi in roifile.roiread(rois)] == ["T001-70000", "T002-70000"]


def test_many_labels_get_a_wider_type(plugin, make_napari_viewer, tmp_path):
    viewer = make_napari_viewer()
    viewer.add_labels(np.array([[0, 70_000]]), name="many")
    path = tmp_path / "many.tif"
    viewer.layers.save(str(path), plugin=NAME)
    assert read_labels(path).max() == 70_000


def test_axes_that_no_file_holds_are_refused():
    assert layer_axes(["t", "z", "y", "x"]) == "TZYX"
    assert layer_axes(["plane", "y", "x"]) == "TYX"
    for names in (["x"], ["a", "b", "c", "y", "x"]):
        with pytest.raises(ParameterError, match="axes cannot be saved"):
            layer_axes(names)
