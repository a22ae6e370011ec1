"""How every plane of a large image is labelled."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from napari_inpaintaff.datatypes import Offset
from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.images import Region
from napari_inpaintaff.inpainting import DEFAULT_INPAINTER
from napari_inpaintaff.partition import OutlineParameters, PartitionParameters
from napari_inpaintaff.pipeline.foreground_source import check_outlines, usual_diameter
from napari_inpaintaff.pipeline.tiled.sources import ImageArray, ImageFile, ImageSource
from napari_inpaintaff.separation import SeparationParameters, find_model_file, load_model
from napari_inpaintaff.separation.student_metadata import StudentMetadata

if TYPE_CHECKING:
    from napari_inpaintaff.foreground import ForegroundModel
    from napari_inpaintaff.inpainting import Inpainter
    from napari_inpaintaff.separation import Student

    Model: TypeAlias = Inpainter | Student

#: A method by name, the file of a network, or a mask or label image.
ForegroundSource: TypeAlias = str | Path | ImageFile | ImageArray


@dataclass(frozen=True)
class Recipe:
    """How planes are labelled; everything that `iterate_segmentation` takes, but by name.

    Workers in other processes load models themselves, so they are given by name or file.

    Attributes
    ----------
    model : str or Path
        Name or file of an inpainter, a student or an AffNet. Not used with
        `OutlineParameters`.
    foreground : str, Path, ImageFile or ImageArray
        A method by name, the file of a network, or a mask or label image: one plane for all
        planes, or one each.
    diameter : float or None
        Typical diameter of a cell in pixels; by default the model's.
    region : tuple of two slices, or None
        Rows and columns to label, with start and stop.
    separation : SeparationParameters or None
        How an inpainter splits patches.
    partition : PartitionParameters, OutlineParameters or None
        How affinities, or the outline alone, become labels.
    outlines : {"auto", "keep"}
        Whether outlines of the foreground are moved to the edges of the image.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    """

    model: str | Path = DEFAULT_INPAINTER
    foreground: ForegroundSource = "otsu"
    diameter: float | None = None
    region: Region | None = field(default=None, hash=False)
    separation: SeparationParameters | None = None
    partition: PartitionParameters | OutlineParameters | None = None
    outlines: str = "auto"
    device: str = "auto"

    def __post_init__(self) -> None:
        check_outlines(self.outlines)
        if self.diameter is not None and not self.diameter > 0:
            raise ParameterError(f"the cell diameter must be positive, got {self.diameter}")

    @property
    def reads_outline(self) -> bool:
        """Whether labels come from the outline alone: no model is needed."""
        return isinstance(self.partition, OutlineParameters)

    def resolved(self) -> Recipe:
        """Return the same with the files that names stand for.

        Raises
        ------
        ModelFileError
            If there is no such model.
        """
        if self.reads_outline:
            return self
        return replace(self, model=find_model_file(self.model).absolute())

    def load(self) -> Model | None:
        """Load the model, once per process; None where the outline is enough."""
        return None if self.reads_outline else _model(Path(self.model), self.device)

    def load_foreground(self) -> str | ForegroundModel | ImageSource:
        """Return what finds the foreground, a network loaded once per process."""
        if isinstance(self.foreground, Path):
            return _foreground_model(self.foreground, self.device)
        return self.foreground

    def usual_diameter(self) -> float:
        """Return the diameter of the cells in pixels: the given one, or that of a model."""
        if self.diameter is not None:
            return self.diameter
        found = self.load_foreground()
        if isinstance(found, ImageFile | ImageArray):
            found = "none"
        return usual_diameter(found, self.load())

    def offsets(self) -> tuple[Offset, ...]:
        """Return the offsets of the affinities, in pixels of the image."""
        model = self.load()
        if model is None:
            return ()
        if isinstance(model.metadata, StudentMetadata):
            own = model.metadata.offsets
        else:
            own = (self.separation or SeparationParameters()).offsets
        return model.metadata.zoom(self.diameter).offsets(own)

    def identity(self) -> dict[str, Any]:
        """Return what the labels depend on; files stand for their content."""
        foreground: Any = self.foreground
        if isinstance(foreground, ImageFile | ImageArray):
            foreground = foreground.identity()
        region = None if self.region is None else [[p.start, p.stop] for p in self.region]
        return {
            "model": None if self.reads_outline else Path(self.model),
            "foreground": foreground,
            "diameter": self.diameter,
            "region": region,
            "separation": self.separation,
            "partition": [type(self.partition).__name__, self.partition],
            "outlines": self.outlines,
        }


@lru_cache(maxsize=2)
def _model(path: Path, device: str) -> Model:
    return load_model(path, device=device)


@lru_cache(maxsize=2)
def _foreground_model(path: Path, device: str) -> ForegroundModel:
    from napari_inpaintaff.foreground import load_foreground_model

    return load_foreground_model(path.absolute(), device=device)
