"""What has to be computed: trainings, masks and affinities, each kept by what it depends on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from arena.foregrounds import RANDOM
from arena.frames import Contest, halves
from arena.methods import METHODS, MODES, Method, labels_from
from napari_inpaintaff.foreground import FGNetTraining
from napari_inpaintaff.foreground.fgnet_parameters import DEFAULT_STEPS
from napari_inpaintaff.inpainting import DEFAULT_INPAINTER, catalogue
from napari_inpaintaff.pipeline.reproduction.frame_tasks import MasksTask
from napari_inpaintaff.pipeline.reproduction.layout import Frame
from napari_inpaintaff.pipeline.reproduction.model_tasks import LabelledTask
from napari_inpaintaff.pipeline.reproduction.settings import FIFTY
from napari_inpaintaff.pipeline.reproduction.subsets import (
    LabelledPart,
    TrainingSet,
    count_instances,
    training_sets,
)
from napari_inpaintaff.pipeline.tasks import fingerprint
from napari_inpaintaff.separation import (
    DEFAULT_STUDENT,
    SEPARATION_MODES,
    AffNetTraining,
    SeparationParameters,
    find_student,
)


@dataclass(frozen=True)
class Arena:
    """What competes on what.

    Attributes
    ----------
    folder : Path
        For all that is computed.
    methods, foregrounds : tuple of str
        Names in `METHODS` or ``others``, and in `foregrounds.NAMES`.
    seeds : tuple of int
        Each parts the frames anew, damages borders anew and trains FGNet and AffNet anew.
    inpainters, students : mapping of str to Path
        By data set, where it is not the shipped one.
    others : mapping of str to Path
        By method, the folders of label images that other programs made.
    steps : int
        Of every training of FGNet and AffNet.
    """

    folder: Path
    methods: tuple[str, ...]
    foregrounds: tuple[str, ...]
    seeds: tuple[int, ...]
    inpainters: Mapping[str, Path] = field(default_factory=dict)
    students: Mapping[str, Path] = field(default_factory=dict)
    others: Mapping[str, Path] = field(default_factory=dict)
    steps: int = DEFAULT_STEPS

    def method(self, name: str) -> Method:
        """Return a method by its name."""
        return METHODS[name] if name in METHODS else labels_from(name, self.others[name])

    def inpainter(self, contest: Contest) -> Path:
        """Return the model file that takes patches of a data set apart."""
        return self.inpainters.get(contest.data_set, catalogue.find_inpainter(DEFAULT_INPAINTER))

    def student(self, contest: Contest) -> Path:
        """Return the model file of the student."""
        return self.students.get(contest.data_set, find_student(DEFAULT_STUDENT))

    @property
    def evidence(self) -> tuple[str, ...]:
        """What affinities the methods read."""
        return tuple(
            dict.fromkeys(filter(None, (self.method(name).evidence for name in self.methods)))
        )

    @property
    def modes(self) -> dict[str, SeparationParameters]:
        """Those of the information gain among them."""
        return {mode: SEPARATION_MODES[mode] for mode in MODES if mode in self.evidence}

    def variants(self, foreground: str) -> tuple[int, ...]:
        """Return the seeds by which a foreground differs; the first one if it does not."""
        return self.seeds if foreground in RANDOM else self.seeds[:1]


def training(arena: Arena, contest: Contest, network: str, seed: int) -> LabelledTask:
    """Return the training of an FGNet on about 50 cells, or of an AffNet on all there are."""
    data = _lessons(contest, network, seed)
    kind = FGNetTraining if network == "fgnet" else AffNetTraining
    chosen = kind(seed=seed, steps=arena.steps)
    start = arena.inpainter(contest)
    key = fingerprint(
        network,
        [(part.frame.image, part.frame.truth, part.box) for part in data.parts],
        start,
        chosen,
        contest.diameter,
    )
    output = arena.folder / "models" / f"{contest.data_set}-{network}-{key}.json"
    return LabelledTask(
        "fgnet" if network == "fgnet" else "affnet",
        data,
        output,
        start,
        contest.diameter,
        contest.normalisation,
        chosen,
        "auto",
    )


def masks(arena: Arena, contest: Contest, seed: int) -> MasksTask:
    """Return the prediction of the foreground of all frames by the FGNet of a seed."""
    trained = training(arena, contest, "fgnet", seed)
    key = fingerprint(trained.output.name, [frame.image for frame in contest.frames])
    output = arena.folder / "foregrounds" / f"{contest.data_set}-{key}.npz"
    return MasksTask(trained.output, contest.frames, output, contest.diameter, "auto")


def affinity_file(arena: Arena, contest: Contest, frame: Frame, mode: str) -> Path:
    """Return where the affinities of a frame by information gain are kept."""
    key = fingerprint(
        frame.image, arena.inpainter(contest), SEPARATION_MODES[mode], contest.diameter
    )
    return arena.folder / "affinities" / f"{contest.data_set}-{mode}-{key}.npz"


def _lessons(contest: Contest, network: str, seed: int) -> TrainingSet:
    if network == "fgnet" and contest.fifty is not None:
        name, box = contest.fifty
        for frame in contest.lessons:
            if frame.name == name:
                part = LabelledPart(frame, box)
                return TrainingSet((part,), count_instances(frame.read()[1], box), FIFTY)
    frames: Sequence[Frame] = contest.lessons or halves(contest, seed)[0]
    labelled = [(frame, frame.read()[1]) for frame in frames]
    level = FIFTY if network == "fgnet" else None
    return (training_sets(labelled, (level,)) or training_sets(labelled, (None,)))[0]
