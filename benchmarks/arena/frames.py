"""What is separated: annotated frames by data set, and their halves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_inpaintaff.images import NormalisationKind
from napari_inpaintaff.pipeline.reproduction.layout import Frame
from napari_inpaintaff.pipeline.reproduction.splits import (
    BBBC039,
    DSB2018,
    HELA,
    PSC,
    find_frames,
)
from napari_inpaintaff.pipeline.reproduction.subsets import Box

DATA_SETS = (HELA, BBBC039, DSB2018, PSC)


@dataclass(frozen=True)
class Contest:
    """A data set of the arena.

    Attributes
    ----------
    data_set : str
        Name of its folder.
    frames : tuple of Frame
        All that methods are tuned and scored on.
    lessons : tuple of Frame
        Where FGNet and AffNet learn, if that is elsewhere; empty: on the tuning half.
    fifty : (str, box) or None
        Frame and part of the lessons with about 50 cells.
    diameter : float
        Of the cells, in pixels.
    normalisation : {"fluorescence", "linear"}
        How images become network input.
    """

    data_set: str
    frames: tuple[Frame, ...]
    lessons: tuple[Frame, ...]
    fifty: tuple[str, Box] | None
    diameter: float
    normalisation: NormalisationKind


def contests(root: Path, names: Sequence[str], *, most: int | None = None) -> list[Contest]:
    """Find the data sets; ``most`` frames of each, evenly spaced, for a quick look."""
    found = []
    for one in find_frames(root, "development", tuple(names)):
        if one.split.roles:
            frames, lessons = one.test, one.train
        else:
            frames, lessons = tuple(sorted((*one.train, *one.validate, *one.test), key=_name)), ()
        if most is not None and len(frames) > most:
            chosen = np.linspace(0, len(frames) - 1, most).round().astype(int)
            frames = tuple(frames[index] for index in chosen)
        split = one.split
        found.append(
            Contest(one.name, frames, lessons, split.fifty, split.diameter, split.normalisation)
        )
    return found


def _name(frame: Frame) -> str:
    return frame.name


def halves(contest: Contest, seed: int) -> tuple[tuple[Frame, ...], tuple[Frame, ...]]:
    """Part the frames at random: tuned on the first half, scored on the second."""
    order = np.random.default_rng(seed).permutation(len(contest.frames))
    middle = len(order) // 2
    tuned, scored = sorted(order[:middle]), sorted(order[middle:])
    return (
        tuple(contest.frames[index] for index in tuned),
        tuple(contest.frames[index] for index in scored),
    )
