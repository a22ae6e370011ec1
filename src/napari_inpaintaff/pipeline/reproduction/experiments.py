"""The list of the experiments: what has to be trained, computed and scored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from napari_inpaintaff.foreground import FGNetTraining
from napari_inpaintaff.images import read_labels
from napari_inpaintaff.inpainting import InpainterMetadata, find_inpainter
from napari_inpaintaff.partition import MUTEX_WATERSHEDS, OUTLINE_METHODS, PARTITION_METHODS
from napari_inpaintaff.pipeline.reproduction.frame_tasks import (
    AffinitiesTask,
    Foreground,
    MasksTask,
)
from napari_inpaintaff.pipeline.reproduction.layout import Frame
from napari_inpaintaff.pipeline.reproduction.model_tasks import (
    InpainterTask,
    LabelledTask,
    StudentTask,
    TrainedFile,
)
from napari_inpaintaff.pipeline.reproduction.scoring import Run, ScoreTask, Separation, Source
from napari_inpaintaff.pipeline.reproduction.settings import FIFTY, Reproduction
from napari_inpaintaff.pipeline.reproduction.splits import DataFrames
from napari_inpaintaff.pipeline.reproduction.subsets import (
    LabelledPart,
    TrainingSet,
    count_instances,
    training_sets,
)
from napari_inpaintaff.pipeline.reproduction.variants import variants
from napari_inpaintaff.pipeline.tasks import Task, fingerprint
from napari_inpaintaff.separation import AffNetTraining, Distillation, SeparationParameters

TRUE = Foreground("true")

#: Images that an inpainter, and a student, is trained on; more would be read in vain.
_MOST_IMAGES = 120


@dataclass(frozen=True)
class Plan:
    """Everything to do for a data set, in the order in which it can be done.

    Attributes
    ----------
    frames : DataFrames
        The data set, with the frames that are used.
    phases : tuple of tuple of Task
        Tasks of a phase may run at the same time; each needs the phases before.
    trainings : tuple of LabelledTask
        Those of FGNet and AffNet, one of the phases.
    scores : tuple of ScoreTask
        The last phase.
    fifty : TrainingSet or None
        That of FGNet50.
    """

    frames: DataFrames
    phases: tuple[tuple[Task, ...], ...]
    trainings: tuple[LabelledTask, ...]
    scores: tuple[ScoreTask, ...]
    fifty: TrainingSet | None = None


def plan_data_set(frames: DataFrames, settings: Reproduction, folder: Path) -> Plan:
    """List the work for a data set.

    Parameters
    ----------
    frames : DataFrames
        What is there.
    settings : Reproduction
        What to run.
    folder : Path
        Where everything is kept.

    Returns
    -------
    Plan
        The same for the same data and settings; file names hold fingerprints of all that
        their content depends on.

    Raises
    ------
    ImageError
        If labels cannot be read.
    ModelFileError
        If the inpainter is not there, or none can be trained.
    """
    return _Planner(frames, settings, folder).plan()


@dataclass
class _Planner:
    """Collects tasks, each once."""

    frames: DataFrames
    settings: Reproduction
    folder: Path
    models: list[Task] = field(default_factory=list)
    students: list[Task] = field(default_factory=list)
    trainings: dict[Path, LabelledTask] = field(default_factory=dict)
    masks: dict[Path, MasksTask] = field(default_factory=dict)
    affinities: dict[Path, AffinitiesTask] = field(default_factory=dict)
    scores: dict[Path, ScoreTask] = field(default_factory=dict)

    def plan(self) -> Plan:
        sets, fifty = self._training_sets()
        self._inpainter = self._find_inpainter()
        parts = self.settings.parts
        if "table1" in parts:
            self._table1(fifty)
        if "figure4" in parts:
            self._figure4(sets)
        if "figure5" in parts:
            self._figure5(sets, fifty)
        if "clustering" in parts:
            self._clustering(fifty)
        if "appendix" in parts:
            self._appendix()
        phases: tuple[tuple[Task, ...], ...] = (
            tuple(self.models),
            tuple(self.students),
            tuple(self.trainings.values()),
            tuple(self.masks.values()),
            tuple(self.affinities.values()),
            tuple(self.scores.values()),
        )
        return Plan(
            self.frames,
            phases,
            tuple(self.trainings.values()),
            tuple(self.scores.values()),
            fifty,
        )

    def _table1(self, fifty: TrainingSet | None) -> None:
        self._score("outline", TRUE, "foreground_components")
        for engine in self._engines():
            for method in MUTEX_WATERSHEDS:
                self._score(engine, TRUE, method)
                for seed in self._seeds(fifty):
                    self._learned(engine, fifty, seed, method, fifty=True)

    def _figure4(self, sets: list[TrainingSet]) -> None:
        for data in sets:
            for seed in self._seeds(data):
                for engine in (*self._engines(), "affnet"):
                    self._learned(engine, data, seed)

    def _figure5(self, sets: list[TrainingSet], fifty: TrainingSet | None) -> None:
        for seed in self._seeds(fifty):
            for engine in self._engines():
                self._learned(engine, fifty, seed, fifty=True)
        if sets:
            for seed in self._seeds(sets[-1]):
                self._learned("affnet", sets[-1], seed)

    def _clustering(self, fifty: TrainingSet | None) -> None:
        # Affinities are compared as one engine makes them: the first.
        engine = self._engines()[0]
        for method in (*PARTITION_METHODS, *OUTLINE_METHODS):
            separation: Separation = "outline" if method in OUTLINE_METHODS else engine
            self._score(separation, TRUE, method)
            for seed in self._seeds(fifty):
                self._learned(separation, fifty, seed, method, fifty=True)
        self._score("outline", Foreground("global_otsu"), "foreground_components")

    def _appendix(self) -> None:
        count = self.settings.appendix_frames
        few = self.frames.limited(most=count, crop=self.settings.crop)
        few = replace(few, validate=few.validate[:1])
        choices = {"as published": self.settings.separation, **variants(self.settings.separation)}
        for name, separation in choices.items():
            self._score("igm", TRUE, variant=name, separation_parameters=separation, frames=few)

    def _learned(
        self,
        separation: Separation,
        data: TrainingSet | None,
        seed: int,
        method: str = "mutex_watershed",
        *,
        fifty: bool = False,
    ) -> None:
        """Score a foreground from labelled cells, with affinities from the same if supervised."""
        if data is None:
            return
        network = self._train("fgnet", data, seed)
        seen = [_content(frame) for frame in self._seen()]
        key = fingerprint(network.output.name, seen)
        output = self.folder / "foregrounds" / f"{self.frames.name}-{key}.npz"
        self.masks[output] = MasksTask(
            network.output, self._seen(), output, network.diameter, self.settings.device
        )
        self._score(
            separation, Foreground("fgnet", output), method, data=data, seed=seed, fifty=fifty
        )

    def _score(
        self,
        separation: Separation,
        foreground: Foreground,
        method: str = "mutex_watershed",
        *,
        data: TrainingSet | None = None,
        seed: int = 0,
        fifty: bool = False,
        variant: str = "",
        separation_parameters: SeparationParameters | None = None,
        frames: DataFrames | None = None,
    ) -> None:
        used = self.frames if frames is None else frames
        source, mark = self._source(separation, foreground, used, data, seed, separation_parameters)
        run = Run(
            self.frames.name,
            separation,
            foreground.kind,
            method,
            None if data is None else data.instances,
            None if data is None else data.level,
            fifty,
            seed,
            variant,
        )
        masks = None if foreground.masks is None else foreground.masks.name
        seen = [_content(frame) for frame in (*used.validate, *used.test)]
        key = fingerprint(run, mark, masks, seen, self._diameter)
        output = self.folder / "scores" / f"{self.frames.name}-{key}.json"
        self.scores[output] = ScoreTask(
            run,
            source,
            foreground,
            used.validate,
            used.test,
            self._diameter,
            output,
            self.settings.device,
        )

    def _source(
        self,
        separation: Separation,
        foreground: Foreground,
        frames: DataFrames,
        data: TrainingSet | None,
        seed: int,
        parameters: SeparationParameters | None,
    ) -> tuple[Source, str]:
        """Return where affinities come from, and a fingerprint of it."""
        if separation == "outline":
            return Source(), ""
        if separation == "affnet":
            assert data is not None
            network = self._train("affnet", data, seed)
            return Source(model=network.model, record=network.output), network.output.name
        inpainter = self._inpainter
        if separation == "student":
            student = self._student(inpainter)
            return Source(model=student.path), student.mark
        chosen = self.settings.separation if parameters is None else parameters
        files = []
        for frame in (*frames.validate, *frames.test):
            key = fingerprint(_content(frame), inpainter.mark, chosen, self._diameter)
            output = self.folder / "affinities" / f"{self.frames.name}-{key}.npz"
            before = self.affinities.get(output)
            needed = () if before is None else before.foregrounds
            self.affinities[output] = AffinitiesTask(
                frame,
                inpainter.path,
                chosen,
                self._diameter,
                tuple(dict.fromkeys((*needed, foreground))),
                output,
                self.settings.device,
            )
            files.append((frame.name, output))
        return Source(tuple(files)), fingerprint(inpainter.mark, chosen)

    def _train(self, network: str, data: TrainingSet, seed: int) -> LabelledTask:
        """Return the training of a network, the same for the same labels and seed."""
        kind = FGNetTraining if network == "fgnet" else AffNetTraining
        training = kind(
            steps=self.settings.steps,
            minutes=self.settings.minutes,
            seed=seed,
            config=self.settings.config,
        )
        inpainter = self._inpainter
        # The papers' networks have other layers than any inpainter.
        start = inpainter if self.settings.config == "small" else None
        key = fingerprint(
            network,
            [(_content(part.frame), part.box) for part in data.parts],
            None if start is None else start.mark,
            training,
            self._diameter,
            self.frames.split.normalisation,
        )
        output = self.folder / "models" / f"{self.frames.name}-{network}-{key}.json"
        task = LabelledTask(
            "fgnet" if network == "fgnet" else "affnet",
            data,
            output,
            None if start is None else start.path,
            self._diameter,
            self.frames.split.normalisation,
            training,
            self.settings.device,
        )
        return self.trainings.setdefault(output, task)

    def _student(self, inpainter: TrainedFile) -> TrainedFile:
        distillation = Distillation(
            patches=self.settings.student_patches,
            steps=self.settings.student_steps,
            separation=self.settings.separation,
        )
        images = self._unlabelled()
        key = fingerprint(inpainter.mark, images, distillation, self._diameter)
        output = self.folder / "models" / f"{self.frames.name}-student-{key}.safetensors"
        # Thresholds do not find the cells of phase contrast.
        foreground = "otsu" if self.frames.split.normalisation == "fluorescence" else "none"
        task = StudentTask(
            images,
            inpainter.path,
            output,
            self._diameter,
            foreground,
            distillation,
            self.settings.device,
        )
        if task not in self.students:
            self.students.append(task)
        return TrainedFile(output, key)

    def _find_inpainter(self) -> TrainedFile:
        """Return the inpainter of the data set, that is there or has to be trained."""
        split = self.frames.split
        given = self.settings.inpainters.get(self.frames.name, split.inpainter)
        if given is not None:
            path = find_inpainter(given)
            InpainterMetadata.read(path)  # to see that it is one
            return TrainedFile(path, fingerprint(path))
        images = self._unlabelled()
        length = (self.settings.inpainter_minutes, self.settings.inpainter_steps)
        key = fingerprint(images, split.diameter, split.normalisation, length)
        output = self.folder / "models" / f"{self.frames.name}-inpainter-{key}.safetensors"
        self.models.append(
            InpainterTask(
                images,
                output,
                split.diameter,
                split.normalisation,
                *length,
                self.settings.device,
            )
        )
        return TrainedFile(output, key)

    def _unlabelled(self) -> tuple[Path, ...]:
        images = self.frames.unlabelled
        step = max(1, -(-len(images) // _MOST_IMAGES))
        return images[::step]

    def _training_sets(self) -> tuple[list[TrainingSet], TrainingSet | None]:
        labelled = [(frame, read_labels(frame.truth)) for frame in self.frames.train]
        sets = training_sets(labelled, self.settings.levels)
        if self.frames.split.fifty is None:
            near = training_sets(labelled, (FIFTY,)) or training_sets(labelled, (None,))
            return sets, near[0] if near else None
        name, box = self.frames.split.fifty
        for frame, labels in labelled:
            if frame.name == name:
                part = LabelledPart(frame, box)
                return sets, TrainingSet((part,), count_instances(labels, box), FIFTY)
        return sets, None

    def _engines(self) -> tuple[Separation, ...]:
        chosen: dict[str, Separation] = {"igm": "igm", "student": "student"}
        return tuple(chosen[name] for name in self.settings.engines)

    def _seeds(self, data: TrainingSet | None) -> Iterator[int]:
        yield from range(self.settings.seeds if data is not None else 0)

    def _seen(self) -> tuple[Frame, ...]:
        return (*self.frames.validate, *self.frames.test)

    @property
    def _diameter(self) -> float:
        return self.frames.split.diameter


def _content(frame: Frame) -> tuple[str, Path, Path, int | None]:
    return frame.name, frame.image, frame.truth, frame.crop
