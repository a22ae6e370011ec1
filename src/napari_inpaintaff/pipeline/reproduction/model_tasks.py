"""Units of work that leave a model behind: inpainter, student, FGNet, AffNet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import InpaintAffError
from napari_inpaintaff.foreground import (
    FGNet,
    FGNetTraining,
    foreground_targets,
    train_fgnet,
)
from napari_inpaintaff.foreground.targets import UNLABELLED
from napari_inpaintaff.images import (
    NormalisationKind,
    gather_planes,
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
from napari_inpaintaff.pipeline.reproduction.subsets import TrainingSet
from napari_inpaintaff.pipeline.tasks import Task, make_folder, read_record, write_record
from napari_inpaintaff.separation import (
    AffNet,
    AffNetTraining,
    Distillation,
    train_affnet,
)


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
class InpainterTask(Task):
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
class StudentTask(Task):
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
class LabelledTask(Task):
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
