"""Layers as records of a session, and records as layers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from napari.layers import Image, Labels, Layer, Shapes
from numpy.typing import NDArray

from napari_inpaintaff.partition.corrections import (
    SavedCorrections,
    pack_corrections,
    unpack_corrections,
)
from napari_inpaintaff.session import (
    ImageRecord,
    LabelsRecord,
    PlaneCorrections,
    RegionRecord,
)
from napari_inpaintaff.widgets.corrected_layer import (
    adopt_corrections,
    corrected_planes,
    known_plane,
)
from napari_inpaintaff.widgets.evidence import (
    announce_result,
    evidence_of,
    is_result,
    remember_evidence,
    source_of_result,
)
from napari_inpaintaff.widgets.layer_choice import is_image
from napari_inpaintaff.widgets.own_layers import add_own_layer, is_own_layer
from napari_inpaintaff.widgets.paint_layers import add_paint_layer, is_paint_layer, source_of_paint
from napari_inpaintaff.widgets.placements import placement_arguments, placement_of
from napari_inpaintaff.widgets.planes import pixels_of
from napari_inpaintaff.widgets.region_picker import REGION_STYLE
from napari_inpaintaff.widgets.stroke_layer import StrokeLayer

_PLUGIN = "napari-inpaintaff"
#: Larger labels are not copied: what is painted while they are written may be in the file.
_COPIED_BYTES = 2**27


def is_recorded(layer: Layer) -> bool:
    """Whether a layer holds labels or strokes that belong into a session."""
    return holds_labels(layer) and isinstance(layer.data, np.ndarray) and layer.ndim >= 2


def holds_labels(layer: Layer) -> bool:
    """Whether a layer holds labels or strokes; those on disk are no part of a session."""
    if not isinstance(layer, Labels):
        return False
    return is_result(layer) or is_paint_layer(layer) or not is_own_layer(layer)


def image_of(viewer: Any, labels: Labels) -> Image | None:
    """Find the image that labels belong to.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose images to consider.
    labels : Labels

    Returns
    -------
    Image or None
        The one that they were made for, be it removed; otherwise the topmost with planes of
        the same size at the same place.
    """
    source = source_of_paint(labels) or source_of_result(labels)
    if isinstance(source, Image):
        return source
    return next((image for image in reversed(viewer.layers) if _covers(image, labels)), None)


def _covers(image: Layer, labels: Labels) -> bool:
    return (
        is_image(image)
        and pixels_of(image).shape[-2:] == labels.data.shape[-2:]
        and np.allclose(image.scale[-2:], labels.scale[-2:])
        and np.allclose(image.translate[-2:], labels.translate[-2:])
    )


def image_record(layer: Image) -> ImageRecord:
    """Record an image, without its fingerprint: that takes time."""
    source = layer.source
    ours = source.sample is not None and source.sample[0] == _PLUGIN
    low, high = layer.contrast_limits
    return ImageRecord(
        name=layer.name,
        path=source.path,
        reader=source.reader_plugin,
        sample=source.sample[1] if ours else None,
        shape=tuple(int(length) for length in pixels_of(layer).shape),
        fingerprint="",
        placement=placement_of(layer),
        contrast_limits=(float(low), float(high)),
        visible=bool(layer.visible),
    )


def labels_record(
    layer: Labels,
    image: int | None,
    *,
    strokes: StrokeLayer | None = None,
    with_evidence: bool = True,
) -> LabelsRecord:
    """Record labels or strokes as they are now.

    Parameters
    ----------
    layer : Labels
        See `is_recorded`.
    image : int or None
        Which of the session's images they belong to.
    strokes : StrokeLayer, optional
        Seeds or strokes for these labels that are not applied.
    with_evidence : bool, default True
        Whether affinities belong into the record: they are large.
    """
    data = layer.data
    if isinstance(data, np.ndarray) and data.nbytes <= _COPIED_BYTES:
        data = data.copy()
    role = "paint" if is_paint_layer(layer) else "result" if is_result(layer) else "labels"
    evidence = evidence_of(layer) if with_evidence else None
    return LabelsRecord(
        name=layer.name,
        role=role,
        image=image,
        data=data,
        placement=placement_of(layer),
        opacity=float(layer.opacity),
        visible=bool(layer.visible),
        corrections=_plane_corrections(layer, strokes),
        evidence=evidence,
    )


def _plane_corrections(layer: Labels, strokes: StrokeLayer | None) -> tuple[PlaneCorrections, ...]:
    planes = corrected_planes(layer)
    if strokes is not None and (plane := known_plane(layer, strokes.index)) is not None:
        planes[strokes.index] = plane
    records = []
    for index, plane in planes.items():
        saved = SavedCorrections(plane)
        if strokes is not None and strokes.index == index:
            saved = replace(saved, strokes=strokes.strokes, purpose=strokes.purpose.name.lower())
        records.append(PlaneCorrections(index, pack_corrections(saved)))
    return tuple(records)


def add_labels(
    viewer: Any, record: LabelsRecord, source: Image | None
) -> tuple[Labels, dict[tuple[int, ...], SavedCorrections]]:
    """Show recorded labels or strokes in a new layer.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to put it.
    record : LabelsRecord
        Its array becomes the layer's.
    source : Image or None
        The image that they belong to. Strokes without an image become plain labels.

    Returns
    -------
    layer : Labels
    planes : dict
        Corrections by plane; seeds or strokes of planes are not shown yet.

    Raises
    ------
    ImageError
        If corrections are damaged; nothing was added then.
    """
    planes = {
        plane.index: unpack_corrections(plane.arrays, record.name) for plane in record.corrections
    }
    data: NDArray[Any] = np.asarray(record.data)
    for index, saved in planes.items():
        data[index] = saved.corrections.state.labels
    arguments = {
        "name": record.name,
        "opacity": record.opacity,
        "visible": record.visible,
        **placement_arguments(record.placement),
    }
    if record.role == "paint" and source is not None:
        layer = add_paint_layer(viewer, source, data, **arguments)
    else:
        layer = Labels(data, **arguments)
        if record.role == "result":
            announce_result(layer, source)
            add_own_layer(viewer, layer)
        else:
            viewer.add_layer(layer)
    if record.evidence is not None:
        remember_evidence(layer, record.evidence)
    for index, saved in planes.items():
        adopt_corrections(layer, index, saved.corrections)
    return layer, planes


def region_record(form: str, layer: Shapes) -> RegionRecord:
    """Record the shapes of a region."""
    shapes = tuple(
        (str(kind), tuple(tuple(float(x) for x in corner) for corner in corners))
        for kind, corners in zip(layer.shape_type, layer.data, strict=True)
    )
    return RegionRecord(form, layer.name, shapes, placement_of(layer))


def add_region(viewer: Any, record: RegionRecord) -> Shapes:
    """Show the shapes of a region in a new layer."""
    layer = Shapes(
        [np.asarray(corners) for _, corners in record.shapes] or None,
        shape_type=[kind for kind, _ in record.shapes] or "rectangle",
        ndim=len(record.placement.scale),
        name=record.name,
        **REGION_STYLE,
        **placement_arguments(record.placement),
    )
    viewer.add_layer(layer)
    return layer
