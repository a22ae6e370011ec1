"""The bouts: every method on a frame with one foreground, and what it scores there."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import napari_inpaintaff.foreground
import napari_inpaintaff.partition
from arena import foregrounds as foregrounds_module
from arena import methods as methods_module
from arena.foregrounds import FOREGROUNDS, Mask
from arena.frames import Contest
from arena.methods import MODES, Case, Method, found_again, label_file
from arena.plan import Arena, affinity_file, masks, training
from napari_inpaintaff.datatypes import Affinities
from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.evaluation import object_scores
from napari_inpaintaff.images import read_affinity_file, write_affinities
from napari_inpaintaff.inpainting import Inpainter
from napari_inpaintaff.pipeline.reproduction.layout import Frame
from napari_inpaintaff.pipeline.reproduction.mask_files import read_mask_of
from napari_inpaintaff.pipeline.tasks import (
    Task,
    fingerprint,
    make_folder,
    read_record,
    write_record,
)
from napari_inpaintaff.separation import (
    SEPARATION_MODES,
    AffNet,
    Student,
    compute_affinities,
    compute_student_affinities,
)


def foreground_of(
    arena: Arena, contest: Contest, frame: Frame, name: str, seed: int
) -> tuple[NDArray[Any], NDArray[np.integer], Mask]:
    """Return image, truth and the mask of a frame."""
    image, truth = frame.read()
    if name == "fgnet":
        mask = read_mask_of(masks(arena, contest, seed).output, frame.name)
    else:
        place = contest.frames.index(frame)
        mask = FOREGROUNDS[name](truth, image, contest.diameter, (seed, place))
    return image, truth, mask


@dataclass(frozen=True)
class Evidence(Task):
    """Take a frame apart by information gain, wherever some foreground needs it."""

    arena: Arena
    contest: Contest
    frame: Frame
    mode: str

    @property
    def title(self) -> str:
        """What is done, for people."""
        return f"{self.contest.data_set} {self.frame.name}: {self.mode}"

    def is_done(self) -> bool:
        """Whether nothing is missing."""
        before = self._before()
        return before is not None and not (self._wanted() & ~before[1]).any()

    def run(self) -> None:
        """Compute what is missing."""
        before = self._before()
        wanted = self._wanted()
        found = compute_affinities(
            self.frame.read()[0],
            Inpainter.load(self.arena.inpainter(self.contest)),
            SEPARATION_MODES[self.mode],
            wanted=wanted,
            previous=None if before is None else before[0],
            diameter=self.contest.diameter,
        )
        if before is not None:
            wanted |= before[1]
        output = affinity_file(self.arena, self.contest, self.frame, self.mode)
        make_folder(output.parent)
        write_affinities(output, found, foreground=wanted)

    def _wanted(self) -> Mask:
        wanted = np.zeros(self.frame.read()[1].shape, bool)
        for name in self.arena.foregrounds:
            for seed in self.arena.variants(name):
                image, _, mask = foreground_of(self.arena, self.contest, self.frame, name, seed)
                wanted |= mask | found_again(image, mask, self.contest.diameter)
        return wanted

    def _before(self) -> tuple[Affinities, Mask] | None:
        output = affinity_file(self.arena, self.contest, self.frame, self.mode)
        if not output.is_file():
            return None
        try:
            saved = read_affinity_file(output)
        except ImageError:
            return None
        return None if saved.foreground is None else (saved.affinities, saved.foreground)


@dataclass(frozen=True)
class Bout:
    """One method on one frame with one foreground, for every setting of its grid."""

    arena: Arena
    contest: Contest
    frame: Frame
    foreground: str
    seed: int
    method: str

    @property
    def title(self) -> str:
        """What is done, for people."""
        return f"{self.contest.data_set} {self.frame.name}, {self.foreground}: {self.method}"

    @property
    def output(self) -> Path:
        """Return the record: scores of all objects for every setting."""
        method = self.arena.method(self.method)
        trained: str | Path | None = None
        if self.method in self.arena.others:
            trained = label_file(self.arena.others[self.method], name_of(self.contest, self.frame))
        if method.evidence == "affnet":
            trained = training(self.arena, self.contest, "affnet", self.seed).output.name
        elif method.evidence == "student":
            trained = self.arena.student(self.contest)
        elif method.evidence:
            trained = self.arena.inpainter(self.contest)
        key = fingerprint(
            _code(), self.method, method.grid, trained, SEPARATION_MODES.get(method.evidence),
            self.frame.image, self.frame.truth, self.contest.diameter, self.foreground,
            masks(self.arena, self.contest, self.seed).output.name
            if self.foreground == "fgnet"
            else (self.seed, self.contest.frames.index(self.frame)),
        )  # fmt: skip
        return self.arena.folder / "scores" / self.contest.data_set / f"{key}.json"

    def is_done(self) -> bool:
        """Whether the record is there."""
        return read_record(self.output) is not None

    def run(self, case: Case) -> None:
        """Separate and score."""
        truth = self.frame.read()[1]
        method = self.arena.method(self.method)
        found = method.run(case, method.grid)
        record = {
            "scores": [object_scores(labels, truth).round(5).tolist() for labels in found],
            "objects": [int(len(np.unique(labels)) - 1) for labels in found],
        }
        write_record(self.output, record)

    def affinities(self, case: Case) -> Affinities | None:
        """Return what the method reads."""
        evidence = self.arena.method(self.method).evidence
        if not evidence:
            return None
        if evidence in MODES:
            path = affinity_file(self.arena, self.contest, self.frame, evidence)
            return read_affinity_file(path).affinities
        if evidence == "student":
            model = Student.load(self.arena.student(self.contest))
        else:
            model = AffNet.load(training(self.arena, self.contest, "affnet", self.seed).model)
        wanted = case.foreground | case.found_again
        return compute_student_affinities(
            case.image, model, wanted=wanted, diameter=self.contest.diameter
        )

    def scores(self) -> list[NDArray[np.float64]]:
        """Read the scores of all objects for every setting."""
        record = read_record(self.output)
        assert record is not None
        return [np.asarray(one, float) for one in record["scores"]]


@dataclass(frozen=True)
class Round(Task):
    """All methods on one frame with one foreground; what they share is computed once."""

    bouts: tuple[Bout, ...]

    @property
    def title(self) -> str:
        """What is done, for people."""
        one = self.bouts[0]
        return f"{one.contest.data_set} {one.frame.name}, {one.foreground}"

    def is_done(self) -> bool:
        """Whether the records of all are there."""
        return all(bout.is_done() for bout in self.bouts)

    def run(self) -> None:
        """Separate and score with every method that has not yet."""
        left = [bout for bout in self.bouts if not bout.is_done()]
        if not left:  # another run was faster
            return
        case = case_of(left[0])
        affinities: dict[str, Affinities | None] = {}
        for bout in left:
            evidence = bout.arena.method(bout.method).evidence
            if evidence not in affinities:
                affinities[evidence] = bout.affinities(case)
            bout.run(replace(case, affinities=affinities[evidence]))


def case_of(bout: Bout) -> Case:
    """Return what the method of a bout sees, but for affinities."""
    contest, frame = bout.contest, bout.frame
    image, _, mask = foreground_of(bout.arena, contest, frame, bout.foreground, bout.seed)
    again = found_again(image, mask, contest.diameter)
    return Case(name_of(contest, frame), image, mask, again, contest.diameter)


def name_of(contest: Contest, frame: Frame) -> str:
    """Return the name of a frame among those of all data sets."""
    return f"{contest.data_set}/{frame.name}"


@lru_cache(1)
def _code() -> tuple[Path, ...]:
    """Return the files that labels depend on: when they change, earlier bouts are void."""
    partition = Path(napari_inpaintaff.partition.__file__).parent
    foreground = Path(napari_inpaintaff.foreground.__file__).parent
    own = (methods_module.__file__, foregrounds_module.__file__)
    return (
        *sorted(partition.glob("*.py")),
        foreground / "outline_fit.py",
        *(Path(name) for name in own if name),
    )


def seeds_of(arena: Arena, method: Method, foreground: str) -> tuple[int, ...]:
    """Return the seeds for which a method has another result on a foreground."""
    return arena.seeds if method.evidence == "affnet" else arena.variants(foreground)


def rounds(arena: Arena, contest: Contest) -> Iterator[Round]:
    """List all rounds of a data set."""
    for frame in contest.frames:
        for foreground in arena.foregrounds:
            for seed in arena.seeds:
                bouts = tuple(
                    Bout(arena, contest, frame, foreground, seed, name)
                    for name in arena.methods
                    if seed in seeds_of(arena, arena.method(name), foreground)
                )
                if bouts:
                    yield Round(bouts)


def stages(arena: Arena, contest: Contest) -> Iterator[list[Task]]:
    """List all work on a data set in its order; tasks of a stage do not need each other."""
    networks = [name for name in ("fgnet",) if name in arena.foregrounds]
    networks += [name for name in ("affnet",) if name in arena.evidence]
    yield [training(arena, contest, name, seed) for name in networks for seed in arena.seeds]
    if "fgnet" in arena.foregrounds:
        yield [masks(arena, contest, seed) for seed in arena.seeds]
    yield [
        Evidence(arena, contest, frame, mode) for frame in contest.frames for mode in arena.modes
    ]
    yield list(rounds(arena, contest))


def carry_out(tasks: list[Task], workers: int) -> None:
    """Do what is not done yet, several at a time, and say what."""
    left = [task for task in tasks if not task.is_done()]
    if not left:
        return
    context = get_context("spawn")
    with ProcessPoolExecutor(
        workers, context, initializer=torch.set_num_threads, initargs=(1,)
    ) as pool:
        futures = {pool.submit(task.run): task for task in left}
        for count, future in enumerate(as_completed(futures), 1):
            future.result()
            if count % 100 == 0 or count == len(left) or len(left) < 100:
                print(f"{count} of {len(left)}: {futures[future].title}", flush=True)
