"""Which frames are trained on, validated on and tested on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.images import NormalisationKind
from napari_inpaintaff.inpainting import DEFAULT_INPAINTER
from napari_inpaintaff.pipeline.reproduction.layout import (
    Frame,
    FrameChoice,
    challenge_frames,
    paired_frames,
    unlabelled_images,
)
from napari_inpaintaff.pipeline.reproduction.subsets import Box

HELA, PSC, BBBC039, DSB2018 = "Fluo-N2DL-HeLa", "PhC-C2DL-PSC", "BBBC039", "DSB2018"
DATA_SETS = (HELA, PSC, BBBC039, DSB2018)
SPLITS = ("paper", "development")

#: What the paper calls them.
SHORT_NAMES = {HELA: "HELA", PSC: "PANC", BBBC039: "BBBC039", DSB2018: "DSB2018"}

Roles = dict[str, tuple[FrameChoice, ...]]


@dataclass(frozen=True)
class DataSplit:
    """The roles of the frames of a data set, and how its images are seen.

    Attributes
    ----------
    data_set : str
        Name of its folder.
    roles : dict of str to tuple of FrameChoice
        Of ``train``, ``validate`` and ``test``; empty for a data set of pairs, which is
        divided by `halves`.
    diameter : float
        Typical diameter of a cell in pixels.
    normalisation : {"fluorescence", "linear"}
        How images become network input.
    inpainter : str or None
        Name of the model that separates its cells; None where one has to be trained.
    fifty : (str, Box) or None
        Frame and part with the about 50 cells of FGNet50; None takes the set of appendix B
        that comes nearest.
    notes : tuple of str
        What differs from the paper's protocol, as sentences.
    """

    data_set: str
    roles: Roles
    diameter: float = 25.0
    normalisation: NormalisationKind = "fluorescence"
    inpainter: str | None = DEFAULT_INPAINTER
    fifty: tuple[str, Box] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class DataFrames:
    """The frames of a data set that are there.

    Attributes
    ----------
    split : DataSplit
        What was looked for.
    train, validate, test : tuple of Frame
        Found.
    missing : dict of str to tuple of str
        By role, the files that are not there.
    unlabelled : tuple of Path
        Images to train an inpainter on: no test frames.
    """

    split: DataSplit
    train: tuple[Frame, ...]
    validate: tuple[Frame, ...]
    test: tuple[Frame, ...]
    missing: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unlabelled: tuple[Path, ...] = ()

    @property
    def name(self) -> str:
        """Of the data set."""
        return self.split.data_set

    def limited(self, *, most: int | None, crop: int | None) -> DataFrames:
        """Return fewer frames, and smaller ones, to validate and to test on; for a first look."""

        def some(frames: tuple[Frame, ...]) -> tuple[Frame, ...]:
            count = len(frames) if most is None else min(most, len(frames))
            # Evenly spaced: the first ones of a sequence have the fewest cells.
            chosen = [frames[(2 * k + 1) * len(frames) // (2 * count)] for k in range(count)]
            return tuple(replace(frame, crop=crop) for frame in chosen)

        return replace(self, validate=some(self.validate), test=some(self.test))


_PAPER = (
    DataSplit(
        HELA,
        {
            "train": (FrameChoice("01", (13, 52)),),
            "validate": (FrameChoice("01", (76,), complete=False),),
            "test": (FrameChoice("02", (23, 35, 36, 67, 75, 78, 79, 87), complete=False),),
        },
    ),
    DataSplit(
        PSC,
        {
            "train": (FrameChoice("02", (182,)),),
            "validate": (FrameChoice("02", (25,), complete=False),),
            "test": (FrameChoice("01", (98, 122), complete=False),),
        },
        diameter=13.0,
        normalisation="linear",
        inpainter=None,
    ),
)

_DEVELOPMENT = (
    DataSplit(
        HELA,
        {
            "train": (FrameChoice("01", (13, 52)),),
            "validate": (FrameChoice("01", (66, 71), "silver"),),
            "test": (FrameChoice("01", (75, 77, 79, 81, 82, 84, 86, 87, 89, 91), "silver"),),
        },
        fifty=("01/t052", (0, 700, 0, 370)),
        notes=(
            "Tested on the dense frames 075 to 091 of sequence 01, validated on 066 and 071; the "
            "paper tests on eight frames of sequence 02 and validates on frame 076 of 01.",
            "The truth of these frames is the challenge's silver truth, a fusion of the results "
            "of programs; the paper's is gold truth, by people. The training labels are the "
            "paper's: gold truth of frames 013 and 052. The test frames are of the same sequence.",
            "FGNet50 learns from columns 0 to 369 of frame 052.",
        ),
    ),
    DataSplit(
        PSC,
        {
            "train": (FrameChoice("01", (155,), "recovered"),),
            "validate": (FrameChoice("01", (165,), "recovered"),),
            "test": (
                FrameChoice(
                    "01",
                    (180, 185, 190, 195, 205, 210, 215, 220, 225, 230, 235, 240, 245),
                    "recovered",
                ),
            ),
        },
        diameter=13.0,
        normalisation="linear",
        inpainter=None,
        fifty=("01/t155", (0, 288, 0, 360)),
        notes=(
            "Approximate: the truth was recovered from a damaged copy of the challenge's silver "
            "truth, for training too; about 5 % of its cells are merged, more on the right.",
            "Trained on frame 155 of sequence 01, validated on 165, tested on 180 to 245; the "
            "paper trains on frame 182 of sequence 02, validates on 025 of 02, and tests on "
            "frames 098 and 122 of 01.",
            "FGNet50 learns from the upper left quarter of frame 155.",
        ),
    ),
    DataSplit(
        BBBC039,
        {},
        notes=("Not in the paper. Half of the labelled images are tested on.",),
    ),
    DataSplit(
        DSB2018,
        {},
        notes=(
            "Not in the paper. Half of the labelled images are tested on. Some dim nuclei are "
            "annotated and others are not.",
        ),
    ),
)

_SPLITS = {"paper": _PAPER, "development": _DEVELOPMENT}
_ROLES = ("train", "validate", "test")


def find_frames(root: Path, split: str, data_sets: tuple[str, ...] = ()) -> list[DataFrames]:
    """Find what is there of the data sets of a split.

    Parameters
    ----------
    root : Path
        With a folder for every data set.
    split : {"paper", "development"}
        Which frames have which role.
    data_sets : tuple of str, optional
        Names of those that are wanted; by default all of the split that are there.

    Returns
    -------
    list of DataFrames
        Those with at least a frame to test on.

    Raises
    ------
    ImageError
        If there is no such folder, a data set that was asked for is not there, or nothing
        can be tested.
    ParameterError
        If there is no such split, or a data set is not in it.
    """
    if split not in _SPLITS:
        raise ParameterError(f"unknown split {split!r}; use one of {', '.join(_SPLITS)}")
    known = [one.data_set for one in _SPLITS[split]]
    for name in data_sets:
        if name not in known:
            raise ParameterError(
                f"the split {split!r} has no data set {name!r}; choose of: {', '.join(known)}"
            )
        if not (root / name).is_dir():
            raise ImageError(f"there is no data set {root / name}")
    if not root.is_dir():
        raise ImageError(f"there is no folder {root}")
    wanted = [
        one
        for one in _SPLITS[split]
        if one.data_set in (data_sets or known) and (root / one.data_set).is_dir()
    ]
    if not wanted:
        raise ImageError(f"there is none of the data sets {', '.join(known)} in {root}")
    found = [_find(root / one.data_set, one) for one in wanted]
    if not any(one.test for one in found):
        lacking = "; ".join(f"{one.name} lacks {_first(one.missing['test'])}" for one in found)
        other = " (--split development needs less)" if split == "paper" else ""
        raise ImageError(f"nothing in {root} can be tested: {lacking}{other}")
    return found


def _first(missing: tuple[str, ...]) -> str:
    more = f" and {len(missing) - 1} more files" if len(missing) > 1 else ""
    return f"{missing[0]}{more}" if missing else "images with labels"


def _find(folder: Path, split: DataSplit) -> DataFrames:
    if not split.roles:
        return _halves(folder, split)
    found: dict[str, tuple[Frame, ...]] = {}
    missing: dict[str, tuple[str, ...]] = {}
    for role in _ROLES:
        found[role], missing[role] = challenge_frames(folder, split.roles[role])
    return DataFrames(
        split, **found, missing=missing, unlabelled=unlabelled_images(folder, found["test"])
    )


def _halves(folder: Path, split: DataSplit) -> DataFrames:
    """Test on every second image; validate on a quarter of the others."""
    frames = paired_frames(folder)
    learned, test = frames[::2], frames[1::2]
    count = max(1, len(learned) // 4) if len(learned) > 1 else 0
    train, validate = learned[: len(learned) - count], learned[len(learned) - count :]
    return DataFrames(split, train, validate, test, {"test": ()}, unlabelled_images(folder, frames))
