"""Units of work that leave a file behind: a model, masks, affinities, scores."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError, InpaintAffError
from napari_inpaintaff.evaluation import close_gaps
from napari_inpaintaff.foreground import (
    FGNet,
    FGNetTraining,
    foreground_probability,
    foreground_targets,
    threshold,
    train_fgnet,
)
from napari_inpaintaff.images import (
    NormalisationKind,
    SavedAffinities,
    gather_planes,
    read_affinity_file,
    write_affinities,
)
from napari_inpaintaff.inpainting import (
    ARCHITECTURES,
    Inpainter,
    InpainterTraining,
    budget,
    checkpoint_path,
    train_inpainter,
)
from napari_inpaintaff.jobs import Job
from napari_inpaintaff.pipeline.distillation import iterate_distillation
from napari_inpaintaff.pipeline.reproduction.layout import Frame
from napari_inpaintaff.pipeline.reproduction.store import (
    make_folder,
    read_mask_of,
    read_record,
    write_masks,
    write_record,
)
from napari_inpaintaff.pipeline.reproduction.subsets import TrainingSet
from napari_inpaintaff.separation import (
    AffNet,
    AffNetTraining,
    Distillation,
    SeparationParameters,
    compute_affinities,
    train_affnet,
)

UNLABELLED = -1


class Task(Protocol):
    """A unit of work. It may run in another process, and twice at worst."""

    @property
    def title(self) -> str:
        """What is done, for people."""

    @abstractmethod
    def is_done(self) -> bool:
        """Whether its result is there."""

    @abstractmethod
    def run(self) -> None:
        """Do it, and leave the result where the tasks after it look for it."""


@dataclass(frozen=True)
class TrainedFile:
    """A model file that is there, or will be.

    Attributes
    ----------
    path : Path
        The file.
    mark : str
        Fingerprint of its content, or of all that it will be made from.
    """

    path: Path
    mark: str


@dataclass(frozen=True)
class InpainterTask:
    """Train an inpainter on unlabelled images; see `train_inpainter`."""

    images: tuple[Path, ...]
    output: Path
    diameter: float
    normalisation: NormalisationKind
    minutes: float | None
    steps: int | None
    device: str

    @property
    def title(self) -> str:
        """What is done, for people."""
        return f"training an inpainter on {len(self.images)} images"

    def is_done(self) -> bool:
        """Whether the model is there."""
        return self.output.is_file()

    def run(self) -> None:
        """Train; go on with a training that was interrupted."""
        make_folder(self.output.parent)
        checkpoint = checkpoint_path(self.output)
        training = InpainterTraining(
            ARCHITECTURES["small"], budget(minutes=self.minutes, steps=self.steps)
        )
        updates = train_inpainter(
            gather_planes(self.images).planes,
            training,
            name=self.output.stem,
            diameter=self.diameter,
            normalisation=self.normalisation,
            device=self.device,
            checkpoint=checkpoint,
            resume=checkpoint.exists(),
        )
        Job(updates, name=self.title).run().save(self.output)
        checkpoint.unlink(missing_ok=True)


@dataclass(frozen=True)
class StudentTask:
    """Distil a student from an inpainter on unlabelled images."""

    images: tuple[Path, ...]
    teacher: Path
    output: Path
    diameter: float
    foreground: str
    distillation: Distillation
    device: str

    @property
    def title(self) -> str:
        """What is done, for people."""
        return f"distilling a student from {self.distillation.patches} patches"

    def is_done(self) -> bool:
        """Whether the model is there."""
        return self.output.is_file()

    def run(self) -> None:
        """Distil."""
        make_folder(self.output.parent)
        updates = iterate_distillation(
            gather_planes(self.images).planes,
            self.teacher,
            self.distillation,
            name=self.output.stem,
            foreground=self.foreground,
            diameter=self.diameter,
            device=self.device,
        )
        Job(updates, name=self.title).run().save(self.output)


@dataclass(frozen=True)
class LabelledTask:
    """Train FGNet or AffNet on labelled cells.

    Attributes
    ----------
    network : {"fgnet", "affnet"}
        Which of the two.
    data : TrainingSet
        What is labelled; the rest of these frames is seen, but not as labelled.
    output : Path
        Record of the training; the model lies beside it.
    start : Path or None
        Inpainter whose features it begins with.
    training : FGNetTraining or AffNetTraining
        How long, and the seed.
    """

    network: Literal["fgnet", "affnet"]
    data: TrainingSet
    output: Path
    start: Path | None
    diameter: float
    normalisation: NormalisationKind
    training: FGNetTraining | AffNetTraining
    device: str

    @property
    def title(self) -> str:
        """What is done, for people."""
        name = "FGNet" if self.network == "fgnet" else "AffNet"
        return f"training {name} on {self.data.instances} cells, seed {self.training.seed}"

    @property
    def model(self) -> Path:
        """The model file."""
        return self.output.with_suffix(".safetensors")

    def is_done(self) -> bool:
        """Whether it was trained, or has been found impossible."""
        return read_record(self.output) is not None

    def run(self) -> None:
        """Train. Where the labels are too few for it, the record says why."""
        make_folder(self.output.parent)
        start = None if self.start is None else Inpainter.load(self.start, device=self.device)
        try:
            model = self._train(start)
        except InpaintAffError as error:
            write_record(self.output, {"failed": str(error)})
            return
        model.save(self.model)
        write_record(self.output, {"failed": None, "training": model.metadata.training})

    def _train(self, start: Inpainter | None) -> FGNet | AffNet:
        images: list[NDArray[Any]] = []
        labels: list[NDArray[np.integer]] = []
        targets: list[NDArray[np.int8]] = []
        for part in self.data.parts:
            image, truth = part.frame.read()
            images.append(image)
            inside = part.window
            known = np.full(truth.shape, UNLABELLED, np.int64)
            known[inside] = truth[inside]
            labels.append(known)
            target = np.full(truth.shape, UNLABELLED, np.int8)
            target[inside] = foreground_targets(truth[inside], sparse=False)
            targets.append(target)
        name = self.output.stem
        if isinstance(self.training, FGNetTraining):
            return Job(
                train_fgnet(
                    images,
                    targets,
                    self.training,
                    start=start,
                    name=name,
                    diameter=self.diameter,
                    normalisation=self.normalisation,
                    instances=self.data.instances,
                    device=self.device,
                ),
                name=self.title,
            ).run()
        return Job(
            train_affnet(
                images,
                labels,
                self.training,
                start=start,
                name=name,
                diameter=self.diameter,
                normalisation=self.normalisation,
                device=self.device,
            ),
            name=self.title,
        ).run()


@dataclass(frozen=True)
class MasksTask:
    """Predict the foreground of frames with a trained FGNet."""

    training: Path
    frames: tuple[Frame, ...]
    output: Path
    diameter: float
    device: str

    @property
    def title(self) -> str:
        """What is done, for people."""
        return f"foreground of {len(self.frames)} frames"

    def is_done(self) -> bool:
        """Whether the masks are there, or never will be."""
        return self.output.is_file() or bool((read_record(self.training) or {}).get("failed"))

    def run(self) -> None:
        """Predict."""
        if self.is_done():
            return
        network = FGNet.load(self.training.with_suffix(".safetensors"), device=self.device)
        masks = {
            frame.name: threshold(network.probability(frame.read()[0], diameter=self.diameter))
            for frame in self.frames
        }
        write_masks(self.output, masks)


@dataclass(frozen=True)
class Foreground:
    """A source of the foreground of frames.

    Attributes
    ----------
    kind : {"true", "fgnet", "global_otsu"}
        TRUEFG, the masks that a `MasksTask` wrote, or a threshold.
    masks : Path or None
        Those of an FGNet.
    """

    kind: Literal["true", "fgnet", "global_otsu"]
    masks: Path | None = None

    def is_there(self) -> bool:
        """Whether it can be read: a training may have been impossible."""
        return self.masks is None or self.masks.is_file()

    def of(
        self, frame: Frame, image: NDArray[Any], truth: NDArray[np.integer]
    ) -> NDArray[np.bool_]:
        """Return the mask of a frame."""
        if self.kind == "true":
            return close_gaps(truth)
        if self.masks is not None:
            return read_mask_of(self.masks, frame.name)
        return threshold(foreground_probability(image, self.kind))


@dataclass(frozen=True)
class AffinitiesTask:
    """Take a frame apart with an inpainter, where some foregrounds need it.

    What an earlier run has computed of this frame is kept: affinities do not depend on what
    else is wanted.
    """

    frame: Frame
    model: Path
    separation: SeparationParameters
    diameter: float
    foregrounds: tuple[Foreground, ...]
    output: Path
    device: str

    @property
    def title(self) -> str:
        """What is done, for people."""
        return f"affinities of {self.frame.name}"

    def is_done(self) -> bool:
        """Whether nothing is missing; looks into the file."""
        before = self._before()
        if before is None or before.foreground is None:
            return False
        return not (self._wanted(*self.frame.read()) & ~before.foreground).any()

    def run(self) -> None:
        """Compute what is missing."""
        image, truth = self.frame.read()
        wanted, before = self._wanted(image, truth), self._before()
        affinities = compute_affinities(
            image,
            Inpainter.load(self.model, device=self.device),
            self.separation,
            wanted=wanted,
            previous=None if before is None else before.affinities,
            diameter=self.diameter,
        )
        if before is not None and before.foreground is not None:
            wanted |= before.foreground
        make_folder(self.output.parent)
        # The foreground says what was computed: not every pixel of it has a weight.
        write_affinities(self.output, affinities, foreground=wanted)

    def _wanted(self, image: NDArray[Any], truth: NDArray[np.integer]) -> NDArray[np.bool_]:
        wanted = np.zeros(image.shape, bool)
        for foreground in self.foregrounds:
            if foreground.is_there():
                wanted |= foreground.of(self.frame, image, truth)
        return wanted

    def _before(self) -> SavedAffinities | None:
        if not self.output.is_file():
            return None
        try:
            return read_affinity_file(self.output)
        except ImageError:  # damaged: it is computed again
            return None
