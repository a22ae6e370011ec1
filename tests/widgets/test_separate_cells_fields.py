"""The fields: layers by object, regions, stacks, inpainters."""

from __future__ import annotations

import numpy as np
import pytest
from fake_engine import AFFNET, AFFNET_ALPHA, STUDENT, STUDENT_ALPHA
from napari.layers._layer_actions import _duplicate_layer
from qtpy.QtCore import Qt

from napari_inpaintaff.partition import PartitionParameters
from napari_inpaintaff.separation import SEPARATION_MODES
from napari_inpaintaff.widgets.foreground_choice import ALL_METHODS
from napari_inpaintaff.widgets.quality_choice import quality_text
from napari_inpaintaff.widgets.regions import RegionChoice
from napari_inpaintaff.widgets.separate_cells import SeparateCells


def test_layers_are_offered_by_object_and_follow_the_viewer(viewer, dock):
    combo = dock.form.image
    source = viewer.layers["nuclei"]
    assert combo.layer is source
    source.name = "cells"
    assert combo.currentText() == "cells"
    other = viewer.add_image(np.zeros((8, 8)), name="cells")
    assert combo.layer is source
    combo.choose(other)
    viewer.layers.remove(other)
    assert combo.layer is source
    viewer.layers.clear()
    assert combo.layer is None


def test_colour_images_are_listed_but_disabled_with_the_reason(viewer, dock):
    viewer.add_image(np.zeros((8, 8, 3), dtype=np.uint8), rgb=True, name="colour")
    combo = dock.form.image
    row = combo.findText("colour")
    item = combo.model().item(row)
    assert not item.isEnabled()
    assert "split it into channels" in combo.itemData(row, Qt.ItemDataRole.ToolTipRole)
    assert combo.layer is viewer.layers["nuclei"]


def test_results_and_previews_are_not_offered(viewer, dock, run_to_end):
    run_to_end(dock)
    images = [dock.form.image.itemText(i) for i in range(dock.form.image.count())]
    masks = [dock.form.foreground.itemText(i) for i in range(dock.form.foreground.count())]
    assert images == ["nuclei"]
    assert masks == list(ALL_METHODS)


def test_a_duplicate_of_the_labels_can_be_painted_in_as_mask(viewer, dock, run_to_end, qtbot):
    run_to_end(dock)
    viewer.layers.selection.active = viewer.layers["nuclei cells"]
    _duplicate_layer(viewer.layers)
    duplicate = viewer.layers["nuclei cells copy"]
    dock.form.foreground.choose(duplicate)
    assert dock.form.foreground.layer is duplicate
    duplicate.data_setitem((np.array([12]), np.array([12])), 0)
    labels = viewer.layers["nuclei cells"]
    qtbot.waitUntil(lambda: labels.data[12, 12] == 0, timeout=180_000)


def test_the_active_image_is_chosen_at_first(viewer, engine, qtbot):
    other = viewer.add_image(np.zeros((8, 8)), name="other")
    viewer.add_image(np.zeros((8, 8)), name="third")
    viewer.layers.selection.active = other
    widget = SeparateCells(viewer, engine=engine)
    qtbot.addWidget(widget)
    assert widget.form.image.layer is other


def test_a_drawn_rectangle_limits_the_run(viewer, dock, engine, run_to_end):
    dock.form.region.draw_button.click()
    shapes = viewer.layers["Region"]
    assert viewer.layers.selection.active is shapes
    assert shapes.mode == "add_rectangle"
    assert dock.form.region.choice is RegionChoice.RECTANGLE
    shapes.add_rectangles([[10, 12], [29, 35]])
    viewer.layers["Region"].name = "renamed"
    run_to_end(dock)
    labels, affinities = viewer.layers["nuclei cells"], viewer.layers["nuclei affinities"]
    assert labels.data.shape == (64, 48)
    outside = np.ones((64, 48), dtype=bool)
    outside[10:30, 12:36] = False
    assert not labels.data[outside].any()
    assert labels.data[~outside].all()
    assert affinities.data.shape == (20, 24, 4)
    np.testing.assert_allclose(affinities.translate, np.add((3, -7), np.multiply(0.5, (10, 12))))


def test_draw_uses_one_layer_and_makes_a_new_one_when_it_is_gone(viewer, dock):
    dock.form.region.draw_button.click()
    dock.form.region.draw_button.click()
    assert len(viewer.layers) == 2
    viewer.layers.remove("Region")
    dock.form.region.draw_button.click()
    assert "Region" in viewer.layers


def test_a_rectangle_that_was_not_drawn_is_asked_for(viewer, dock, engine, notifications):
    dock.form.region.choose(RegionChoice.RECTANGLE)
    dock.controls.run_button.click()
    assert "Draw a rectangle first" in notifications[-1].message
    assert engine.separations == 0


def test_the_current_view_limits_the_run(viewer, dock, engine, run_to_end):
    viewer.canvas.size = (100, 200)
    viewer.scene.camera.zoom = 20
    viewer.scene.camera.center = tuple(viewer.layers["nuclei"].data_to_world((30, 20)))
    dock.form.region.choose(RegionChoice.VIEW)
    run_to_end(dock)
    # 100 x 200 canvas pixels at 20 per world unit are 5 x 10 units, of 2 pixels each.
    assert engine.requests[0].region == (slice(25, 36), slice(10, 31))


def test_a_view_beside_the_image_is_refused(viewer, dock, engine, notifications):
    viewer.scene.camera.center = (1e4, 1e4)
    dock.form.region.choose(RegionChoice.VIEW)
    dock.controls.run_button.click()
    assert "does not cover any pixel" in notifications[-1].message
    assert engine.separations == 0


def test_of_a_stack_the_shown_plane_is_separated_and_the_result_lies_there(
    make_napari_viewer, engine, run_to_end, qtbot
):
    viewer = make_napari_viewer()
    data = np.zeros((4, 64, 48))
    data[2, 8:48, 8:40] = 1
    source = viewer.add_image(data, name="movie", scale=(10, 0.5, 0.5), translate=(5, 0, 0))
    viewer.dims.set_point(0, 25)
    dock = SeparateCells(viewer, engine=engine)
    viewer.window.add_dock_widget(dock)
    run_to_end(dock)
    assert engine.requests[0].plane.index == (2,)
    labels = viewer.layers["movie cells"]
    assert labels.data.shape == (1, 64, 48)
    np.testing.assert_allclose(labels.scale, source.scale)
    np.testing.assert_allclose(labels.translate, (25, 0, 0))
    assert labels.data.max() == 5

    # The labels of the kept plane follow alpha even when another plane is shown.
    viewer.dims.set_point(0, 5)
    dock.form.alpha.setValue(0.6)
    qtbot.waitUntil(lambda: labels.data.max() == 1, timeout=180_000)

    # Another plane gets layers of its own.
    run_to_end(dock)
    assert engine.requests[1].plane.index == (0,)
    assert len(viewer.layers) == 5


def test_settings_reach_the_engine(viewer, dock, engine, run_to_end):
    form = dock.form
    form.model.combo.setCurrentText("nuclei-pconv")
    assert form.diameter.value() == 30.0
    form.diameter.setValue(18.5)
    form.quality.choose("paper")
    form.seed.setValue(7)
    form.device.setCurrentIndex(1)
    form.foreground.choose("none")
    run_to_end(dock)
    request = engine.requests[0]
    assert request.foreground == "none"
    network = request.network
    assert (network.model, network.diameter, network.quality) == ("nuclei-pconv", 18.5, "paper")
    assert (network.seed, network.device) == (7, "cpu")
    assert request.labels.alpha == PartitionParameters.alpha


def test_a_student_has_one_quality_and_no_seed(dock):
    form = dock.form
    form.seed.setValue(7)
    form.quality.choose("draft")
    form.model.choose(STUDENT)
    assert form.model.combo.currentText() == "nuclei-student · one pass"
    for field in (form.quality, form.seed):
        assert not field.isEnabled()
        assert "A student" in field.toolTip()
    network = form.network_settings()
    assert (network.model, network.quality, network.seed) == (STUDENT, "", 0)
    assert form.quality.currentIndex() == -1
    assert form.quality.placeholderText() == "One pass"
    form.model.choose("nuclei-small")
    assert form.quality.isEnabled()
    assert form.quality.currentText() == "Draft"
    assert "Balanced" in form.quality.toolTip()
    network = form.network_settings()
    assert (network.model, network.quality, network.seed) == ("nuclei-small", "draft", 7)


def test_alpha_is_that_of_the_student_until_it_is_set(dock, engine, run_to_end, qtbot):
    form = dock.form
    form.evidence.setCurrentText("Image")
    run_to_end(dock)
    qtbot.wait(300)
    before = len(engine.labellings)
    form.model.choose(STUDENT)
    assert form.label_settings().alpha == STUDENT_ALPHA
    form.model.choose("nuclei-small")
    assert form.label_settings().alpha == PartitionParameters.alpha
    # The labels on show are those of another network: they stay.
    qtbot.wait(300)
    assert len(engine.labellings) == before
    form.alpha.setValue(2.2)
    form.model.choose(STUDENT)
    assert form.label_settings().alpha == 2.2


def test_evidence_and_alpha_are_those_that_suit_the_network(dock):
    form = dock.form

    def proposed():
        settings = form.label_settings()
        return settings.method, settings.alpha

    assert proposed() == ("region_merging", PartitionParameters.alpha)
    form.model.choose(STUDENT)
    assert proposed() == ("region_merging", PartitionParameters.alpha)
    form.evidence.setCurrentText("Image and outline")
    assert proposed() == ("outline_mutex_watershed", STUDENT_ALPHA)
    form.evidence.setCurrentText("Shape and image")
    form.model.choose(AFFNET)
    assert proposed() == ("mutex_watershed", AFFNET_ALPHA)
    form.model.choose("nuclei-small")
    assert proposed() == ("region_merging", PartitionParameters.alpha)
    # What the user chose stays.
    form.evidence.setCurrentText("Image and outline")
    form.model.choose(AFFNET)
    assert proposed() == ("outline_mutex_watershed", AFFNET_ALPHA)


def test_outlines_are_moved_unless_the_user_says_no(dock):
    assert dock.form.label_settings().outlines == "auto"
    dock.form.outlines.setChecked(False)
    assert dock.form.label_settings().outlines == "keep"


def test_every_quality_says_what_it_is_for_and_how_long_it_takes(dock):
    combo = dock.form.quality
    assert [combo.itemText(i) for i in range(combo.count())] == ["Draft", "Balanced", "Paper"]
    assert combo.mode == "balanced"
    assert "times faster than Balanced" in quality_text("draft")
    assert "times slower than Balanced" in quality_text("paper")
    assert "than Balanced" not in quality_text("balanced")
    for mode in SEPARATION_MODES:
        assert quality_text(mode) in combo.toolTip()


def test_the_minimum_size_follows_the_diameter_until_it_is_set(dock):
    form = dock.form
    form.diameter.setValue(50)
    assert form.minimum_size.value() == 4 * PartitionParameters.minimum_size
    form.minimum_size.setValue(77)
    form.diameter.setValue(25)
    assert form.minimum_size.value() == 77


def test_a_model_file_can_be_loaded(viewer, dock, tmp_path, notifications):
    path = tmp_path / "mine.safetensors"
    dock.form.model.load(path)
    assert "does not exist" in notifications[-1].message
    assert dock.form.model.combo.count() == 4
    path.touch()
    for _ in range(2):
        dock.form.model.load(path)
    assert dock.form.model.combo.currentText() == "mine.safetensors"
    assert dock.form.model.combo.count() == 5
    assert dock.form.network_settings().model == str(path)
    assert dock.form.diameter.value() == 40.0


def test_without_any_inpainter_run_says_so(viewer, engine, qtbot, notifications, monkeypatch):
    monkeypatch.setattr(engine, "models", list)
    widget = SeparateCells(viewer, engine=engine)
    qtbot.addWidget(widget)
    widget.controls.run_button.click()
    assert "There is no network" in notifications[-1].message


@pytest.mark.parametrize("field", ["image", "model", "quality", "region", "foreground", "diameter"])
def test_every_field_explains_itself(dock, field):
    widget = getattr(dock.form, field)
    combo = getattr(widget, "combo", widget)
    assert len(combo.toolTip()) > 30
