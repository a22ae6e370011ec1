"""Opening one dock widget of this plugin from another."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QWidget

_PLUGIN = "napari-inpaintaff"


def open_dock(viewer: Any, name: str) -> QWidget:
    """Open a dock widget, or bring the open one to the front.

    Parameters
    ----------
    viewer : napari.Viewer
        One with a window.
    name : str
        As it is called in the menu Plugins.

    Returns
    -------
    QWidget
    """
    dock, widget = viewer.window.add_plugin_dock_widget(_PLUGIN, name, tabify=True)
    dock.show()
    dock.raise_()
    opened: QWidget = widget
    return opened
