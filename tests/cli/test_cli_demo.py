"""inpaintaff demo, and the picture that it draws."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from two_cells import two_cells

from napari_inpaintaff.cli import demonstration
from napari_inpaintaff.images import read_affinity_file


def test_demo_writes_everything_and_reaches_its_score(run, tmp_path, monkeypatch):
    """The bar of `make demo`: default settings, Otsu foreground, SEG at least 0.85."""
    monkeypatch.setenv("CI", "true")
    outcome = run("demo", "-o", tmp_path / "new" / "folder")
    assert outcome.code == 0
    assert outcome.complaints == []
    folder = tmp_path / "new" / "folder"
    files = {path.name for path in folder.iterdir()}
    assert files == {"image.tif", "ground_truth.tif", "labels.tif", "affinities.npz", "picture.png"}
    score = float(outcome.out.split(":")[0].removeprefix("SEG "))
    assert score >= 0.85
    labels = tifffile.imread(folder / "labels.tif")
    assert (labels > 0).any()
    saved = read_affinity_file(folder / "affinities.npz")
    assert saved.affinities.shape == labels.shape
    again = run("evaluate", folder / "labels.tif", folder / "ground_truth.tif")
    assert float(again.out.split()[1]) == pytest.approx(score, abs=0.0006)


def test_demo_opens_napari_where_somebody_looks(run, tmp_path, monkeypatch, image):
    opened = []
    monkeypatch.setattr(demonstration, "has_display", lambda: True)
    monkeypatch.setattr(demonstration, "open_viewer", opened.append)
    monkeypatch.setattr(demonstration, "run_sample", lambda *_: None)
    assert run("demo", "-o", tmp_path / "a").code == 0
    assert run("demo", "-o", tmp_path / "b", "--no-viewer").code == 0
    assert opened == [tmp_path / "a"]


def test_demo_survives_a_viewer_that_cannot_open(tmp_path, monkeypatch, capsys):
    class Ended:
        returncode = -6

    monkeypatch.setattr(demonstration.subprocess, "run", lambda *_, **__: Ended)
    demonstration.open_viewer(tmp_path)
    line = capsys.readouterr().err
    assert line.startswith("inpaintaff: warning: napari could not be opened")
    assert "picture.png" in line


def test_demo_folder_that_cannot_be(run, tmp_path):
    (tmp_path / "file").write_text("here")
    outcome = run("demo", "-o", tmp_path / "file" / "demo")
    assert (outcome.code, outcome.out, len(outcome.lines)) == (2, "", 1)


@pytest.fixture
def viewer_result(tmp_path):
    from napari_inpaintaff.datatypes import PUBLISHED_OFFSETS, Affinities
    from napari_inpaintaff.images import write_affinities, write_array, write_labels

    image, labels = two_cells()
    ones = np.ones((len(PUBLISHED_OFFSETS), *image.shape), np.float32)
    return (
        write_array(tmp_path / "image.tif", image),
        write_affinities(tmp_path / "a.npz", Affinities(ones, PUBLISHED_OFFSETS, ones)),
        write_labels(tmp_path / "labels.tif", labels),
    )


def test_viewer_of_the_demo_shows_image_affinities_and_labels(
    make_napari_viewer, monkeypatch, viewer_result
):
    import napari

    from napari_inpaintaff.widgets.open_demo import open_demo

    monkeypatch.setattr(napari, "Viewer", make_napari_viewer)
    viewer = open_demo(*viewer_result)
    kinds = [type(layer).__name__ for layer in viewer.layers]
    assert kinds == ["Image", "Image", "Labels"]
    assert (viewer.layers[-1].data == two_cells()[1]).all()
    assert any("Separate cells" in name for name in viewer.window.dock_widgets)
