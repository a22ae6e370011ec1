"""What all tasks of a run of tiles share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.images import Plane, SkippedImage
from napari_inpaintaff.pipeline.planewise import PlaneIndex
from napari_inpaintaff.pipeline.tiled.recipe import Recipe
from napari_inpaintaff.pipeline.tiled.sources import ImageArray, ImageFile, ImageSource
from napari_inpaintaff.pipeline.tiled.store import Store
from napari_inpaintaff.pipeline.tiled.tiles import Tile, TileGrid

#: Arrays of a store.
LABELS, FOREGROUND, AFFINITIES = "labels", "foreground", "affinities"
#: Pixels of planes that stand for all where statistics of intensities are made.
_MOST_PIXELS = 16_000_000


@dataclass(frozen=True)
class Work:
    """A run: an image, what is done with it, and where its results are kept.

    Attributes
    ----------
    source : ImageFile or ImageArray
        The image.
    recipe : Recipe
        How its planes are labelled, resolved.
    store : Store
        Of the results.
    side : int
        Largest side of a tile, in pixels.
    keeps_affinities : bool
        Whether affinities are kept of planes that are a single tile, too.
    """

    source: ImageSource
    recipe: Recipe
    store: Store
    side: int
    keeps_affinities: bool = False

    def plane(self, index: PlaneIndex) -> Plane:
        """Return a plane of the image."""
        return self.source.open().planes[index]

    def grid(self) -> TileGrid:
        """Return how planes are cut."""
        height, width = self.source.open().shape[-2:]
        return TileGrid((height, width), self.side)

    def foreground(self, index: PlaneIndex) -> Any:
        """Return what finds the foreground of a plane: a name, a network, or a plane of a mask."""
        found = self.recipe.load_foreground()
        if isinstance(found, ImageFile | ImageArray):
            planes = found.open().planes
            return planes[index if len(planes) > 1 else ()]
        return found

    def skipped(self, index: PlaneIndex) -> SkippedImage | None:
        """Return why a plane has no labels, None if nothing is wrong so far."""
        reason = (self.store.read(record_of(index)) or {}).get("skipped")
        return None if reason is None else SkippedImage(self.plane(index).name, str(reason))

    def skip(self, index: PlaneIndex, error: ImageError) -> None:
        """Record that a plane cannot be used, and why."""
        reason = SkippedImage.because(self.plane(index).name, error).reason
        self.store.write(record_of(index), {"skipped": reason})


def record_of(index: PlaneIndex, what: str = "", tile: Tile | None = None) -> str:
    """Return the name of a record: that a plane is finished, or one step of a tile."""
    plane = "-".join(map(str, index)) or "plane"
    return ".".join(filter(None, (plane, what, "" if tile is None else tile.name)))
