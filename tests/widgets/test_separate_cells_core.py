"""The widget on the real core: sample, network, splits, affinities, partition."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from napari.utils.notifications import NotificationSeverity
from scipy import ndimage

from napari_inpaintaff.evaluation import seg_score
from napari_inpaintaff.images import simulate_dense_nuclei
from napari_inpaintaff.separation import SEPARATION_MODES
from napari_inpaintaff.widgets.core_engine import CoreEngine
from napari_inpaintaff.widgets.preview import FRAME, ORANGE, OUTLINE, PREVIEW_NAME, PURPLE
from napari_inpaintaff.widgets.runner import JobRunner
from napari_inpaintaff.widgets.separate_cells import SeparateCells

REGION = (slice(40, 120), slice(30, 110))
SMALL_REGION = (slice(40, 88), slice(30, 78))


class CountingEngine(CoreEngine):
    """The real engine; remembers the splits of every run."""

    def __init__(self):
        super().__init__()
        self.runs = []

    def separate(self, request, previous):
        splits = []
        self.runs.append(splits)
        steps = super().separate(request, previous)
        try:
            while True:
                update = next(steps)
                if hasattr(update, "state"):
                    splits.append(update)
                yield update
        except StopIteration as end:
            return end.value
        finally:
            steps.close()


@pytest.fixture(scope="module")
def model_file(tmp_path_factory) -> Path:
    """A tiny inpainter that has learnt nothing: enough to drive everything around it."""
    import torch

    from napari_inpaintaff.inpainting import Inpainter, InpainterMetadata
    from napari_inpaintaff.networks.architecture import UNetArchitecture
    from napari_inpaintaff.networks.unet import build_unet

    torch.manual_seed(0)
    architecture = UNetArchitecture("plain", (8, 8), stem=2)
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    Inpainter(build_unet(architecture), InpainterMetadata("tiny", architecture)).save(path)
    return path


@pytest.fixture(scope="module")
def student_file(tmp_path_factory) -> Path:
    """A tiny student that has learnt nothing."""
    import torch

    from napari_inpaintaff.networks.architecture import UNetArchitecture
    from napari_inpaintaff.networks.unet import build_unet
    from napari_inpaintaff.separation import Student, StudentMetadata

    torch.manual_seed(0)
    architecture = UNetArchitecture("plain", (8, 8), outputs=12, stem=2)
    path = tmp_path_factory.mktemp("model") / "tiny-student.safetensors"
    metadata = StudentMetadata("tiny-student", architecture, alpha=1.25)
    return Student(build_unet(architecture), metadata).save(path)


@pytest.fixture
def sample_viewer(make_napari_viewer):
    """The built-in sample with a scale and a place."""
    viewer = make_napari_viewer()
    image, _ = simulate_dense_nuclei()
    viewer.add_image(image, name="nuclei", scale=(0.3, 0.3), translate=(10, 20))
    return viewer


@pytest.fixture
def core_dock(sample_viewer, model_file, qtbot, monkeypatch):
    """The dock widget on the real engine, with a rectangle drawn.

    Its network is an average of the known pixels, which separates what is unlike.
    """
    from gaussian_inpainter import GaussianInpainter
    from napari_inpaintaff.inpainting import Inpainter

    network = GaussianInpainter(estimate=True)
    monkeypatch.setattr(Inpainter, "load", lambda model, **options: network)
    dock = SeparateCells(sample_viewer, engine=CountingEngine())
    sample_viewer.window.add_dock_widget(dock)
    dock.form.model.load(model_file)
    set_updates(monkeypatch, 3)
    draw(dock, REGION)
    yield dock
    dock.controller.cancel()
    qtbot.waitUntil(lambda: not JobRunner._working, timeout=180_000)


def set_updates(monkeypatch, updates):
    """Let every quality take so many updates of a split."""
    for mode in SEPARATION_MODES:
        parameters = replace(SEPARATION_MODES[mode], iterations=updates)
        monkeypatch.setitem(SEPARATION_MODES, mode, parameters)


def draw(dock, region):
    dock.form.region.draw_button.click()
    (top, bottom), (left, right) = ((axis.start, axis.stop - 1) for axis in region)
    dock.form.region.shapes.add_rectangles([[top, left], [bottom, right]])


def run_to_end(qtbot, dock):
    with qtbot.waitSignal(dock.controller.ended, timeout=180_000):
        dock.controls.run_button.click()


def inside(region, shape=(256, 256)):
    mask = np.zeros(shape, dtype=bool)
    mask[region] = True
    return mask


def test_the_sample_from_run_to_labels(sample_viewer, core_dock, qtbot):
    pictures = []
    sample_viewer.layers.events.inserted.connect(lambda event: pictures.append(event.value.name))
    run_to_end(qtbot, core_dock)
    # The labels come before the affinities, as a draft, and end above them.
    assert pictures == [PREVIEW_NAME, "nuclei cells", "nuclei affinities"]
    assert [layer.name for layer in sample_viewer.layers] == [
        "nuclei",
        "Region",
        "nuclei affinities",
        "nuclei cells",
    ]
    assert PREVIEW_NAME not in sample_viewer.layers
    source = sample_viewer.layers["nuclei"]
    labels, affinities = sample_viewer.layers["nuclei cells"], sample_viewer.layers[2]
    np.testing.assert_allclose(labels.scale, source.scale)
    np.testing.assert_allclose(labels.translate, source.translate)
    np.testing.assert_allclose(affinities.translate, source.data_to_world((40, 30)))
    assert affinities.data.shape == (80, 80, 4)
    assert affinities.data[..., 3].any()
    assert not labels.data[~inside(REGION)].any()
    assert labels.data.max() >= 3
    found = np.unique(labels.data)
    np.testing.assert_array_equal(found, np.arange(found.size))
    foreground = source.data > 0.5 * (source.data.min() + np.percentile(source.data, 99))
    assert (labels.data > 0)[foreground & inside(REGION)].mean() > 0.95


def test_alpha_needs_no_network_and_run_again_computes_nothing(
    sample_viewer, core_dock, model_file, qtbot
):
    core_dock.form.evidence.setCurrentText("Image")
    run_to_end(qtbot, core_dock)
    engine, labels = core_dock.controller._engine, sample_viewer.layers["nuclei cells"]
    assert len(engine.runs[0]) > 5
    before = labels.data.copy()
    alpha, minimum_size = core_dock.form.alpha.value(), core_dock.form.minimum_size.value()
    core_dock.form.alpha.setValue(3.0)
    core_dock.form.minimum_size.setValue(0)
    qtbot.waitUntil(lambda: not np.array_equal(labels.data, before), timeout=180_000)
    assert len(engine.runs) == 1
    core_dock.form.alpha.setValue(alpha)
    core_dock.form.minimum_size.setValue(minimum_size)
    run_to_end(qtbot, core_dock)
    assert engine.runs[1] == []
    np.testing.assert_array_equal(labels.data, before)

    # The outline of the foreground can have its say, too.
    core_dock.form.evidence.setCurrentText("Image and outline")
    qtbot.waitUntil(lambda: not np.array_equal(labels.data, before), timeout=180_000)
    np.testing.assert_array_equal(labels.data > 0, before > 0)
    core_dock.form.evidence.setCurrentText("Image")
    qtbot.waitUntil(lambda: np.array_equal(labels.data, before), timeout=180_000)
    assert len(engine.runs) == 2

    # Pixels changed in place are noticed.
    sample_viewer.layers["nuclei"].data[60, 60] += 1
    run_to_end(qtbot, core_dock)
    assert len(engine.runs[2]) == len(engine.runs[0])

    # So is a training that has replaced the model.
    run_to_end(qtbot, core_dock)
    assert engine.runs[3] == []
    os.utime(model_file, ns=(1, 1))
    run_to_end(qtbot, core_dock)
    assert len(engine.runs[4]) == len(engine.runs[0])


def test_a_foreground_that_grows_computes_only_what_is_missing(sample_viewer, core_dock, qtbot):
    mask = np.zeros((256, 256), dtype=np.uint8)
    mask[45:115, 35:75] = 1
    layer = sample_viewer.add_labels(mask, name="mask")
    core_dock.form.foreground.choose(layer)
    run_to_end(qtbot, core_dock)
    engine, labels = core_dock.controller._engine, sample_viewer.layers["nuclei cells"]
    first = core_dock.controller._kept[sample_viewer.layers["nuclei"]].separation

    # A little growth lies within the margin.
    layer.data[45:115, 35:79] = 1
    layer.events.data()
    qtbot.waitUntil(lambda: bool(labels.data[45:115, 35:79].all()), timeout=180_000)
    assert "not computed" not in core_dock.controls.status.text()

    layer.data[45:115, 35:105] = 1
    layer.events.data()
    qtbot.waitUntil(lambda: "not computed" in core_dock.controls.status.text(), timeout=180_000)
    run_to_end(qtbot, core_dock)
    assert labels.data[45:115, 35:105].all()
    second = core_dock.controller._kept[sample_viewer.layers["nuclei"]].separation
    known = first.affinities.weight > 0
    np.testing.assert_allclose(
        second.affinities.values[known], first.affinities.values[known], atol=1e-6
    )
    assert len(engine.runs[1]) > 0


def test_outlines_of_a_rough_mask_move_to_the_edges(sample_viewer, core_dock, qtbot):
    truth = simulate_dense_nuclei()[1] > 0
    rough = sample_viewer.add_labels(ndimage.binary_dilation(truth, iterations=3), name="rough")
    core_dock.form.foreground.choose(rough)
    run_to_end(qtbot, core_dock)
    labels = sample_viewer.layers["nuclei cells"]
    found, wanted = labels.data[REGION] > 0, truth[REGION]
    assert (found & wanted).sum() / (found | wanted).sum() > 0.85
    assert "Outlines moved by" in core_dock.controls.status.text()

    core_dock.form.outlines.setChecked(False)
    given = rough.data[REGION] > 0
    qtbot.waitUntil(lambda: np.array_equal(labels.data[REGION] > 0, given), timeout=180_000)
    assert "Outlines" not in core_dock.controls.status.text()
    assert len(core_dock.controller._engine.runs) == 1


def test_cancel_stops_the_real_generator(sample_viewer, core_dock, qtbot, monkeypatch):
    set_updates(monkeypatch, 100)
    engine = core_dock.controller._engine
    core_dock.controls.run_button.click()
    qtbot.waitUntil(lambda: PREVIEW_NAME in sample_viewer.layers, timeout=180_000)
    shown = set(np.unique(sample_viewer.layers[PREVIEW_NAME].data))
    assert shown <= {0, PURPLE, ORANGE, OUTLINE, FRAME}
    with qtbot.waitSignal(core_dock.controller.ended, timeout=180_000):
        core_dock.controls.cancel_button.click()
        at_cancel = len(engine.runs[0])
    assert len(engine.runs[0]) <= at_cancel + 2
    assert [layer.name for layer in sample_viewer.layers] == ["nuclei", "Region"]
    set_updates(monkeypatch, 3)
    run_to_end(qtbot, core_dock)
    assert "nuclei cells" in sample_viewer.layers


def test_another_quality_is_another_input(sample_viewer, core_dock, qtbot):
    core_dock.form.quality.choose("draft")
    run_to_end(qtbot, core_dock)
    core_dock.form.quality.choose("balanced")
    run_to_end(qtbot, core_dock)
    engine = core_dock.controller._engine
    assert len(engine.runs[1]) > len(engine.runs[0]) > 0


def test_a_student_needs_one_pass_for_what_a_script_finds(
    sample_viewer, student_file, qtbot, notifications
):
    from napari_inpaintaff.separation import Student, compute_student_affinities

    engine = CountingEngine()
    dock = SeparateCells(sample_viewer, engine=engine)
    sample_viewer.window.add_dock_widget(dock)
    dock.form.model.load(student_file)
    assert dock.form.model.combo.currentText() == "tiny-student.safetensors · one pass"
    dock.form.evidence.setCurrentText("Image")
    assert dock.form.label_settings().alpha == 1.25
    dock.form.foreground.choose("none")
    draw(dock, REGION)
    run_to_end(qtbot, dock)
    image = sample_viewer.layers["nuclei"].data
    expected = compute_student_affinities(
        image, Student.load(student_file, device="cpu"), wanted=inside(REGION)
    )
    kept = dock.controller._kept[sample_viewer.layers["nuclei"]].separation
    np.testing.assert_allclose(
        kept.affinities.values[:, *REGION], expected.values[:, *REGION], atol=0.02
    )
    labels = sample_viewer.layers["nuclei cells"]
    assert labels.data[REGION].all()
    assert not labels.data[~inside(REGION)].any()
    assert engine.runs == [[]]

    # What is known is not predicted again; more is, all at once.
    run_to_end(qtbot, dock)
    again = dock.controller._kept[sample_viewer.layers["nuclei"]].separation
    assert again.affinities is kept.affinities
    draw(dock, (slice(30, 120), slice(30, 110)))
    run_to_end(qtbot, dock)
    more = dock.controller._kept[sample_viewer.layers["nuclei"]].separation
    assert (more.affinities.weight[0, 31:120, 30:110] == 1).all()
    assert notifications == []


def test_cells_of_another_size_are_shown_in_place(sample_viewer, core_dock, qtbot):
    core_dock.form.diameter.setValue(50)
    previews = []
    sample_viewer.layers.events.inserted.connect(lambda event: previews.append(event.value))
    run_to_end(qtbot, core_dock)
    assert previews[0].name == PREVIEW_NAME
    np.testing.assert_allclose(previews[0].scale, (0.6, 0.6))
    assert sample_viewer.layers["nuclei cells"].data.shape == (256, 256)


def test_a_constant_image_gives_no_cells_and_a_warning(
    sample_viewer, core_dock, qtbot, notifications
):
    plane = sample_viewer.add_image(np.full((90, 90), 7.0), name="plane")
    core_dock.form.image.choose(plane)
    core_dock.form.region.combo.setCurrentIndex(0)
    run_to_end(qtbot, core_dock)
    assert not sample_viewer.layers["plane cells"].data.any()
    assert core_dock.controls.status.text().startswith("0 cells")
    warned = [n for n in notifications if n.severity is NotificationSeverity.WARNING]
    assert "same intensity" in warned[0].message


@pytest.mark.parametrize(
    ("image", "message"),
    [(np.full((90, 90), np.nan), "finite|known"), (np.ones((2, 90, 90)), "does not fit")],
)
def test_bad_input_is_explained(sample_viewer, core_dock, qtbot, notifications, image, message):
    layer = sample_viewer.add_image(image, name="bad", contrast_limits=(0, 1))
    core_dock.form.image.choose(layer)
    core_dock.form.region.combo.setCurrentIndex(0)
    if image.ndim == 3:
        mask = sample_viewer.add_labels(np.ones((3, 9, 90, 90), dtype=np.uint8), name="long")
        sample_viewer.dims.set_point(0, 1)
        core_dock.form.foreground.choose(mask)
        core_dock.controls.run_button.click()
    else:
        run_to_end(qtbot, core_dock)
    errors = [n for n in notifications if n.severity is NotificationSeverity.ERROR]
    assert len(errors) == 1
    assert not errors[0].message.startswith("Unexpected")
    assert any(word in errors[0].message for word in message.split("|"))
    assert core_dock.controls.run_button.isEnabled()


def test_a_mask_of_other_pixels_is_explained(sample_viewer, core_dock, qtbot, notifications):
    mask = sample_viewer.add_labels(np.ones((9, 9), dtype=np.uint8), name="small mask")
    core_dock.form.foreground.choose(mask)
    run_to_end(qtbot, core_dock)
    assert "choose a mask of the same size" in notifications[-1].message


def test_a_file_that_is_no_model_is_explained(core_dock, tmp_path, notifications):
    path = tmp_path / "noise.safetensors"
    path.write_bytes(b"noise")
    core_dock.form.model.load(path)
    assert notifications[-1].severity is NotificationSeverity.ERROR
    assert not notifications[-1].message.startswith("Unexpected")


LOADING = """
import sys, time
import napari, numpy as np
from dataclasses import replace
from pathlib import Path
from qtpy.QtCore import QTimer
from qtpy.QtTest import QTest
from napari_inpaintaff.separation import SEPARATION_MODES
from napari_inpaintaff.widgets.separate_cells import SeparateCells

viewer = napari.Viewer(show=False)
viewer.add_image(np.random.default_rng(0).normal(size=(64, 64)))
dock = SeparateCells(viewer)
viewer.window.add_dock_widget(dock)
dock.form.model.load(Path(sys.argv[1]))
SEPARATION_MODES["balanced"] = replace(SEPARATION_MODES["balanced"], iterations=1)
assert "torch" not in sys.modules
ticks = []
timer = QTimer()
timer.timeout.connect(lambda: ticks.append((time.perf_counter(), dock.controls.status.text())))
timer.start(5)
dock.run()
while dock.controller.is_running:
    QTest.qWait(5)
assert "torch" in sys.modules
times = [when for when, text in ticks if text == "Loading the network…"]
gaps = np.diff(times)
print(len(times), times[-1] - times[0], gaps.max())
viewer.close()
"""


def test_the_interface_lives_while_torch_is_imported(model_file):
    output = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LOADING, str(model_file)],
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    ).stdout
    count, seconds, longest = (float(word) for word in output.split()[-3:])
    assert count > 20
    # A frozen import would be one gap as long as the whole; busy test machines need room.
    assert longest < max(0.5, 0.5 * seconds)


REHEARSAL = """
import sys
from types import SimpleNamespace
import numpy as np
from napari_inpaintaff.images import simulate_dense_nuclei
from napari_inpaintaff.widgets.core_engine import CoreEngine
from napari_inpaintaff.widgets.settings import NetworkSettings, SeparationRequest

image = simulate_dense_nuclei()[0][:80, :80]
network = NetworkSettings("nuclei-small", 25.0, "balanced", 0, "auto")
plane = SimpleNamespace(read=lambda: image)
request = SeparationRequest(plane, np.s_[0:80, 0:80], "otsu", network, None)
engine = CoreEngine()
engine.warm_up()
before = set(sys.modules)
steps = engine.separate(request, None)
while not hasattr(next(steps), "origin"):
    pass
print(len(before), sorted(set(sys.modules) - before))
"""


def test_after_a_rehearsal_the_first_split_imports_nothing():
    output = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", REHEARSAL],
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    ).stdout
    count, late = output.split(maxsplit=1)
    assert int(count) > 500
    assert late.strip() == "[]"


def test_with_the_shipped_network_the_widget_finds_what_a_script_finds(sample_viewer, qtbot):
    from napari_inpaintaff.pipeline import segment

    dock = SeparateCells(sample_viewer)
    sample_viewer.window.add_dock_widget(dock)
    assert dock.form.model.card.name == "nuclei-small"
    draw(dock, SMALL_REGION)
    run_to_end(qtbot, dock)
    image, truth = simulate_dense_nuclei()
    labels = sample_viewer.layers["nuclei cells"].data
    np.testing.assert_array_equal(labels, segment(image, region=SMALL_REGION).labels)
    assert seg_score(labels[SMALL_REGION], truth[SMALL_REGION]) > 0.8
