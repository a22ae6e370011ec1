"""A session as the tests need it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from napari_inpaintaff.images import pixel_fingerprint
from napari_inpaintaff.partition.corrections import (
    Corrections,
    SavedCorrections,
    lock,
    merge,
    pack_corrections,
)
from napari_inpaintaff.separation.affinities import affinities_from_labels
from napari_inpaintaff.session import (
    Evidence,
    ImageRecord,
    LabelsRecord,
    Placement,
    PlaneCorrections,
    RegionRecord,
    Session,
)


def placement(axes: int = 2, **others: Any) -> Placement:
    def identity(size: int) -> tuple[tuple[float, ...], ...]:
        return tuple(tuple(float(value) for value in row) for row in np.eye(size))

    given = {
        "scale": (0.5,) * axes,
        "translate": (3.0,) * axes,
        "rotate": identity(axes),
        "shear": identity(axes),
        "affine": identity(axes + 1),
        "units": ("micrometer",) * axes,
        "axis_labels": tuple("tzyx"[-axes:]),
    }
    return Placement(**{**given, **others})


def cells() -> np.ndarray:
    """Four cells side by side: 24 x 40 pixels."""
    labels = np.zeros((24, 40), np.int32)
    labels[2:22] = np.arange(40) // 10 + 1
    return labels


def example(image: np.ndarray | None = None, *, role: str = "result") -> Session:
    """An image, a stack of labels with a corrected and locked plane, seeds and a region."""
    image = np.zeros((3, 24, 40)) if image is None else image
    corrections = Corrections(cells())
    corrections.do(merge(corrections.state, [1, 2]))
    corrections.do(lock(corrections.state, [4]))
    corrections.undo()
    seeds = np.zeros((24, 40), np.uint16)
    seeds[5, 5:9] = 1
    stack = np.stack([cells()] * 3)
    stack[1] = corrections.state.labels
    return Session(
        saved=datetime(2026, 11, 20, 14, 2, tzinfo=UTC),
        images=(
            ImageRecord(
                "nuclei",
                "/data/nuclei.tif",
                "napari",
                None,
                image.shape,
                pixel_fingerprint(image),
                placement(3),
                (0.0, 100.0),
            ),
        ),
        labels=(
            LabelsRecord(
                "nuclei cells",
                role,
                0,
                stack,
                placement(3),
                corrections=(
                    PlaneCorrections(
                        (1,), pack_corrections(SavedCorrections(corrections, seeds, "split"))
                    ),
                ),
                evidence=Evidence(affinities_from_labels(cells()), 1.5, 20),
            ),
        ),
        regions=(
            RegionRecord(
                "Separate cells",
                "Region",
                (("rectangle", ((0.0, 1.0, 1.0), (0.0, 1.0, 9.0), (0.0, 8.0, 9.0))),),
                placement(3),
            ),
        ),
        forms={"Separate cells": {"alpha": 1.25, "model": "nuclei-small"}},
    )
