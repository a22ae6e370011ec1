"""Every dock widget in a window of 1280 x 800, in napari's dark and light theme."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
from napari.layers import Labels
from npe2 import PluginManifest
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QComboBox,
    QGroupBox,
    QLabel,
    QLineEdit,
    QScrollArea,
    QStyle,
    QStyleOptionComboBox,
    QWidget,
)
from superqt import QCollapsible

import napari_inpaintaff
from napari_inpaintaff.images import simulate_dense_nuclei
from napari_inpaintaff.widgets.runner import JobRunner

NAME = "napari-inpaintaff"
MANIFEST = PluginManifest.from_file(Path(napari_inpaintaff.__file__).parent / "napari.yaml")
DOCKS = [widget.display_name for widget in MANIFEST.contributions.widgets]
#: WCAG asks for 4.5 of small text.
READABLE = 4.5


@pytest.fixture(params=DOCKS)
def dock(request, make_napari_viewer, npe2pm, model_folder, qtbot):
    """A dock widget of the plugin, as napari opens it over an image with labels."""
    with npe2pm.tmp_plugin(manifest=MANIFEST):
        viewer = make_napari_viewer(show=True)
        viewer.window.resize(1280, 800)
        image, labels = simulate_dense_nuclei(shape=(96, 96))
        nuclei = viewer.add_image(np.stack([image, image]), name="nuclei")
        viewer.add_labels(np.stack([labels, labels]), name="cells")
        if request.param not in ("Correct labels", "Export"):
            viewer.layers.selection.active = nuclei
        _, widget = viewer.window.add_plugin_dock_widget(NAME, request.param)
        qtbot.wait(300)
        yield viewer, widget
        qtbot.waitUntil(lambda: not JobRunner._working, timeout=180_000)


def test_nothing_is_cut_off_or_unlabelled_or_unreadable(dock, qtbot):
    viewer, widget = dock
    for theme in ("dark", "light"):
        viewer.theme = theme
        qtbot.wait(200)
        for area in widget.findChildren(QScrollArea):
            assert area.horizontalScrollBar().maximum() == 0, theme
        assert [name(w) for w in shown(widget, QWidget) if is_cut(w)] == [], theme
        assert [name(w) for w in shown(widget, QWidget) if is_unlabelled(w)] == [], theme
        unreadable = [w for w in shown(widget, QLabel) if w.text() and contrast(w) < READABLE]
        assert [name(w) for w in unreadable if w.isEnabled()] == [], theme


def shown(widget: QWidget, kind: type[QWidget]) -> list[QWidget]:
    """Find what can be seen by scrolling: not hidden, and in no closed section."""
    closed = [
        section.content()
        for section in widget.findChildren(QCollapsible)
        if not section.isExpanded()
    ]
    return [
        child
        for child in widget.findChildren(kind)
        if child.isVisible()
        and not child.rect().isEmpty()
        and not any(content.isAncestorOf(child) for content in closed)
    ]


def name(widget: QWidget) -> str:
    text = widget.currentText() if isinstance(widget, QComboBox) else ""
    text = widget.text() if isinstance(widget, QAbstractButton | QLabel) else text
    return f"{type(widget).__name__} {text!r} {widget.toolTip()!r}"


def is_cut(widget: QWidget) -> bool:
    """Whether words of a control have not enough room."""
    if isinstance(widget, QComboBox):
        option = QStyleOptionComboBox()
        widget.initStyleOption(option)
        room = widget.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox,
            option,
            QStyle.SubControl.SC_ComboBoxEditField,
            widget,
        )
        return widget.fontMetrics().horizontalAdvance(widget.currentText()) > room.width()
    if isinstance(widget, QAbstractButton):
        return widget.width() < widget.minimumSizeHint().width()
    if isinstance(widget, QLabel):
        height = widget.heightForWidth(widget.width()) if widget.wordWrap() else -1
        wide = widget.fontMetrics().horizontalAdvance(widget.text()) > widget.width()
        return height > widget.height() or (wide and not widget.wordWrap())
    if isinstance(widget, FigureCanvasQTAgg):
        widget.draw()
        cut = [t for axes in widget.figure.axes for t in words(axes) if not fits(t, widget)]
        return bool(cut)
    return False


def words(axes) -> list:
    ticks = [
        tick.label1
        for axis in (axes.xaxis, axes.yaxis)
        for tick in axis.get_major_ticks()
        if min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval())
    ]
    titles = (axes.title, axes._left_title, axes.xaxis.label)
    return [text for text in (*ticks, *titles) if text.get_text()]


def fits(text, canvas: FigureCanvasQTAgg) -> bool:
    box, figure = text.get_window_extent(), canvas.figure.bbox
    return box.x0 >= figure.x0 and box.x1 <= figure.x1 and box.y0 >= 0 and box.y1 <= figure.y1


def is_unlabelled(widget: QWidget) -> bool:
    """Whether a field has neither words of its own, nor words beside it, nor a tooltip."""
    if isinstance(widget, QAbstractButton):
        return not (widget.text() or widget.toolTip())
    if not isinstance(widget, QComboBox | QAbstractSpinBox | QLineEdit):
        return False
    if isinstance(widget.parent(), QAbstractSpinBox | QComboBox):
        return False
    return not (has_label_beside(widget) or widget.toolTip())


def has_label_beside(widget: QWidget) -> bool:
    """Whether a label is on the left, at the same height, or a titled box holds only this."""
    box = widget
    while box is not None and not isinstance(box, QGroupBox):
        box = box.parentWidget()
    place = widget.mapToGlobal(widget.rect().center())
    for label in () if box is None else shown(box, QLabel):
        middle = label.mapToGlobal(label.rect().center())
        if label.text() and abs(middle.y() - place.y()) < 20 and middle.x() < place.x():
            return True
    return False


def contrast(label: QLabel) -> float:
    """Contrast of a label's words with what is around them, as WCAG defines it."""
    picture = label.grab().toImage()
    background = picture.pixelColor(0, 0)
    pixels = [
        picture.pixelColor(x, y) for x in range(picture.width()) for y in range(picture.height())
    ]
    return max(ratio(pixel, background) for pixel in pixels)


def ratio(one: QColor, other: QColor) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: QColor) -> float:
    parts = (colour.redF(), colour.greenF(), colour.blueF())
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def test_a_plot_of_a_long_training_fits(qtbot):
    from napari_inpaintaff.widgets.loss_plot import LossPlot
    from napari_inpaintaff.widgets.theme_colours import theme_colours

    plot = LossPlot(theme_colours("dark"))
    qtbot.addWidget(plot)
    plot.resize(400, 140)
    plot.show()
    for last in (300, 1200, 20_000):
        plot.add(last // 2, 0.4, 0.5)
        plot.show_now()
        assert not is_cut(plot.canvas)
        plot.clear()


def test_the_longest_network_name_of_the_package_is_shown(dock, qtbot):
    viewer, widget = dock
    if not hasattr(getattr(widget, "form", None), "model"):
        pytest.skip("this widget has no list of networks")
    choice = widget.form.model
    for index in range(choice.combo.count()):
        choice.combo.setCurrentIndex(index)
        assert not is_cut(choice.combo), choice.combo.currentText()
    assert isinstance(viewer.layers["cells"], Labels)
