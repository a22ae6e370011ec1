"""The text in a session file: records as JSON, with the names of the files of their arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.datatypes import Affinities
from napari_inpaintaff.images.pixels import Pixels
from napari_inpaintaff.partition.corrections import unpack_corrections
from napari_inpaintaff.session.document import (
    Evidence,
    ImageRecord,
    LabelsRecord,
    Placement,
    PlaneCorrections,
    RegionRecord,
    Session,
)

FORMAT = "napari-inpaintaff session"
VERSION = 1

#: Takes an array, or brings one, by its name in the file.
Keep = Callable[[str, Pixels], str]
Fetch = Callable[[str], NDArray[Any]]

_ROLES = ("labels", "result", "paint")


def session_json(session: Session, keep: Keep) -> dict[str, Any]:
    """Describe a session.

    Parameters
    ----------
    session : Session
    keep : callable
        Called with a name and every array; returns the name.

    Returns
    -------
    dict
        For `json.dumps`.
    """
    return {
        "format": FORMAT,
        "version": VERSION,
        "saved": session.saved.isoformat(),
        "images": [asdict(image) for image in session.images],
        "labels": [_labels_json(labels, n, keep) for n, labels in enumerate(session.labels)],
        "regions": [asdict(region) for region in session.regions],
        "forms": session.forms,
    }


def session_from_json(about: dict[str, Any], fetch: Fetch) -> Session:
    """Make a session of its description.

    Parameters
    ----------
    about : dict
        Read from a file: anything may be in it.
    fetch : callable
        Called with the name of every array; returns it.

    Returns
    -------
    Session

    Raises
    ------
    KeyError, TypeError, ValueError
        If it describes no session.
    """
    images = tuple(_image(entry) for entry in about["images"])
    labels = tuple(_labels(entry, len(images), fetch) for entry in about["labels"])
    forms = about["forms"]
    if not isinstance(forms, dict) or not all(isinstance(form, dict) for form in forms.values()):
        raise TypeError("the fields of the widgets are no mapping")
    return Session(
        saved=datetime.fromisoformat(about["saved"]).astimezone(),
        images=images,
        labels=labels,
        regions=tuple(_region(entry) for entry in about["regions"]),
        forms=forms,
    )


def _labels_json(labels: LabelsRecord, number: int, keep: Keep) -> dict[str, Any]:
    folder = f"labels/{number}"
    evidence = labels.evidence
    return {
        "name": labels.name,
        "role": labels.role,
        "image": labels.image,
        "placement": asdict(labels.placement),
        "opacity": labels.opacity,
        "visible": labels.visible,
        "origin": labels.origin,
        "data": keep(f"{folder}/data.npy", labels.data),
        "corrections": [
            {
                "index": plane.index,
                "arrays": {
                    name: keep(f"{folder}/corrections/{n}/{name}.npy", array)
                    for name, array in plane.arrays.items()
                },
            }
            for n, plane in enumerate(labels.corrections)
        ],
        "evidence": evidence
        and {
            "alpha": evidence.alpha,
            "minimum_size": evidence.minimum_size,
            "offsets": evidence.affinities.offsets,
            "values": keep(f"{folder}/affinities/values.npy", evidence.affinities.values),
            "weight": keep(f"{folder}/affinities/weight.npy", evidence.affinities.weight),
        },
    }


def _labels(entry: dict[str, Any], images: int, fetch: Fetch) -> LabelsRecord:
    image = entry["image"]
    if entry["role"] not in _ROLES:
        raise ValueError(f"unknown labels {entry['role']!r}")
    if image is not None and not 0 <= int(image) < images:
        raise ValueError(f"labels of an image {image} that is not there")
    data = fetch(entry["data"])
    if data.dtype.kind not in "iu" or data.ndim < 2:
        raise ValueError(f"labels of the type {data.dtype} and the shape {data.shape}")
    evidence = entry["evidence"]
    return LabelsRecord(
        name=str(entry["name"]),
        role=entry["role"],
        image=None if image is None else int(image),
        data=data,
        placement=_placement(entry["placement"], data.ndim),
        opacity=float(np.clip(float(entry["opacity"]), 0, 1)),
        visible=bool(entry["visible"]),
        origin=str(entry["origin"]),
        corrections=tuple(_plane(plane, data, fetch) for plane in entry["corrections"]),
        evidence=None if evidence is None else _evidence(evidence, data, fetch),
    )


def _plane(entry: dict[str, Any], data: NDArray[Any], fetch: Fetch) -> PlaneCorrections:
    index = tuple(int(i) for i in entry["index"])
    leading = data.shape[:-2]
    if len(index) != len(leading) or not all(
        0 <= i < n for i, n in zip(index, leading, strict=True)
    ):
        raise ValueError(f"corrections of a plane {index} that is not there")
    arrays = {str(name): fetch(file) for name, file in entry["arrays"].items()}
    if arrays["labels"].shape != data.shape[-2:]:
        raise ValueError("corrections of another shape than the labels")
    # Damage is found before anything is shown.
    unpack_corrections(arrays, "the session")
    return PlaneCorrections(index, arrays)


def _evidence(entry: dict[str, Any], data: NDArray[Any], fetch: Fetch) -> Evidence:
    offsets = tuple((int(y), int(x)) for y, x in entry["offsets"])
    values, weight = fetch(entry["values"]), fetch(entry["weight"])
    if values.shape[1:] != data.shape[-2:] or {values.dtype.kind, weight.dtype.kind} != {"f"}:
        raise ValueError("affinities that do not fit the labels")
    affinities = Affinities(values, offsets, weight)
    return Evidence(affinities, float(entry["alpha"]), int(entry["minimum_size"]))


def _image(entry: dict[str, Any]) -> ImageRecord:
    shape = tuple(int(length) for length in entry["shape"])
    low, high = _row(entry["contrast_limits"])
    return ImageRecord(
        name=str(entry["name"]),
        path=_text_or_none(entry["path"]),
        reader=_text_or_none(entry["reader"]),
        sample=_text_or_none(entry["sample"]),
        shape=shape,
        fingerprint=str(entry["fingerprint"]),
        placement=_placement(entry["placement"], len(shape)),
        contrast_limits=(low, high),
        visible=bool(entry["visible"]),
    )


def _region(entry: dict[str, Any]) -> RegionRecord:
    shapes = tuple(
        (str(kind), tuple(tuple(float(x) for x in corner) for corner in corners))
        for kind, corners in entry["shapes"]
    )
    placement = _placement(entry["placement"], len(entry["placement"]["scale"]))
    if any(len(corner) != len(placement.scale) for _, corners in shapes for corner in corners):
        raise ValueError("a region with corners of other axes")
    return RegionRecord(str(entry["form"]), str(entry["name"]), shapes, placement)


def _placement(entry: dict[str, Any], axes: int) -> Placement:
    placement = Placement(
        scale=_row(entry["scale"]),
        translate=_row(entry["translate"]),
        rotate=_matrix(entry["rotate"], axes),
        shear=_matrix(entry["shear"], axes),
        affine=_matrix(entry["affine"], axes + 1),
        units=tuple(str(unit) for unit in entry["units"]),
        axis_labels=tuple(str(label) for label in entry["axis_labels"]),
    )
    for name in ("scale", "translate", "units", "axis_labels"):
        if len(getattr(placement, name)) != axes:
            raise ValueError(f"{name} of {len(getattr(placement, name))} axes, not {axes}")
    return placement


def _row(values: Any) -> tuple[float, ...]:
    row = tuple(float(value) for value in values)
    if not np.isfinite(row).all():
        raise ValueError("numbers that are not finite")
    return row


def _matrix(rows: Any, size: int) -> tuple[tuple[float, ...], ...]:
    matrix = tuple(_row(row) for row in rows)
    if len(matrix) != size or any(len(row) != size for row in matrix):
        raise ValueError(f"a placement with a matrix that is not {size} x {size}")
    return matrix


def _text_or_none(value: Any) -> str | None:
    return None if value is None else str(value)
