"""Choose the region, and draw its rectangle in a Shapes layer."""

from __future__ import annotations

from typing import Any

from napari.layers import Layer, Shapes
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QWidget

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.images import Region
from napari_inpaintaff.widgets.regions import (
    RegionChoice,
    rectangle_region,
    visible_region,
    whole_region,
)

REGION_LAYER_NAME = "Region"
REGION_STYLE = {"edge_color": "#39d353", "face_color": "transparent", "edge_width": 1}


class RegionPicker(QWidget):
    """A combo box of region kinds and a button that starts drawing one.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to draw and what is in view.
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._shapes: Shapes | None = None
        self.combo = QComboBox()
        self.combo.addItems([choice.value for choice in RegionChoice])
        self.combo.setToolTip(
            "Which part of the image to work on. A small region gives a result in seconds:\n"
            "good for trying settings before the whole image."
        )
        self.draw_button = QPushButton("Draw")
        self.draw_button.setToolTip(
            "Draw a rectangle over the image. Draw again to replace it:\nthe last one counts."
        )
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.combo, 1)
        layout.addWidget(self.draw_button)

    @property
    def choice(self) -> RegionChoice:
        """The chosen kind of region."""
        return RegionChoice(self.combo.currentText())

    @property
    def shapes(self) -> Shapes | None:
        """The layer to draw in; None when there is none or the user removed it."""
        if self._shapes is not None and self._shapes not in self._viewer.layers:
            self._shapes = None
        return self._shapes

    def choose(self, choice: RegionChoice) -> None:
        """Choose a kind of region."""
        self.combo.setCurrentText(choice.value)

    def choose_named(self, name: str) -> None:
        """Choose a kind of region by its name; nothing happens if there is no such one."""
        if name in RegionChoice.__members__:
            self.choose(RegionChoice[name])

    def start_drawing(self, source: Layer) -> Shapes:
        """Let the user draw a rectangle in the pixel grid of an image layer.

        Parameters
        ----------
        source : Layer
            The image.

        Returns
        -------
        Shapes
            The layer to draw in, selected and in rectangle mode.
        """
        shapes = self.shapes
        if shapes is None:
            shapes = self._viewer.add_shapes(
                name=REGION_LAYER_NAME,
                ndim=source.ndim,
                **REGION_STYLE,
                scale=source.scale,
                translate=source.translate,
                rotate=source.rotate,
                shear=source.shear,
                affine=source.affine,
                units=source.units,
                axis_labels=source.axis_labels,
            )
            self._shapes = shapes
        self._viewer.layers.selection.active = shapes
        shapes.mode = "add_rectangle"
        self.choose(RegionChoice.RECTANGLE)
        return shapes

    def adopt(self, shapes: Shapes) -> None:
        """Take the region from a layer that was made elsewhere."""
        self._shapes = shapes

    def region(self, source: Layer, shape: tuple[int, int]) -> Region:
        """Find the chosen region.

        Parameters
        ----------
        source : Layer
            The image.
        shape : tuple of int
            Height and width of its plane.

        Returns
        -------
        Region
            Slices along y and x.

        Raises
        ------
        ParameterError
            When there is no such region.
        """
        if 0 in shape:
            raise ParameterError(f"{source.name} has no pixels.")
        if self.choice is RegionChoice.VIEW:
            return visible_region(self._viewer, source, shape)
        if self.choice is RegionChoice.RECTANGLE:
            return rectangle_region(self.shapes, source, shape)
        return whole_region(shape)
