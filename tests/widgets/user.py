"""What a user does with mouse and keyboard, on the widgets that the window shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QLineEdit,
    QScrollArea,
    QWidget,
)

LEFT = Qt.MouseButton.LeftButton
CONTROL = Qt.KeyboardModifier.ControlModifier
PLAIN = Qt.KeyboardModifier.NoModifier


def drop_file(viewer: Any, path: Path) -> Any:
    """Drop a file on the canvas, and return the layer that napari makes of it."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    canvas, copy, place = viewer.window._qt_viewer, Qt.DropAction.CopyAction, QPoint(50, 50)
    QApplication.sendEvent(canvas, QDragEnterEvent(place, copy, data, LEFT, PLAIN))
    QApplication.sendEvent(canvas, QDropEvent(QPointF(place), copy, data, LEFT, PLAIN))
    return viewer.layers[-1]


def open_tool(viewer: Any, name: str) -> QWidget:
    """Choose a dock widget in the menu Plugins; those that are open make room for it.

    Returns the widget that stands in the dock.
    """
    for title, dock in dict(viewer.window.dock_widgets).items():
        if not title.startswith(name) and dock.isVisible():
            _choose_in_menu(viewer, title.split(" (")[0])
    shown = [title for title in viewer.window.dock_widgets if title.startswith(name)]
    if not shown or not viewer.window.dock_widgets[shown[0]].isVisible():
        _choose_in_menu(viewer, name)
    title = next(title for title in viewer.window.dock_widgets if title.startswith(name))
    widget = viewer.window.dock_widgets[title]
    QTest.qWait(300)
    assert widget.isVisible(), f"{name} did not open"
    return widget


def _choose_in_menu(viewer: Any, name: str) -> None:
    menu = viewer.window.plugins_menu
    menu.aboutToShow.emit()
    submenus = [action.menu() for action in menu.actions() if action.menu()]
    actions = [action for sub in submenus for action in sub.actions()]
    chosen = [action for action in actions if action.text().startswith(f"{name} (")]
    assert len(chosen) == 1, [action.text() for action in actions]
    chosen[0].trigger()
    QApplication.processEvents()


def click_on(button: QAbstractButton) -> None:
    """Scroll to a button and click it, where the window shows it and nothing covers it."""
    bring_into_view(button)
    assert button.isEnabled(), f'"{button.text()}" is disabled: {button.toolTip()}'
    middle = button.rect().center()
    window = button.window()
    assert window.childAt(button.mapTo(window, middle)) is button, f"{button.text()} is covered"
    if hasattr(button, "setChecked") and button.isCheckable():
        # The box of a long check box stands at its left end.
        middle.setX(min(middle.x(), 10))
    QTest.mouseClick(button, LEFT, PLAIN, middle)
    QApplication.processEvents()


def choose(combo: QComboBox, text: str) -> None:
    """Open the list of a combo box and take an entry that begins with a text."""
    bring_into_view(combo)
    assert combo.isEnabled(), combo.toolTip()
    texts = [combo.itemText(row) for row in range(combo.count())]
    row = next((row for row, found in enumerate(texts) if found.startswith(text)), None)
    assert row is not None, f"no {text} in {texts}"
    QTest.mouseClick(combo, LEFT, PLAIN, combo.rect().center())
    view = combo.view()
    index = combo.model().index(row, combo.modelColumn(), combo.rootModelIndex())
    QTest.qWait(50)
    # By keyboard: a click so soon after the list has opened may count for the one that opened it.
    view.setCurrentIndex(index)
    QTest.keyClick(view, Qt.Key.Key_Return)
    QTest.qWait(50)
    assert combo.currentIndex() == row, f"{text} could not be chosen"


def type_into(field: QLineEdit, text: str) -> None:
    """Replace what a line holds."""
    bring_into_view(field)
    QTest.mouseClick(field, LEFT)
    QTest.keyClick(field, Qt.Key.Key_A, CONTROL)
    QTest.keyClicks(field, text)
    assert field.text() == text


def bring_into_view(widget: QWidget) -> None:
    """Scroll a dock widget until a part of it is seen."""
    parent = widget.parentWidget()
    while parent is not None:
        if isinstance(parent, QScrollArea):
            parent.ensureWidgetVisible(widget)
        parent = parent.parentWidget()
    QApplication.processEvents()
    assert widget.isVisible(), f"{widget.objectName() or type(widget).__name__} is hidden"
