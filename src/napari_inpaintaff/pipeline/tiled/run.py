"""The run: planes of any size and number, tile by tile, into a label image on disk."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_inpaintaff.errors import ImageError, OutputError, ParameterError
from napari_inpaintaff.images import SkippedImage
from napari_inpaintaff.images.axes import LazyImage
from napari_inpaintaff.images.files import check_replaceable, check_writable
from napari_inpaintaff.images.ome_zarr import is_zarr
from napari_inpaintaff.images.ome_zarr_writing import (
    ZARR_SUFFIXES,
    iterate_ome_zarr_labels,
    multiscale_metadata,
)
from napari_inpaintaff.images.units import UNKNOWN_UNIT
from napari_inpaintaff.images.writing import TIFF_SUFFIXES, iterate_label_tiff
from napari_inpaintaff.jobs import Job, Progress
from napari_inpaintaff.pipeline.planewise import PlaneIndex
from napari_inpaintaff.pipeline.tasks import SERIAL, Pool, Task, execute, fingerprint
from napari_inpaintaff.pipeline.tasks.execution import TaskProgress
from napari_inpaintaff.pipeline.tiled.learning_tasks import LevelsTask, MergeTask
from napari_inpaintaff.pipeline.tiled.memory import check_memory
from napari_inpaintaff.pipeline.tiled.plane_task import PlaneTask
from napari_inpaintaff.pipeline.tiled.recipe import Recipe
from napari_inpaintaff.pipeline.tiled.sources import (
    ImageArray,
    ImageFile,
    ImageSource,
    fitting_planes,
)
from napari_inpaintaff.pipeline.tiled.stitch_task import StitchTask
from napari_inpaintaff.pipeline.tiled.store import Store, described
from napari_inpaintaff.pipeline.tiled.tile_tasks import AffinitiesTask, LabelTask
from napari_inpaintaff.pipeline.tiled.tiles import TILE
from napari_inpaintaff.pipeline.tiled.work import AFFINITIES, FOREGROUND, LABELS, Work, record_of

#: Of the folder with unfinished work, behind the name of the output.
UNFINISHED = ".unfinished"
#: Behind the name of the output, for affinities that are kept.
_KEPT = "_affinities.zarr"


@dataclass(frozen=True)
class TiledLabels:
    """What a run has written.

    Attributes
    ----------
    path : Path
        The label image.
    affinities : Path or None
        The folder of affinities, if they were kept.
    cells : tuple of int
        Of every plane that has labels.
    moved : tuple of float
        By how many pixels outlines were moved on average, of the same planes.
    skipped : tuple of SkippedImage
        Planes that have none, and why.
    """

    path: Path
    affinities: Path | None
    cells: tuple[int, ...]
    moved: tuple[float, ...]
    skipped: tuple[SkippedImage, ...]


def iterate_tiled_segmentation(
    source: ImageSource,
    output: str | Path,
    recipe: Recipe | None = None,
    *,
    tile: int = TILE,
    pool: Pool = SERIAL,
    keep_affinities: bool = False,
    restart: bool = False,
) -> Generator[TaskProgress | Progress, None, TiledLabels]:
    """Separate the cells of an image of any size, and write the labels to a file.

    No more than a tile of a plane is in memory for every worker. Planes up to the size of a
    tile get the labels of `iterate_segmentation`. Of larger ones, every tile gets the same
    affinities as in a run of the whole plane; tiles are labelled with a margin, and cells on
    their borders are joined. Planes that cannot be used, such as black frames, are left out.

    Every finished tile is recorded in a folder beside the output. A run that was cancelled or
    killed goes on where it ended when it is called again; the result is the same to the byte.

    Parameters
    ----------
    source : ImageFile or ImageArray
        The image.
    output : str or Path
        Label image to write: ``.tif``, ``.tiff`` (OME-TIFF) or ``.zarr`` (OME-Zarr).
    recipe : Recipe, optional
        How planes are labelled.
    tile : int, optional
        Largest side of a tile in pixels, a multiple of 512. Labels on the borders of tiles may
        depend on it.
    pool : Pool, optional
        Who does the work.
    keep_affinities : bool, optional
        Whether affinities stay, as OME-Zarr beside the output: NaN where nothing is known.
    restart : bool, optional
        Whether unfinished work of another run with this output is thrown away.

    Yields
    ------
    TaskProgress or Progress
        How far the run is. Not asking for the next one cancels it; what is done stays.

    Returns
    -------
    TiledLabels
        Where the labels are, and what they are.

    Raises
    ------
    ImageError
        If the image cannot be read, or none of its planes can be used.
    ParameterError
        If a parameter cannot work.
    ModelFileError
        If a model cannot be loaded.
    OutputError
        If the output cannot be written, or belongs to unfinished work of another kind.
    DeviceError
        If the tiles do not fit into the memory of this computer.
    """
    output = Path(output)
    recipe = (Recipe() if recipe is None else recipe).resolved()
    if pool.is_local:
        height, width = source.open().shape[-2:]
        check_memory(tile, (height, width), pool.count, processes=pool.scheduler == "processes")
    work = _prepare(source, output, recipe, tile, keep_affinities, restart)
    indices = list(source.open().planes)
    lists = list(_stages(work, indices))
    total = sum(map(len, lists))
    done = 0
    with pool.open() as executor:
        for tasks in lists:
            with closing(execute(tasks, executor, before=done, total=total)) as updates:
                yield from updates
            done += len(tasks)
    records = {index: work.store.read(record_of(index)) or {} for index in indices}
    skipped = tuple(found for index in indices if (found := work.skipped(index)) is not None)
    if len(skipped) == len(indices):
        raise ImageError(f"{skipped[0].path_or_name} cannot be used: {skipped[0].reason}")
    yield from _write(work, output, max(record.get("largest", 0) for record in records.values()))
    kept = None
    if keep_affinities:
        kept = output.with_name(output.stem + _KEPT)
        work.store.give_away(AFFINITIES, kept)
    work.store.remove()
    finished = [record for record in records.values() if "cells" in record]
    return TiledLabels(
        output,
        kept,
        tuple(record["cells"] for record in finished),
        tuple(record["moved"] for record in finished),
        skipped,
    )


def segment_tiled(source: ImageSource, output: str | Path, **options: Any) -> TiledLabels:
    """Do what `iterate_tiled_segmentation` does, without the updates."""
    steps = iterate_tiled_segmentation(source, output, **options)
    return Job(steps, name="segmentation").run()


def unfinished_folder(output: Path) -> Path:
    """Return the folder in which a run keeps its work until the output is written."""
    return output.with_name(output.name + UNFINISHED)


def _prepare(
    source: ImageSource,
    output: Path,
    recipe: Recipe,
    tile: int,
    keep_affinities: bool,
    restart: bool,
) -> Work:
    """Check everything, and make the folder of the run."""
    if output.suffix.lower() not in (*TIFF_SUFFIXES, *ZARR_SUFFIXES):
        raise OutputError(f"{output} cannot be written: the name must end in .tif or .zarr")
    if output.suffix.lower() in ZARR_SUFFIXES:
        check_replaceable(output, replaces=is_zarr)
    else:
        check_writable(output)
    if keep_affinities and recipe.reads_outline:
        raise ParameterError("labels from the outline alone have no affinities to keep")
    image = source.open()
    work = Work(source, recipe, Store(unfinished_folder(output)), tile, keep_affinities)
    work.grid()
    recipe.load()
    found = recipe.load_foreground()
    if isinstance(found, ImageFile | ImageArray):
        fitting_planes(found.open(), image)
    settings = {**recipe.identity(), "tile": tile, "keep_affinities": keep_affinities}
    key = fingerprint(source.identity(), settings)
    work.store.begin(key, described(settings), restart=restart)
    _create_images(work)
    return work


def _create_images(work: Work) -> None:
    image, single = work.source.open(), work.grid().is_single

    def describe(name: str) -> dict[str, Any]:
        return multiscale_metadata(name, image.axes, image.scale, image.units)

    work.store.create(LABELS, image.shape, "uint32", 0, describe(LABELS))
    if not single:
        work.store.create(FOREGROUND, image.shape, "uint8", 0, describe(FOREGROUND))
    if work.recipe.reads_outline or (single and not work.keeps_affinities):
        return
    offsets = work.recipe.offsets()
    # OME-Zarr wants channels between time and space.
    place = int(image.axes.startswith("T"))
    axes, scale, units, shape = (
        [*values[:place], one, *values[place:]]
        for values, one in (
            (image.axes, "C"),
            (image.scale, 1.0),
            (image.units, UNKNOWN_UNIT),
            (image.shape, len(offsets)),
        )
    )
    described = multiscale_metadata(AFFINITIES, "".join(axes), scale, units)
    work.store.create(AFFINITIES, shape, "float32", math.nan, described, offsets=offsets)


def _stages(work: Work, indices: list[PlaneIndex]) -> Iterator[list[Task]]:
    """List the tasks in their order; those of one list do not need each other."""
    if work.grid().is_single:
        yield [PlaneTask(work, index) for index in indices]
        return
    tiles = list(work.grid().tiles())
    for index in indices:
        yield [LevelsTask(work, index)]
        yield [AffinitiesTask(work, index, tile) for tile in tiles]
        yield [MergeTask(work, index)]
        yield [LabelTask(work, index, tile) for tile in tiles]
        yield [StitchTask(work, index)]


def _write(work: Work, output: Path, largest: int) -> Generator[Progress, None, None]:
    image = work.source.open()
    labels = LazyImage(work.store.array(LABELS), image.axes, image.scale, image.units, output.stem)
    if output.suffix.lower() in ZARR_SUFFIXES:
        yield from iterate_ome_zarr_labels(output, labels, largest=largest)
    else:
        yield from iterate_label_tiff(
            output,
            labels.data,
            axes=image.axes,
            scale=image.scale,
            units=image.units,
            largest=largest,
            identity=work.store.fingerprint(),
        )
