"""Our dock widgets share their place, as tabs: one above the other they would be too low to use."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

_OURS = "inpaintaff-dock"


def tab_with_others(widget: QWidget) -> None:
    """Let a widget become a tab of those of ours that are open when its dock is first shown.

    The user can drag it elsewhere; it is left where it is put.
    """
    widget.installEventFilter(_FirstShown(widget))


class _FirstShown(QObject):
    """Waits until a widget is shown in its dock."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        # When the dock is shown napari is still adding it.
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._tab)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Show:
            watched.removeEventFilter(self)
            self._soon.start()
        return False

    def _tab(self) -> None:
        dock = _dock_of(self.parent())
        window = dock.parent() if dock is not None else None
        if dock is None or not isinstance(window, QMainWindow):
            return
        dock.setProperty(_OURS, True)
        if window.tabifiedDockWidgets(dock):
            return
        for place in window.findChildren(QDockWidget):
            if (
                place is not dock
                and place.property(_OURS)
                and not place.isFloating()
                and not place.isHidden()
                and window.dockWidgetArea(place) == window.dockWidgetArea(dock)
                and window.dockWidgetArea(place) != Qt.DockWidgetArea.NoDockWidgetArea
            ):
                window.tabifyDockWidget(place, dock)
                dock.raise_()
                return


def _dock_of(widget: QObject | None) -> QDockWidget | None:
    while widget is not None and not isinstance(widget, QDockWidget):
        widget = widget.parent()
    return widget
