"""The images of a session: found in the viewer, or opened again from where they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari.layers import Image

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.images import pixel_fingerprint
from napari_inpaintaff.images.ome_zarr import check_before_opening
from napari_inpaintaff.session import ImageRecord
from napari_inpaintaff.widgets.layer_choice import is_image
from napari_inpaintaff.widgets.notices import failure_message
from napari_inpaintaff.widgets.placements import placement_arguments
from napari_inpaintaff.widgets.planes import pixels_of
from napari_inpaintaff.widgets.proxies import itself

_PLUGIN = "napari-inpaintaff"
#: napari would run the one, and open the other as a session.
_NO_IMAGES = (".py", ".inpaintaff-session")


class SessionImages:
    """Finds or opens the images of a session, each at most once.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to show them.
    folder : Path
        Of the session file: images that were moved together with it are found there.
    """

    def __init__(self, viewer: Any, folder: Path) -> None:
        self._viewer = viewer
        self._folder = folder
        #: Why images are not there, or not as they were.
        self.notes: list[str] = []
        #: Layers that a file brought and nobody has taken yet.
        self._opened: dict[tuple[str, str | None], list[Image]] = {}
        self._taken: list[Image] = []

    def find(self, record: ImageRecord) -> Image | None:
        """Return the layer of an image, which may have to be opened; None if that fails."""
        for layer in self._open_layers(record):
            if _print_of(layer) == record.fingerprint:
                return self._take(layer)
        layers = self._brought(record)
        fitting = [layer for layer in layers if tuple(pixels_of(layer).shape) == record.shape]
        same = [layer for layer in fitting if _print_of(layer) == record.fingerprint]
        if not fitting:
            if layers:
                self.notes.append(
                    f"{record.name} has another size than when the session was saved: its labels "
                    "are shown without it."
                )
            return None
        layer = (same or fitting)[0]
        layers.remove(layer)
        if not same:
            self.notes.append(f"{record.name} has changed since the session was saved.")
        for name, value in placement_arguments(record.placement).items():
            setattr(layer, name, value)
        layer.name, layer.visible = record.name, record.visible
        layer.contrast_limits = record.contrast_limits
        return self._take(layer)

    def remove_unused(self) -> None:
        """Close what files brought besides, such as channels that were not open."""
        for layers in self._opened.values():
            for layer in layers:
                self._viewer.layers.remove(layer)
        self._opened.clear()

    def _open_layers(self, record: ImageRecord) -> list[Image]:
        return [
            layer
            for layer in map(itself, self._viewer.layers)
            if is_image(layer)
            and not layer.rgb
            and tuple(pixels_of(layer).shape) == record.shape
            and not any(layer is other for other in self._taken)
        ]

    def _take(self, layer: Image) -> Image:
        self._taken.append(layer)
        return layer

    def _brought(self, record: ImageRecord) -> list[Image]:
        """Open the file or sample of an image, and return the images that nobody took yet."""
        key = (record.path or "", record.sample)
        if key not in self._opened:
            before = [itself(layer) for layer in self._viewer.layers]
            try:
                self._open(record)
            except Exception as error:  # readers of other plugins raise anything
                self.notes.append(f"{record.name} cannot be opened: {failure_message(error)}")
            new = [layer for layer in map(itself, self._viewer.layers) if layer not in before]
            for layer in new:
                if not is_image(layer):
                    self._viewer.layers.remove(layer)
            self._opened[key] = [layer for layer in new if is_image(layer)]
        return self._opened[key]

    def _open(self, record: ImageRecord) -> None:
        if record.sample is not None:
            self._viewer.open_sample(_PLUGIN, record.sample)
            return
        if record.path is None:
            raise ImageError(
                "it was not opened from a file. Open or make it again, then open the session."
            )
        path = self._path(record.path)
        check_before_opening(path)
        self._viewer.open(str(path), plugin=record.reader, stack=False)

    def _path(self, given: str) -> Path:
        path = Path(given)
        if path.suffix.lower() in _NO_IMAGES:
            raise ImageError(f"{path} is no image.")
        for candidate in (path, self._folder / path.name):
            if candidate.exists():
                return candidate
        raise ImageError(f"there is no file {path}. Put it beside the session file, or open it.")


def _print_of(layer: Image) -> str:
    return pixel_fingerprint(pixels_of(layer), layer.name)
