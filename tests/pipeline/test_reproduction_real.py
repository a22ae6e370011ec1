"""The papers' experiments on the development images: frames, training sets, a known score."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_inpaintaff.images import read_labels
from napari_inpaintaff.pipeline.reproduction.frame_tasks import Foreground
from napari_inpaintaff.pipeline.reproduction.scoring import Run, ScoreTask, Source
from napari_inpaintaff.pipeline.reproduction.settings import LEVELS
from napari_inpaintaff.pipeline.reproduction.splits import find_frames
from napari_inpaintaff.pipeline.reproduction.subsets import count_instances, training_sets
from napari_inpaintaff.pipeline.tasks import read_record


@pytest.mark.data
def test_training_sets_of_hela_are_about_those_of_the_paper(data_folder: Path) -> None:
    found = {frames.name: frames for frames in find_frames(data_folder, "development")}
    hela = found["Fluo-N2DL-HeLa"]
    assert (len(hela.train), len(hela.validate), len(hela.test)) == (2, 2, 10)
    assert hela.missing == {"train": (), "validate": (), "test": ()}
    labelled = [(frame, read_labels(frame.truth)) for frame in hela.train]
    sets = training_sets(labelled, LEVELS)
    assert [one.instances for one in sets] == [1, 3, 8, 13, 25, 49, 110, 169]
    name, box = hela.split.fifty or ("", (0, 0, 0, 0))
    (labels,) = (labels for frame, labels in labelled if frame.name == name)
    assert count_instances(labels, box) == 50
    assert not {frame.image for frame in hela.test} & set(hela.unlabelled)


@pytest.mark.data
def test_components_of_the_true_foreground_of_hela(data_folder: Path, tmp_path: Path) -> None:
    (hela,) = find_frames(data_folder, "development", ("Fluo-N2DL-HeLa",))
    frames = tuple(frame for frame in hela.test if frame.name[-3:] in ("079", "084", "091"))
    run = Run(hela.name, "outline", "true", "foreground_components")
    task = ScoreTask(
        run, Source(), Foreground("true"), (), frames, 25.0, tmp_path / "score.json", "cpu"
    )
    task.run()
    record = read_record(task.output)
    assert record is not None
    # As tests/evaluation measures it.
    assert record["seg"] == pytest.approx(0.854, abs=1e-3)
    assert set(record["frames"]) == {"01/t079", "01/t084", "01/t091"}
