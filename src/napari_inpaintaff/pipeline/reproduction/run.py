"""The run: all tasks in their order, several at a time, and the results at the end."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from napari_inpaintaff.errors import ImageError, OutputError
from napari_inpaintaff.pipeline.reproduction.experiments import plan_data_set
from napari_inpaintaff.pipeline.reproduction.report import failures, write_results
from napari_inpaintaff.pipeline.reproduction.settings import Reproduction
from napari_inpaintaff.pipeline.reproduction.splits import DataFrames, find_frames
from napari_inpaintaff.pipeline.tasks import Pool, Task, execute, make_folder
from napari_inpaintaff.pipeline.tasks.execution import TaskProgress

#: Finished work lies in this folder of the output.
WORK = "work"


@dataclass(frozen=True)
class Results:
    """What a run has written.

    Attributes
    ----------
    files : tuple of Path
        Markdown, CSV and figures, the Markdown first.
    computed, kept : int
        Tasks that were done now, and those whose results were there from an earlier run.
    failed : tuple of str
        What could not be done, and why.
    """

    files: tuple[Path, ...]
    computed: int
    kept: int
    failed: tuple[str, ...] = ()


def iterate_reproduction(
    root: str | Path, folder: str | Path, settings: Reproduction | None = None
) -> Generator[TaskProgress, None, Results]:
    """Run the papers' experiments on data in the layout of the Cell Tracking Challenge.

    What is finished is kept in the folder by a fingerprint of all that it depends on: after an
    interruption the same call goes on, and another one with other settings computes only what
    is different.

    Parameters
    ----------
    root : str or Path
        Folder with the data sets: ``Fluo-N2DL-HeLa``, ``PhC-C2DL-PSC``.
    folder : str or Path
        To write to; it is made if it is not there.
    settings : Reproduction, optional
        What to run, and how thoroughly.

    Yields
    ------
    TaskProgress
        Before and after every task. Not asking for the next one cancels the run.

    Returns
    -------
    Results
        The files.

    Raises
    ------
    ImageError
        If nothing of the data is there, or a frame cannot be read.
    ParameterError
        If a name or value cannot work.
    ModelFileError
        If a model cannot be loaded.
    OutputError
        If the folder cannot be written to.
    """
    settings = Reproduction() if settings is None else settings
    root, folder = Path(root), Path(folder)
    if folder.is_file():
        raise OutputError(f"{folder} is a file; name a folder to write to")
    found = find_frames(root, settings.split, settings.data_sets)
    testable = [
        frames.limited(most=settings.most_frames, crop=settings.crop)
        for frames in found
        if frames.test
    ]
    _check_images(testable, settings)
    plans = [plan_data_set(frames, settings, folder / WORK) for frames in testable]
    make_folder(folder)
    # Phase by phase over all data sets, so that no process waits for the other data set.
    phases: list[list[Task]] = []
    for number in range(max(len(plan.phases) for plan in plans)):
        phases.append([task for plan in plans for task in plan.phases[number]])
    total = sum(map(len, phases))
    computed = done = 0
    with Pool("processes", settings.workers).open() as executor:
        for phase in phases:
            with closing(execute(phase, executor, before=done, total=total)) as updates:
                computed += yield from updates
            done += len(phase)
    yield TaskProgress(total, total, "Drawing tables and figures…")
    files = write_results(folder, plans, found, settings)
    return Results(tuple(files), computed, total - computed, tuple(failures(plans)))


def _check_images(data_sets: Sequence[DataFrames], settings: Reproduction) -> None:
    """Raise what is wrong with the images and their truth, before any long work."""
    for frames in data_sets:
        for frame in (*frames.train, *frames.validate, *frames.test):
            replace(frame, crop=None).read()
        given = settings.inpainters.get(frames.name, frames.split.inpainter)
        if given is None and not frames.unlabelled:
            raise ImageError(
                f"{frames.name} has no model, and there is no image left to train one on: name one"
            )
