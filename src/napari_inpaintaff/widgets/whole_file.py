"""Labels of an image layer of any size, written to a file tile by tile."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask.array as da
import zarr
from napari.layers import Image, Labels, Layer

from napari_inpaintaff.errors import OutputError
from napari_inpaintaff.foreground import FOREGROUND_METHODS, find_foreground_model
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.partition import PartitionParameters
from napari_inpaintaff.pipeline.planewise import PlaneShare
from napari_inpaintaff.separation import SEPARATION_MODES
from napari_inpaintaff.widgets.label_source import layer_axes
from napari_inpaintaff.widgets.loading import load_torch
from napari_inpaintaff.widgets.planes import pixels_of, result_placement
from napari_inpaintaff.widgets.settings import LabelSettings, NetworkSettings

if TYPE_CHECKING:
    from napari_inpaintaff.pipeline.tiled import ImageArray, TiledLabels


@dataclass(frozen=True)
class FileRun:
    """What is labelled, and where the labels go; read in the worker thread.

    Attributes
    ----------
    source : ImageArray
        The image.
    target : Path
        The folder to write.
    network : NetworkSettings
        What the affinities are computed with.
    foreground : str or ImageArray
        The name of a method or network, or the pixels of a mask or label layer.
    labels : LabelSettings
        How the labels are built.
    """

    source: ImageArray
    target: Path
    network: NetworkSettings
    foreground: str | ImageArray
    labels: LabelSettings


def file_run(
    source: Image,
    target: Path,
    network: NetworkSettings,
    foreground: str | Layer,
    labels: LabelSettings,
) -> FileRun:
    """Collect what a run needs, in the thread of the interface.

    Parameters
    ----------
    source : Image
        Of two to four axes.
    target : Path
        The folder to write.
    network, labels : NetworkSettings, LabelSettings
        Of "Separate cells".
    foreground : str or Layer
        A method, a network, or a mask or label layer.

    Raises
    ------
    ParameterError
        If the image has other axes.
    OutputError
        If something has the name of the target already.
    """
    if target.suffix.lower() != ".zarr":
        raise OutputError(f"{target} is no name for OME-Zarr: let it end in .zarr")
    if target.exists():
        raise OutputError(f"{target} is there already: choose another name, or remove it")
    given = foreground if isinstance(foreground, str) else _image_array(foreground)
    return FileRun(_image_array(source), target, network, given, labels)


def file_steps(run: FileRun) -> Generator[PlaneShare | Progress, None, TiledLabels]:
    """Label the image; see `iterate_tiled_segmentation`."""
    yield Progress(0, 0, "Loading the network…")
    load_torch()
    from napari_inpaintaff.pipeline.tasks.execution import TaskProgress
    from napari_inpaintaff.pipeline.tiled import Recipe, iterate_tiled_segmentation
    from napari_inpaintaff.separation import load_model

    network, labels = run.network, run.labels
    model = load_model(network.model, device=network.device)
    # The minimum size is meant for cells of the model's diameter there, and for these cells here.
    scale = model.metadata.zoom(network.diameter).factor
    foreground: Any = run.foreground
    if isinstance(foreground, str) and foreground not in FOREGROUND_METHODS:
        foreground = find_foreground_model(foreground).absolute()
    mode = SEPARATION_MODES.get(network.quality)
    recipe = Recipe(
        model=network.model,
        foreground=foreground,
        diameter=network.diameter,
        separation=None if mode is None else replace(mode, seed=network.seed),
        partition=PartitionParameters(
            labels.method,
            labels.alpha,
            round(labels.minimum_size / scale**2),
            network.diameter / scale,
        ),
        outlines=labels.outlines,
        device=network.device,
    )
    steps = iterate_tiled_segmentation(run.source, run.target, recipe)
    message = ""
    while True:
        try:
            update = next(steps)
        except StopIteration as end:
            result: TiledLabels = end.value
            return result
        if isinstance(update, TaskProgress):
            message = update.message or message
            whole = min(int(update.done), update.total - 1)
            yield PlaneShare(message, whole, update.total, update.done - whole)
        else:
            yield update


def labels_of_file(path: Path, source: Image) -> Labels:
    """Return a layer that reads the labels of a run from disk, in several resolutions.

    Parameters
    ----------
    path : Path
        What the run has written.
    source : Image
        The image that they belong to.
    """
    group = zarr.open_group(path, mode="r")
    names = sorted(group.array_keys(), key=int)
    levels: list[Any] = [da.from_zarr(path, component=name) for name in names]  # type: ignore[no-untyped-call]
    placement = result_placement(source, (0,) * (levels[0].ndim - 2))
    data = levels if len(levels) > 1 else levels[0]
    return Labels(
        data,
        name=f"{source.name} cells (file)",
        opacity=0.5,
        multiscale=len(levels) > 1,
        **placement,
    )


def _image_array(layer: Layer) -> ImageArray:
    from napari_inpaintaff.pipeline.tiled import ImageArray

    pixels = pixels_of(layer)
    names = [str(name) for name in layer.axis_labels]
    units = tuple(str(unit) for unit in layer.units)
    return ImageArray(pixels, layer_axes(names), tuple(layer.scale), units, layer.name)
