"""What was set in "Separate cells", to be applied to everything, found again by the viewer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from napari.layers import Layer
from qtpy.QtCore import QObject, Signal

from napari_inpaintaff.widgets.proxies import itself
from napari_inpaintaff.widgets.settings import LabelSettings, NetworkSettings

_OUTLINES = {"auto": "moved to the edges of the image", "keep": "as they are"}


@dataclass(frozen=True)
class TunedSettings:
    """All settings but the image and its region.

    Attributes
    ----------
    network : NetworkSettings or None
        None while there is no network.
    foreground : Layer or str
        A mask or label layer, or the name of a method or a network.
    labels : LabelSettings
        How affinities become labels.
    foreground_title, evidence : str
        What the user reads for the foreground, and for the method of ``labels``.
    """

    network: NetworkSettings | None
    foreground: Layer | str
    labels: LabelSettings
    foreground_title: str
    evidence: str

    @property
    def summary(self) -> str:
        """The settings for people, in a few lines."""
        network, labels = self.network, self.labels
        if network is None:
            return "There is no network yet."
        where = "" if network.device == "auto" else f", on {network.device.upper()}"
        how = f"{network.quality}, seed {network.seed}" if network.quality else "one pass"
        model = Path(network.model).stem if network.model.endswith(".safetensors") else ""
        layer = "" if isinstance(self.foreground, str) else "layer "
        return (
            f"Network: {model or network.model} ({how}{where})\n"
            f"Cell diameter: {network.diameter:g} px\n"
            f"Foreground: {layer}{self.foreground_title}\n"
            f"Outlines: {_OUTLINES[labels.outlines]}\n"
            f"Evidence: {self.evidence}\n"
            f"Cut strength α: {labels.alpha:g}\n"
            f"Minimum size: {labels.minimum_size} px"
        )


class TunedSettingsBoard(QObject):
    """Where "Separate cells" says what is set, and others read it."""

    #: The settings of some viewer are others now.
    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._settings: WeakKeyDictionary[Any, TunedSettings] = WeakKeyDictionary()

    def publish(self, viewer: Any, settings: TunedSettings) -> None:
        """Say what is set in a viewer; it stays known when the dock widget is closed."""
        self._settings[itself(viewer)] = settings
        self.changed.emit()

    def of(self, viewer: Any) -> TunedSettings | None:
        """Return what was set last in a viewer; None if nothing ever was."""
        return self._settings.get(itself(viewer))


#: The only one. Qt forgets listeners that are deleted.
tuned_settings = TunedSettingsBoard()
