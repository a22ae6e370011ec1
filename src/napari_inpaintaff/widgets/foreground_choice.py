"""Choose where the foreground comes from: a method, a network, or a mask."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from napari.layers import Layer
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QWidget

from napari_inpaintaff.errors import ModelFileError
from napari_inpaintaff.foreground import available_foreground_models, foreground_model_kind
from napari_inpaintaff.foreground.grabcut import grabcut_refusal
from napari_inpaintaff.widgets.layer_choice import LayerChoice
from napari_inpaintaff.widgets.model_choice import MODEL_FILTER
from napari_inpaintaff.widgets.model_news import model_news

#: Those that find something: what the user reads, and their names in the core.
FINDING_METHODS = {
    "Otsu threshold": "otsu",
    "Inpainting error (IEM)": "iem",
    "One threshold for all (Otsu)": "global_otsu",
    "GrabCut": "grabcut",
    "Largest object": "largest",
}
ALL_METHODS = {**FINDING_METHODS, "None: label every pixel": "none"}


def method_refusal(name: str) -> str:
    """Say why a method cannot be chosen; empty when it can."""
    return grabcut_refusal() if name == "grabcut" else ""


class ForegroundChoice(LayerChoice):
    """A combo box of methods, foreground networks of every kind, and layers.

    When networks are trained in this process, they appear at once; the choice stays.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers to offer.
    accepts : callable
        Which layers to list.
    methods : mapping of str to str
        Texts and names of the methods to list.
    on_error : callable
        Called with what is wrong with a model file.
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(
        self,
        viewer: Any,
        *,
        accepts: Callable[[Layer], bool],
        methods: Mapping[str, str],
        on_error: Callable[[Exception], object],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(
            viewer,
            accepts=accepts,
            fixed=_sources(methods, []),
            fixed_refusal=method_refusal,
            parent=parent,
        )
        self._methods = methods
        self._on_error = on_error
        #: Networks loaded from files, by path.
        self._loaded: list[str] = []
        model_news.changed.connect(self.list_anew)
        self.load_button = QPushButton("Load file…")
        self.load_button.setToolTip(
            "Use the file (.safetensors) of a network that finds the foreground."
        )
        self.load_button.clicked.connect(self._ask_for_file)

    @property
    def network(self) -> str:
        """Name or file of the chosen network; empty when something else is chosen."""
        chosen = self.value
        return chosen if isinstance(chosen, str) and chosen not in ALL_METHODS.values() else ""

    def with_button(self) -> QWidget:
        """Put the list and the button that adds a file beside each other."""
        row = QWidget()
        beside = QHBoxLayout(row)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.addWidget(self, 1)
        beside.addWidget(self.load_button)
        row.setToolTip(self.toolTip())
        return row

    def load(self, path: Path) -> None:
        """Add the file of a network to the list and choose it; errors go to ``on_error``."""
        try:
            foreground_model_kind(path)
        except ModelFileError as error:
            self._on_error(error)
            return
        if str(path) not in self._loaded:
            self._loaded.append(str(path))
            self.list_anew()
        self.choose(str(path))

    def list_anew(self) -> None:
        """List the networks anew; the choice stays if it can."""
        self.set_fixed(_sources(self._methods, self._loaded))

    def _ask_for_file(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Load a network", "", MODEL_FILTER)
        if name:
            self.load(Path(name))


def _sources(methods: Mapping[str, str], files: Sequence[str]) -> dict[str, str]:
    """List methods, networks by name, and files: what the user reads, and what is meant."""
    sources = dict(methods)
    for model in available_foreground_models():
        if model.name not in ALL_METHODS.values():
            sources[f"{model.name} · network"] = model.name
    for path in files:
        text = f"{Path(path).name} · file"
        # Files in two folders may have one name.
        sources[f"{path} · file" if text in sources else text] = path
    return sources
