"""A whole session, saved in one viewer and opened in another."""

from __future__ import annotations

from pathlib import Path

import dask.array as da
import napari
import numpy as np
import pytest
import tifffile
from killed_viewer import cells, image
from napari._app_model import get_app_model
from npe2 import PluginManager, PluginManifest
from qtpy.QtWidgets import QFileDialog

import napari_inpaintaff
from napari_inpaintaff.separation.affinities import affinities_from_labels
from napari_inpaintaff.session import read_session
from napari_inpaintaff.widgets import autosaver, session_commands
from napari_inpaintaff.widgets.correct_labels import CorrectLabels
from napari_inpaintaff.widgets.docks import open_dock
from napari_inpaintaff.widgets.evidence import Evidence, evidence_of, remember_evidence
from napari_inpaintaff.widgets.form import EVIDENCE
from napari_inpaintaff.widgets.own_layers import own
from napari_inpaintaff.widgets.paint_layers import is_paint_layer
from napari_inpaintaff.widgets.runner import JobRunner
from napari_inpaintaff.widgets.session_capture import recorded_layers
from napari_inpaintaff.widgets.session_commands import open_session, save_session
from napari_inpaintaff.widgets.stroke_layer import StrokePurpose

NAME = "napari-inpaintaff"
PLACED = {"scale": (2.0, 0.5, 0.5), "translate": (1, 3, -7), "units": ("s", "um", "um")}


@pytest.fixture(autouse=True)
def plugin(npe2pm, model_folder, qtbot):
    """Our plugin and napari's own readers."""
    folder = Path(napari_inpaintaff.__file__).parent
    npe2pm.register(PluginManifest.from_distribution("napari"))
    with npe2pm.tmp_plugin(manifest=PluginManifest.from_file(folder / "napari.yaml")):
        yield
        qtbot.waitUntil(lambda: not JobRunner._working, timeout=60_000)


def movie() -> np.ndarray:
    return np.stack([image(), image() + 7, image() + 9])


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "data" / "nuclei.tif"
    path.parent.mkdir()
    tifffile.imwrite(path, movie(), photometric="minisblack")
    return path


def save(viewer, path, qtbot):
    runner = save_session(viewer, path)
    with qtbot.waitSignal(runner.finished, timeout=60_000):
        pass


def open_(viewer, path, qtbot):
    runner = open_session(viewer, path)
    with qtbot.waitSignal(runner.finished, timeout=60_000):
        pass


@pytest.fixture
def filled(make_napari_viewer, file):
    """A viewer in which everything was done that a session keeps."""
    viewer = make_napari_viewer()
    (source,) = viewer.open(str(file), plugin="napari")
    for name, value in PLACED.items():
        setattr(source, name, value)
    source.contrast_limits = (5, 105)
    stack = np.stack([cells()] * 3)
    labels = viewer.add_labels(stack, name="found", opacity=0.3, **PLACED)
    own(labels)
    remember_evidence(labels, Evidence(affinities_from_labels(cells()), 1.75, 12))
    viewer.dims.set_current_step(0, 1)
    separate = open_dock(viewer, "Separate cells")
    separate.form.alpha.setValue(1.3)
    separate.form.evidence.setCurrentIndex(1)
    separate.form.minimum_size.setValue(77)
    separate.form.quality.choose("draft")
    separate.form.seed.setValue(5)
    separate.form.foreground.choose("none")
    shapes = separate.form.region.start_drawing(source)
    shapes.add_rectangles([[1, 5, 6], [1, 5, 30], [1, 25, 30], [1, 25, 6]])
    foreground = open_dock(viewer, "Foreground")
    foreground.paint().paint((1, 20, 20), 2)
    foreground.form.diameter.setValue(31)
    foreground.form.length.setCurrentIndex(2)
    foreground.form.name.edit.setText("my-foreground")
    foreground.threshold.slider.setValue(0.3)
    correct = open_dock(viewer, "Correct labels")
    correct.form.labels.choose(labels)
    correct.controller.pick(1)
    correct.controller.merge_with(2)
    correct.controller.pick(3)
    correct.controller.toggle_lock()
    correct.controller.start_strokes(StrokePurpose.SPLIT)
    correct.controller.strokes.layer.paint((0, 20, 35), 1)
    return viewer


def corrected() -> np.ndarray:
    return np.where(cells() == 2, 1, cells())


def test_a_whole_session_comes_back(
    filled, make_napari_viewer, file, tmp_path, qtbot, notifications
):
    path = tmp_path / "monday.inpaintaff-session"
    save(filled, path, qtbot)
    assert [note.message for note in notifications] == [f"Saved as {path.name}."]
    notifications.clear()
    viewer = make_napari_viewer()
    open_(viewer, path, qtbot)
    assert [note.message for note in notifications][-1] == f"{path.name} is open."

    source = viewer.layers["nuclei"]
    np.testing.assert_array_equal(source.data, movie())
    assert tuple(source.contrast_limits) == (5, 105)
    found = viewer.layers["found"]
    for layer in (source, found, viewer.layers["nuclei foreground labels"]):
        np.testing.assert_allclose(layer.scale, PLACED["scale"])
        np.testing.assert_allclose(layer.translate, PLACED["translate"])
        assert [str(unit) for unit in layer.units] == ["second", "micrometer", "micrometer"]
    np.testing.assert_array_equal(found.data, np.stack([cells(), corrected(), cells()]))
    assert found.opacity == 0.3
    assert evidence_of(found).alpha == 1.75
    np.testing.assert_array_equal(
        evidence_of(found).affinities.values, affinities_from_labels(cells()).values
    )

    form = open_dock(viewer, "Separate cells").form
    assert form.image.layer is source
    settings, network = form.label_settings(), form.network_settings()
    assert (settings.alpha, settings.minimum_size) == (1.3, 77)
    assert settings.method == list(EVIDENCE.values())[1]
    assert (network.quality, network.seed) == ("draft", 5)
    assert form.foreground.value == "none"
    rows, columns = form.region.region(source, (64, 48))
    assert (rows, columns) == (slice(5, 26), slice(6, 31))

    foreground = open_dock(viewer, "Foreground")
    paint = foreground.form.labels.layer
    assert is_paint_layer(paint)
    np.testing.assert_array_equal(paint.data, filled.layers["nuclei foreground labels"].data)
    chosen = foreground.form.settings()
    assert (chosen.name, chosen.diameter, chosen.steps) == ("my-foreground", 31, 3000)
    assert foreground.threshold.level == 0.3

    correct = open_dock(viewer, "Correct labels")
    controller = correct.controller
    assert controller.layer is found
    assert controller.strokes.strokes[20, 35] == 1
    assert controller.corrections.state.locked == {3}
    controller.undo()
    controller.undo()
    np.testing.assert_array_equal(found.data[1], cells())


def test_saving_makes_autosaved_files_superfluous(filled, tmp_path, qtbot, monkeypatch):
    layer = filled.layers["found"]
    dock = open_dock(filled, "Correct labels")
    dock.kept.saver.save()
    qtbot.waitUntil(lambda: not dock.kept.saver.is_waiting, timeout=60_000)
    path = autosaver._paths[layer]
    assert path.exists()
    save(filled, tmp_path / "monday", qtbot)
    assert (tmp_path / "monday.inpaintaff-session").exists()
    assert not path.exists()
    dock.controller.undo()
    qtbot.waitUntil(lambda: not dock.kept.saver.is_waiting, timeout=60_000)
    assert autosaver._paths[layer].exists()


def labelled_session(make_napari_viewer, file, tmp_path, qtbot) -> Path:
    viewer = make_napari_viewer()
    viewer.open(str(file), plugin="napari")
    viewer.add_labels(np.stack([cells()] * 3), name="cells")
    path = tmp_path / "monday.inpaintaff-session"
    save(viewer, path, qtbot)
    return path


@pytest.mark.parametrize(
    ("change", "message", "layers"),
    [
        (lambda file: file.unlink(), "there is no file", ["cells"]),
        (lambda file: file.write_bytes(b"none"), "cannot be opened", ["cells"]),
        (
            lambda file: tifffile.imwrite(file, movie() + 1, photometric="minisblack"),
            "nuclei has changed since the session was saved",
            ["nuclei", "cells"],
        ),
        (
            lambda file: tifffile.imwrite(file, movie()[:2], photometric="minisblack"),
            "has another size",
            ["cells"],
        ),
        (lambda file: file.rename(file.parents[1] / file.name), "", ["nuclei", "cells"]),
    ],
)
def test_an_image_that_is_gone_or_another_is_a_sentence(
    make_napari_viewer, file, tmp_path, qtbot, notifications, change, message, layers
):
    path = labelled_session(make_napari_viewer, file, tmp_path, qtbot)
    change(file)
    notifications.clear()
    viewer = make_napari_viewer()
    open_(viewer, path, qtbot)
    assert [layer.name for layer in viewer.layers] == layers
    np.testing.assert_array_equal(viewer.layers["cells"].data[0], cells())
    (note,) = notifications
    assert message in note.message
    assert note.message.startswith(f"{path.name} is open.")


def test_an_image_without_a_file_is_found_if_it_is_open(
    make_napari_viewer, tmp_path, qtbot, notifications
):
    viewer = make_napari_viewer()
    viewer.add_image(image(), name="from a script")
    viewer.add_labels(cells(), name="cells")
    path = tmp_path / "monday.inpaintaff-session"
    save(viewer, path, qtbot)
    assert "from a script was not opened from a file" in notifications[-1].message
    other = make_napari_viewer()
    open_(other, path, qtbot)
    assert "it was not opened from a file" in notifications[-1].message
    assert [layer.name for layer in other.layers] == ["cells"]
    other.layers.clear()
    there = other.add_image(image(), name="there")
    open_(other, path, qtbot)
    assert [layer.name for layer in other.layers] == ["there", "cells"]
    assert notifications[-1].message == f"{path.name} is open."
    assert there in other.layers


def test_a_sample_is_opened_again(make_napari_viewer, tmp_path, qtbot):
    viewer = make_napari_viewer()
    viewer.open_sample(NAME, "simulated_nuclei")
    viewer.layers.remove("nuclei ground truth")
    path = tmp_path / "monday.inpaintaff-session"
    save(viewer, path, qtbot)
    other = make_napari_viewer()
    open_(other, path, qtbot)
    assert [layer.name for layer in other.layers] == ["nuclei"]
    np.testing.assert_array_equal(other.layers["nuclei"].data, viewer.layers["nuclei"].data)


def test_no_script_is_run_that_a_session_calls_an_image(
    make_napari_viewer, file, tmp_path, qtbot, notifications
):
    from dataclasses import replace

    from napari_inpaintaff.session import write_session

    path = labelled_session(make_napari_viewer, file, tmp_path, qtbot)
    script = tmp_path / "nuclei.py"
    script.write_text(f"open({str(tmp_path / 'was-run')!r}, 'w')")
    session = read_session(path)
    record = replace(session.images[0], path=str(script), reader="napari")
    write_session(path, replace(session, images=(record,)))
    open_(make_napari_viewer(), path, qtbot)
    assert "is no image" in notifications[-1].message
    assert not (tmp_path / "was-run").exists()


def test_what_cannot_be_saved_or_opened_is_a_sentence(
    make_napari_viewer, tmp_path, qtbot, notifications
):
    viewer = make_napari_viewer()
    assert save_session(viewer, tmp_path / "monday") is None
    assert "nothing to save" in notifications[-1].message
    viewer.add_labels(da.from_array(cells()), name="on disk")
    assert save_session(viewer, tmp_path / "monday") is None
    viewer.add_labels(cells(), name="cells")
    save(viewer, tmp_path / "monday", qtbot)
    assert notifications[-1].message.endswith(
        "on disk is read from disk bit by bit: it is not in the session."
    )
    assert [one.name for one in read_session(tmp_path / "monday.inpaintaff-session").labels] == [
        "cells"
    ]
    assert save_session(viewer, tmp_path / "none" / "monday") is None
    assert "there is no folder" in notifications[-1].message
    path = tmp_path / "broken.inpaintaff-session"
    path.write_text("something else")
    open_(viewer, path, qtbot)
    assert "is no session file" in notifications[-1].message
    assert len(viewer.layers) == 2


def test_napari_opens_session_files_and_shows_the_commands(
    make_napari_viewer, file, tmp_path, qtbot, monkeypatch
):
    path = labelled_session(make_napari_viewer, file, tmp_path, qtbot)
    menu = PluginManager.instance().iter_menu("napari/file/io_utilities")
    assert [item.command for item in menu] == [f"{NAME}.save_session", f"{NAME}.open_session"]
    again = tmp_path / "again.inpaintaff-session"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(again), ""))
    get_app_model().commands.execute_command(f"{NAME}.save_session")
    qtbot.waitUntil(again.exists, timeout=60_000)
    again.unlink()
    buttons = open_dock(napari.current_viewer(), "Export").sessions
    buttons.save_button.click()
    qtbot.waitUntil(again.exists, timeout=60_000)
    viewer = make_napari_viewer()
    monkeypatch.setattr(session_commands.napari, "current_viewer", lambda: viewer)
    viewer.open(str(path), plugin=NAME)
    qtbot.waitUntil(lambda: "cells" in viewer.layers, timeout=60_000)
    assert [layer.name for layer in recorded_layers(viewer)[0]] == ["nuclei"]
    assert isinstance(open_dock(viewer, "Correct labels"), CorrectLabels)
